//! Lookups by id that lag: after a conversation's end, the first ones do not find it, or return it without its end.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Organisation;
use crate::data::Conversation;

/// The state in which a lookup sees an ended conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Absent,
    WithoutEnd,
    Complete,
}

#[derive(Debug, Default)]
pub(crate) struct Lookups {
    /// Number of lookups since each end of each conversation, by its index.
    counts: HashMap<(usize, Timestamp), u32>,
}

impl Organisation {
    /// The record as a lookup by id serves it now, without attributes; `None` if the lookup does not find it. Counts the
    /// lookup.
    pub(crate) fn look_up(&mut self, index: usize) -> Option<String> {
        let every = self.settings.faults.malformed_every;
        let sight = self.sight_of(index);
        let conversation = &self.data.conversations[index];
        let json = conversation.served_json_without_attributes(every, index);
        match sight {
            Sight::Absent => None,
            Sight::WithoutEnd => Some(without_end(&json, conversation)),
            Sight::Complete => Some(json.into_owned()),
        }
    }

    fn sight_of(&mut self, index: usize) -> Sight {
        let faults = &self.settings.live.faults;
        let (absent, open) = (faults.absent_lookups, faults.open_lookups);
        let Some(end) = self.data.conversations[index].end else {
            return Sight::Complete;
        };
        if absent + open == 0 {
            return Sight::Complete;
        }
        let count = self.lookups.counts.entry((index, end)).or_default();
        *count = count.saturating_add(1);
        if *count <= absent {
            Sight::Absent
        } else if *count <= absent + open {
            Sight::WithoutEnd
        } else {
            Sight::Complete
        }
    }
}

fn without_end(json: &str, conversation: &Conversation) -> String {
    let Some(end) = conversation.end else {
        return json.to_owned();
    };
    json.replacen(&format!("\"conversationEnd\":\"{end:.3}\","), "", 1)
}

//! The ends of conversations that live capture found, and the export that each of them belongs to.
//!
//! A conversation may end several times: it continues after its end, and ends again later. Each end is *claimed* by one
//! export, whose id is derived from the ends that it was made for. So however often an end is found, and by however
//! many handlers, it is in one export.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::format::FormatVersion;
use crate::base::hash::Sha256;
use crate::base::ids::{ConversationId, ExportId};
use crate::base::time::{format_key_time, format_timestamp, truncate_to_millis};
use crate::export::audit::Audited;
use crate::export::request::{ExportRequest, Filters, Include, RequestedRedaction, SourceKind};

/// The end of a conversation, as the API states it: not before 1970, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Timestamp", into = "String")]
pub struct ConversationEnd(Timestamp);

/// The time is before 1970: it could not be written in a key with four digits for its year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a conversation cannot have ended before 1970")]
pub struct EndedBefore1970;

/// A conversation, and one of its ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedConversation {
    pub conversation_id: ConversationId,
    pub conversation_end: ConversationEnd,
}

/// `ended/batches/{exportId}.json`: the ends that an export was made for. Those that it also claimed are its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedBatch {
    pub format_version: FormatVersion,
    pub export_id: ExportId,
    /// Sorted, each once.
    pub conversations: Vec<EndedConversation>,
    /// The scheduled time of the export's request, so that every handler composes the same request.
    pub created_at: Timestamp,
}

/// `ended/conversations/{conversationId}/{conversationEnd}.json`: the export that this end belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    pub format_version: FormatVersion,
    #[serde(flatten)]
    pub ended: EndedConversation,
    pub export_id: ExportId,
    pub claimed_at: Timestamp,
}

impl Audited for EndedBatch {}
impl Audited for Claim {}

/// The most ends of one batch. Whoever completes the batch claims all of them within an invocation; the request and the
/// plan, with 40 bytes for each id, stay far below the limits of an object.
pub const MAX_BATCH: usize = 5_000;

impl ConversationEnd {
    pub fn moment(self) -> Timestamp {
        self.0
    }

    /// The time as the key of a claim contains it.
    pub(crate) fn in_key(self) -> impl fmt::Display {
        format_key_time(self.0)
    }
}

impl TryFrom<Timestamp> for ConversationEnd {
    type Error = EndedBefore1970;

    fn try_from(moment: Timestamp) -> Result<Self, Self::Error> {
        if moment < Timestamp::UNIX_EPOCH {
            return Err(EndedBefore1970);
        }
        Ok(Self(truncate_to_millis(moment)))
    }
}

impl From<ConversationEnd> for String {
    fn from(end: ConversationEnd) -> Self {
        end.to_string()
    }
}

impl fmt::Display for ConversationEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        format_timestamp(self.0).fmt(f)
    }
}

impl fmt::Display for EndedConversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.conversation_id, self.conversation_end)
    }
}

impl EndedBatch {
    /// Batches of all these ends, each of at most [`MAX_BATCH`].
    pub fn split(ended: &BTreeSet<EndedConversation>, now: Timestamp) -> Vec<Self> {
        let ended: Vec<_> = ended.iter().cloned().collect();
        let batches = ended.chunks(MAX_BATCH);
        batches.map(|batch| Self::of(batch.to_vec(), now)).collect()
    }

    /// The batch of these ends, which are sorted, each once.
    fn of(conversations: Vec<EndedConversation>, now: Timestamp) -> Self {
        Self {
            format_version: FormatVersion,
            export_id: export_id(&conversations),
            conversations,
            created_at: now,
        }
    }

    /// Whether the end is one of the batch, provided that the batch is sorted.
    pub(crate) fn contains(&self, ended: &EndedConversation) -> bool {
        self.conversations.binary_search(ended).is_ok()
    }

    /// Whether the ends are sorted and the id is theirs.
    pub fn is_consistent(&self) -> bool {
        let is_sorted = self.conversations.is_sorted_by(|one, other| one < other);
        is_sorted && self.export_id == export_id(&self.conversations)
    }

    /// The request of the export, for those ends that it has claimed; `None` if it has claimed none. Quota, webhook and
    /// limits are those of every request that names none.
    pub fn request(
        &self,
        claimed: &BTreeSet<EndedConversation>,
        redaction: Option<RequestedRedaction>,
    ) -> Option<ExportRequest> {
        let own = self.conversations.iter().filter(|it| claimed.contains(it));
        let conversation_ids: Vec<_> = own.map(|it| it.conversation_id.to_string()).collect();
        (!conversation_ids.is_empty()).then(|| ExportRequest {
            export_id: Some(self.export_id.to_string()),
            source: SourceKind::AnalyticsQuery,
            scheduled_time: Some(format_timestamp(self.created_at).to_string()),
            filters: Filters {
                conversation_ids,
                ..Filters::default()
            },
            redaction,
            include: vec![Include::Transcripts],
            ..ExportRequest::default()
        })
    }
}

impl Claim {
    pub fn new(ended: EndedConversation, export_id: ExportId, now: Timestamp) -> Self {
        Self {
            format_version: FormatVersion,
            ended,
            export_id,
            claimed_at: now,
        }
    }
}

/// `live-` and the start of the SHA-256 of a line for each end, in order.
fn export_id(conversations: &[EndedConversation]) -> ExportId {
    let lines: Vec<_> = conversations.iter().map(|it| format!("{it}\n")).collect();
    let digest = Sha256::of(lines.concat()).short(16);
    #[expect(
        clippy::expect_used,
        reason = "a word, a hyphen and hexadecimal digits are an export id"
    )]
    format!("live-{digest}").parse().expect("an export id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(number: usize, end: &str) -> EndedConversation {
        EndedConversation {
            conversation_id: format!("00000000-0000-4000-8000-{number:012x}")
                .parse()
                .unwrap(),
            conversation_end: end.parse::<Timestamp>().unwrap().try_into().unwrap(),
        }
    }

    fn now() -> Timestamp {
        "2026-03-10T00:00:00.1234Z".parse().unwrap()
    }

    fn batch(conversations: &[EndedConversation]) -> EndedBatch {
        let conversations = conversations.iter().cloned().collect();
        let mut batches = EndedBatch::split(&conversations, now());
        assert_eq!(batches.len(), 1);
        batches.remove(0)
    }

    #[test]
    fn the_same_ends_in_any_order_are_one_export() {
        let one = ended(1, "2026-03-09T23:00:00Z");
        let two = ended(2, "2026-03-09T23:30:00Z");
        let later = ended(2, "2026-03-09T23:30:00.001Z");

        let first = batch(&[one.clone(), two.clone()]);
        let again = batch(&[two, one.clone()]);
        let continued = batch(&[one, later]);

        assert_eq!(first.export_id, again.export_id);
        assert_ne!(first.export_id, continued.export_id);
        // printf '00000000-0000-4000-8000-00000000000%s\n' '1 2026-03-09T23:00:00.000Z' '2 2026-03-09T23:30:00.000Z' | sha256sum
        insta::assert_snapshot!(first.export_id, @"live-ecaed960e405b5e3");
    }

    #[test]
    fn the_documents_are_stored_as_documented() {
        let one = ended(1, "2026-03-09T23:00:00Z");
        let batch = batch(std::slice::from_ref(&one));
        let claim = Claim::new(one, batch.export_id.clone(), now());

        insta::assert_snapshot!(serde_json::to_string(&batch).unwrap(), @r#"{"formatVersion":1,"exportId":"live-e49eede30efbc372","conversations":[{"conversationId":"00000000-0000-4000-8000-000000000001","conversationEnd":"2026-03-09T23:00:00.000Z"}],"createdAt":"2026-03-10T00:00:00.1234Z"}"#);
        insta::assert_snapshot!(serde_json::to_string(&claim).unwrap(), @r#"{"formatVersion":1,"conversationId":"00000000-0000-4000-8000-000000000001","conversationEnd":"2026-03-09T23:00:00.000Z","exportId":"live-e49eede30efbc372","claimedAt":"2026-03-10T00:00:00.1234Z"}"#);
    }

    #[test]
    fn the_request_names_the_claimed_conversations_and_nothing_else() {
        let (one, two) = (
            ended(1, "2026-03-09T23:00:00Z"),
            ended(2, "2026-03-09T23:30:00Z"),
        );
        let foreign = ended(3, "2026-03-09T23:30:00Z");
        let batch = batch(&[one.clone(), two]);

        let request = batch.request(&[one, foreign.clone()].into(), None).unwrap();

        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(ExportRequest::parse(&json).unwrap(), request);
        insta::assert_snapshot!(json, @r#"{"exportId":"live-ecaed960e405b5e3","source":"analytics-query","scheduledTime":"2026-03-10T00:00:00.123Z","membership":"start","filters":{"conversationIds":["00000000-0000-4000-8000-000000000001"]},"includeMedia":false,"records":"standard","onBadRecord":"quarantine","include":["transcripts"]}"#);
        assert_eq!(batch.request(&[foreign].into(), None), None);
        assert_eq!(batch.request(&BTreeSet::new(), None), None);
    }

    #[test]
    fn more_ends_than_fit_into_one_export_make_several() {
        let all: BTreeSet<_> = (0..=MAX_BATCH)
            .map(|number| ended(number, "2026-03-09T23:00:00Z"))
            .collect();

        let batches = EndedBatch::split(&all, now());

        let sizes: Vec<_> = batches.iter().map(|it| it.conversations.len()).collect();
        let together: BTreeSet<_> = batches.iter().flat_map(|it| &it.conversations).collect();
        assert_eq!(sizes, [MAX_BATCH, 1]);
        assert_eq!(together, all.iter().collect());
        assert!(EndedBatch::split(&BTreeSet::new(), now()).is_empty());
    }

    #[test]
    fn an_altered_batch_is_not_consistent() {
        let batch = batch(&[
            ended(1, "2026-03-09T23:00:00Z"),
            ended(2, "2026-03-09T23:30:00Z"),
        ]);
        let with = |change: &dyn Fn(&mut EndedBatch)| {
            let mut altered = batch.clone();
            change(&mut altered);
            altered.is_consistent()
        };

        assert!(batch.is_consistent());
        assert!(!with(&|it| it.conversations.reverse()));
        assert!(!with(&|it| it.conversations.clear()));
        assert!(!with(&|it| it
            .conversations
            .push(it.conversations[1].clone())));
        assert!(!with(&|it| it.export_id = "live-0".parse().unwrap()));
    }

    #[test]
    fn an_end_before_1970_is_refused() {
        let before: Timestamp = "1969-12-31T23:59:59.999Z".parse().unwrap();

        assert_eq!(ConversationEnd::try_from(before), Err(EndedBefore1970));
        assert!(serde_json::from_str::<ConversationEnd>(r#""-009999-01-02T01:59:59Z""#).is_err());
        assert!(ConversationEnd::try_from(Timestamp::MAX).is_ok());
    }
}

//! The parts of a transcript that is read by several routes: one for each medium, combined in one record.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::authors::is_assigned_id;
use super::limits::sort_key;
use super::record::status_and_problem;
use super::{Author, NoTranscript, Participant, Status, Transcript, Via};
use crate::records::medium::Medium;

/// The result of one medium, as the record states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub medium: Medium,
    pub status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    pub via: Option<Via>,
}

/// The result of reading one medium of a conversation.
pub(crate) type PartResult = (Medium, Result<Transcript, NoTranscript>);

/// Combines the parts of a conversation: the texts of all that were read, and a problem for each that was not, unless it
/// was never recorded. Without the conversation's start, the start that the parts state counts. Fails if none was read.
pub(crate) fn combine(
    results: Vec<PartResult>,
    conversation_start: Option<Timestamp>,
) -> Result<Transcript, NoTranscript> {
    let mut parts = Vec::new();
    let mut whole: Option<Transcript> = None;
    let mut missing = Vec::new();
    let are_several = results.iter().filter(|(_, result)| result.is_ok()).count() > 1;
    for (medium, result) in results {
        match result {
            Ok(mut transcript) => {
                parts.push(Part::of(medium, &transcript));
                if are_several {
                    transcript.set_positions();
                }
                match &mut whole {
                    Some(whole) => whole.append(transcript),
                    None => whole = Some(transcript),
                }
            }
            Err(reason) => {
                parts.push(Part {
                    medium,
                    status: reason.status,
                    problem: Some(reason.problem.clone()),
                    via: None,
                });
                missing.push((medium, reason));
            }
        }
    }
    let Some(mut whole) = whole else {
        return Err(none_was_read(&missing));
    };
    let missing = missing.iter().filter(|(_, it)| it.status.expects_text());
    whole.problems.extend(missing.map(problem_of_medium));
    whole.parts = parts;
    whole.start = conversation_start.or(whole.start);
    Ok(whole)
}

/// The status is that of the part that most likely still has a text.
fn none_was_read(missing: &[(Medium, NoTranscript)]) -> NoTranscript {
    let status = missing.iter().map(|(_, reason)| reason.status);
    let status = status.max_by_key(|status| likelihood_of_text(*status));
    let problem = match missing {
        [(_, only)] => only.problem.clone(),
        several => {
            let problems: Vec<_> = several.iter().map(problem_of_medium).collect();
            problems.join("; ")
        }
    };
    NoTranscript::new(status.unwrap_or(Status::Gone), problem)
}

fn problem_of_medium((medium, reason): &(Medium, NoTranscript)) -> String {
    format!("{}: {}", medium.as_str(), reason.problem)
}

/// How likely it is that a text exists in spite of this status.
pub(crate) fn likelihood_of_text(status: Status) -> u8 {
    match status {
        Status::NotRecorded => 0,
        Status::Gone => 1,
        Status::NotLicensed => 2,
        Status::Forbidden => 3,
        Status::Refused => 4,
        Status::TooLarge => 5,
        Status::Malformed => 6,
        Status::Unavailable => 7,
        Status::Preparing => 8,
        Status::Truncated => 9,
        Status::Partial => 10,
        Status::Complete => 11,
    }
}

impl Part {
    fn of(medium: Medium, transcript: &Transcript) -> Self {
        let (status, problem) = status_and_problem(transcript);
        Self {
            medium,
            status,
            problem,
            via: Some(transcript.via),
        }
    }
}

impl Transcript {
    /// Adds the texts of another part of the same conversation.
    fn append(&mut self, other: Self) {
        let Self {
            via: _,
            start,
            organization_id,
            participants,
            authors: _,
            mut messages,
            events,
            unreadable,
            missing,
            problems,
            recordings,
            cut,
            parts: _,
            web,
        } = other;
        let ids = self.take_participants(participants);
        for message in &mut messages {
            if let Some(id) = &mut message.participant_id
                && let Some(id_in_whole) = ids.get(id)
            {
                id_in_whole.clone_into(id);
            }
        }
        self.start = [self.start, start].into_iter().flatten().min();
        self.organization_id = self.organization_id.take().or(organization_id);
        self.messages.extend(messages);
        self.events.extend(events);
        self.unreadable.extend(unreadable);
        self.missing += missing;
        self.cut = std::mem::take(&mut self.cut).plus(cut);
        self.problems.extend(problems);
        self.web = self.web.take().or(web);
        for recording in recordings {
            if !self.recordings.iter().any(|known| known.id == recording.id) {
                self.recordings.push(recording);
            }
        }
    }

    /// Adds the participants of another part. Returns their ids in the whole, by their ids in the part.
    fn take_participants(&mut self, participants: Vec<Participant>) -> HashMap<String, String> {
        let known = self.participants.len();
        let ids = participants.into_iter().map(|participant| {
            let id = participant.participant_id.clone();
            (id, self.take_participant(participant, known))
        });
        ids.collect()
    }

    /// Adds a participant of another part, and returns the id to use. An id of the API means the same participant. An
    /// id that was assigned is replaced: one of the first `known` participants is the same if the names are equal.
    fn take_participant(&mut self, participant: Participant, known: usize) -> String {
        let Participant {
            participant_id,
            purpose,
            name,
            user_id,
        } = participant;
        let mut author = Author {
            id: None,
            purpose,
            name,
            user_id,
        };
        if is_assigned_id(&participant_id) {
            let place = self.authors.place_of(&author, &self.participants);
            let place = place.filter(|place| *place < known && author.name.is_some());
            if let Some(place) = place {
                return self.participants[place].participant_id.clone();
            }
            author.id = Some(self.authors.assign_id(&self.participants));
        } else {
            author.id = Some(participant_id);
        }
        self.add_participant(author)
    }

    /// Sets the times by which the messages are ordered among those of other parts. Sequence numbers order only the
    /// messages of their own part: the position of such a message is at least that of the one before it.
    fn set_positions(&mut self) {
        self.messages.sort_by_key(sort_key);
        let mut numbered = self.messages.iter().filter(|it| it.sequence.is_some());
        let mut latest = numbered.find_map(|it| it.time);
        for message in &mut self.messages {
            message.position = if message.sequence.is_some() {
                latest = latest.max(message.time);
                latest
            } else {
                message.time
            };
        }
        self.cut.order_by_time();
    }
}

#[cfg(test)]
mod tests;

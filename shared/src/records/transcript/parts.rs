//! The parts of a transcript that is read by several routes: one for each medium, combined in one record.

use serde::Serialize;

use super::record::status_and_problem;
use super::{NoTranscript, Status, Transcript, Via};
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

/// Combines the parts of a conversation: the texts of all that were read, and a problem for each that was not, unless
/// it was never recorded. Fails if none was read.
pub(crate) fn combine(results: Vec<PartResult>) -> Result<Transcript, NoTranscript> {
    let mut parts = Vec::new();
    let mut whole: Option<Transcript> = None;
    let mut missing = Vec::new();
    for (medium, result) in results {
        match result {
            Ok(transcript) => {
                parts.push(Part::of(medium, &transcript));
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
    for (medium, reason) in missing {
        if !reason.status.expects_text() {
            continue;
        }
        let problem = format!("{}: {}", medium.as_str(), reason.problem);
        whole.problems.push(problem);
    }
    whole.parts = parts;
    Ok(whole)
}

/// The status is that of the part that most likely still has a text.
fn none_was_read(missing: &[(Medium, NoTranscript)]) -> NoTranscript {
    let status = missing.iter().map(|(_, reason)| reason.status);
    let status = status.max_by_key(|status| hope(*status));
    let problem = match missing {
        [(_, only)] => only.problem.clone(),
        several => {
            let problems = several
                .iter()
                .map(|(medium, it)| format!("{}: {}", medium.as_str(), it.problem));
            problems.collect::<Vec<_>>().join("; ")
        }
    };
    NoTranscript::new(status.unwrap_or(Status::Gone), problem)
}

/// How likely it is that a text exists in spite of this status.
pub(crate) fn hope(status: Status) -> u8 {
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
        for participant in participants {
            let id = participant.participant_id.clone();
            let new_id = self.take_participant(participant);
            if new_id != id {
                for message in &mut messages {
                    if message.participant_id.as_ref() == Some(&id) {
                        message.participant_id = Some(new_id.clone());
                    }
                }
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
}

#[cfg(test)]
mod tests {
    use super::super::{Author, Message};
    use super::*;

    fn part(via: Via, texts: &[&str]) -> Transcript {
        let mut transcript = Transcript::new(via, None);
        for text in texts {
            let author = Author {
                name: Some((*text).to_owned()),
                ..Author::default()
            };
            let participant = transcript.add_participant(author);
            transcript.messages.push(Message {
                id: (*text).to_owned(),
                participant_id: Some(participant),
                ..Message::empty()
            });
        }
        transcript
    }

    fn gone() -> NoTranscript {
        NoTranscript::new(Status::Gone, "nothing was found")
    }

    #[test]
    fn parts_keep_their_texts_and_each_writer_remains_one() {
        let results = vec![
            (Medium::Message, Ok(part(Via::Messages, &["Ann", "Bob"]))),
            (Medium::Voice, Ok(part(Via::SpeechAnalytics, &["Eve"]))),
        ];

        let whole = combine(results).unwrap();

        let writers: Vec<_> = whole
            .messages
            .iter()
            .map(|it| {
                let id = it.participant_id.as_ref();
                let mut participants = whole.participants.iter();
                let writer = participants.find(|p| Some(&p.participant_id) == id);
                (&*it.id, writer.and_then(|p| p.name.as_deref()))
            })
            .collect();
        assert_eq!(
            writers,
            [
                ("Ann", Some("Ann")),
                ("Bob", Some("Bob")),
                ("Eve", Some("Eve"))
            ]
        );
        assert!(whole.parts.iter().all(|it| it.status == Status::Complete));
    }

    #[test]
    fn a_part_that_was_not_read_is_a_problem_of_the_whole() {
        let results = vec![
            (Medium::Message, Ok(part(Via::Messages, &["Ann"]))),
            (Medium::Voice, Err(gone())),
        ];

        let whole = combine(results).unwrap();

        assert_eq!(whole.problems, ["voice: nothing was found"]);
        assert_eq!(whole.parts[1].status, Status::Gone);
        assert_eq!(whole.parts[0].via, Some(Via::Messages));
    }

    fn unrecorded() -> NoTranscript {
        NoTranscript::new(Status::NotRecorded, "no leg was recorded")
    }

    #[test]
    fn a_part_that_was_never_recorded_is_listed_but_no_problem() {
        let results = vec![
            (Medium::Message, Ok(part(Via::Messages, &["Ann"]))),
            (Medium::Voice, Err(unrecorded())),
        ];

        let whole = combine(results).unwrap();

        assert_eq!(status_and_problem(&whole), (Status::Complete, None));
        assert_eq!(whole.parts[1].status, Status::NotRecorded);
        let none = vec![
            (Medium::Message, Err(gone())),
            (Medium::Voice, Err(unrecorded())),
        ];
        assert_eq!(combine(none).unwrap_err().status, Status::Gone);
    }

    #[test]
    fn if_no_part_was_read_the_most_hopeful_status_counts() {
        let results = vec![
            (Medium::Message, Err(gone())),
            (
                Medium::Voice,
                Err(NoTranscript::new(Status::Forbidden, "the client may not")),
            ),
        ];

        let none = combine(results).unwrap_err();

        assert_eq!(none.status, Status::Forbidden);
        assert_eq!(
            none.problem,
            "message: nothing was found; voice: the client may not"
        );
        let only = combine(vec![(Medium::Voice, Err(gone()))]).unwrap_err();
        assert_eq!(only, gone());
    }
}

//! Finds the participant who wrote a message, in constant time: a chat may have as many writers as messages.

use std::collections::HashMap;

use super::{Author, Participant};

type NameAndPurpose = (Option<String>, Option<String>);

/// The places of participants in their list, by id and by name. Of several with the same name, the first counts.
#[derive(Debug, Default)]
pub(crate) struct Authors {
    by_id: HashMap<String, usize>,
    by_name: HashMap<NameAndPurpose, usize>,
    /// Number of participants that are in the maps.
    listed: usize,
    /// The highest number that was assigned as an id.
    last_number: usize,
}

impl Authors {
    /// The place of an author among the participants. Without an id, the name and purpose must be equal.
    pub(super) fn place_of(
        &mut self,
        author: &Author,
        participants: &[Participant],
    ) -> Option<usize> {
        self.list(participants);
        if let Some(id) = &author.id {
            return self.by_id.get(id).copied();
        }
        let name = (author.name.clone(), author.purpose.clone());
        self.by_name.get(&name).copied()
    }

    /// An id for a participant whose source has none: `p` and the first number that no participant has, from the place
    /// of the next one.
    pub(super) fn assign_id(&mut self, participants: &[Participant]) -> String {
        self.list(participants);
        let mut number = participants.len().max(self.last_number) + 1;
        while self.by_id.contains_key(&assigned_id(number)) {
            number += 1;
        }
        self.last_number = number;
        assigned_id(number)
    }

    fn list(&mut self, participants: &[Participant]) {
        for (place, participant) in participants.iter().enumerate().skip(self.listed) {
            let id = participant.participant_id.clone();
            self.by_id.entry(id).or_insert(place);
            let name = (participant.name.clone(), participant.purpose.clone());
            self.by_name.entry(name).or_insert(place);
        }
        self.listed = participants.len();
    }
}

fn assigned_id(number: usize) -> String {
    format!("p{number}")
}

/// Whether the id has the form of those that are assigned.
pub(super) fn is_assigned_id(id: &str) -> bool {
    let number = id.strip_prefix('p').unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::{Author, Transcript, Via};

    fn named(name: &str) -> Author {
        Author {
            name: Some(name.to_owned()),
            ..Author::default()
        }
    }

    #[test]
    fn each_of_80000_writers_of_a_chat_is_listed_once() {
        let mut transcript = Transcript::new(Via::WebDetails, None);

        for round in 0..2 {
            for number in 1..=80_000 {
                let id = transcript.add_participant(named(&format!("guest {number}")));

                assert_eq!(id, format!("p{number}"), "round {round}");
            }
        }
        assert_eq!(transcript.participants.len(), 80_000);
    }

    #[test]
    fn an_author_is_found_by_id_or_else_by_name_and_purpose() {
        let mut transcript = Transcript::new(Via::Recordings, None);
        let first = Author {
            id: Some("a".to_owned()),
            ..named("Mary")
        };
        let second = Author {
            id: Some("b".to_owned()),
            ..named("Mary")
        };
        let bot = Author {
            purpose: Some("bot".to_owned()),
            ..named("Mary")
        };

        let ids = [first, second, named("Mary"), bot, named("Max")]
            .map(|author| transcript.add_participant(author));

        assert_eq!(ids, ["a", "b", "a", "p3", "p4"]);
    }

    #[test]
    fn an_assigned_id_is_never_that_of_the_source() {
        let mut transcript = Transcript::new(Via::WebDetails, None);
        let guest = Author {
            id: Some("p2".to_owned()),
            ..named("Mary")
        };

        let ids =
            [guest, named("Max"), named("Eve")].map(|author| transcript.add_participant(author));

        assert_eq!(ids, ["p2", "p3", "p4"]);
    }
}

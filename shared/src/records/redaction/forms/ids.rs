//! Ids that must stay, in every region.

use super::{REGIONS, redacted_by};
use crate::records::redaction::{Redactor, Region, Rules, Tally};

const UUIDS: usize = 50_000;

/// Random ids, the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from(b"0123456789abcdef"[(self.next() >> 32) as usize % 16]))
            .collect()
    }

    fn uuid(&mut self, separator: &str) -> String {
        [8, 4, 4, 4, 12]
            .map(|digits| self.hex(digits))
            .join(separator)
    }
}

#[test]
fn random_uuids_are_kept_in_every_region() {
    let mut random = Random(20_261_130);
    for region in REGIONS {
        let redactor = Redactor::new(Rules {
            regions: vec![region],
            ..Rules::default()
        });
        for number in 0..UUIDS {
            let id = random.uuid("-");
            let text = match number % 4 {
                0 => format!("sender {id} left"),
                1 => format!("urn:uuid:{}", id.to_uppercase()),
                2 => format!("{{{id}}}, {id}"),
                _ => format!("user_{id}/x"),
            };
            let mut tally = Tally::default();
            redactor.redact(&text, &mut tally);
            assert!(tally.is_empty(), "{text}");
        }
    }
}

#[test]
fn random_ids_without_hyphens_are_kept() {
    let mut random = Random(7);
    let redactor = Redactor::new(Rules {
        regions: vec![Region::DE, Region::US],
        ..Rules::default()
    });
    for number in 0..UUIDS {
        let id = match number % 5 {
            0 => random.uuid(""),
            1 => random.uuid("_"),
            2 => random.hex(24),
            3 => random.hex(40),
            _ => random.hex(64),
        };
        // Twelve letters of sixteen are digits: a few ids have hardly any letters.
        if id.bytes().filter(u8::is_ascii_alphabetic).count() >= 4 {
            assert_eq!(
                redacted_by(&redactor, &format!("id {id}.")),
                format!("id {id}.")
            );
        }
    }
}

#[test]
fn a_uuid_that_letters_touch_is_kept() {
    let redactor = Redactor::new(Rules {
        regions: REGIONS.to_vec(),
        ..Rules::default()
    });
    for text in [
        "id0f8fad5b-d9cb-469f-a165-70867728950e",
        "call00001001-0000-4000-8000-000000001001",
        "участник0f8fad5b-d9cb-469f-a165-70867728950e",
        "queueId_01111111-1111-4111-8111-111111111111",
        "x41111111-1111-4111-8111-111111111111",
    ] {
        assert_eq!(redacted_by(&redactor, text), text);
    }
}

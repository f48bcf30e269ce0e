//! A map by names of members, which are short and are looked up for each member of each record.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The names are ours: no text of a record becomes a key.
pub(crate) type Names<T> = HashMap<&'static str, T, BuildHasherDefault<Ends>>;

/// Hashes length, beginning and end of a name, of which each table has a hundred at most.
#[derive(Default)]
pub(crate) struct Ends(u64);

impl Hasher for Ends {
    fn write(&mut self, bytes: &[u8]) {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => (
                bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
                0,
            ),
        };
        let mixed = first.wrapping_mul(FACTOR) ^ last.rotate_left(23) ^ bytes.len() as u64;
        self.0 = (self.0 ^ mixed).wrapping_mul(FACTOR).rotate_left(29);
    }

    /// The end of a text.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

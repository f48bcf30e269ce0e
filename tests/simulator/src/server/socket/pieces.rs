//! The direct stream's text messages: several values may share one, and one value may be divided among several.

use fastrand::Rng;

use crate::live::{Pieces, SocketId};

/// White space that may stand between two values.
const SPACES: [&str; 4] = [" ", "\n", "\r\n\t", "  "];

pub(super) struct Cutter {
    pieces: Pieces,
    rng: Rng,
}

impl Cutter {
    pub(super) fn new(pieces: Pieces, socket: SocketId) -> Self {
        let seed = match pieces {
            Pieces::Whole => 0,
            Pieces::Cut { seed, .. } => seed,
        };
        Self {
            pieces,
            rng: Rng::with_seed(seed.rotate_left(32) ^ socket.0),
        }
    }

    /// The text messages for these values, which hold all of them completely.
    pub(super) fn messages(&mut self, values: &[&str]) -> Vec<String> {
        match self.pieces {
            Pieces::Whole => values.iter().map(|it| (*it).to_owned()).collect(),
            Pieces::Cut { max_bytes, .. } => {
                let text = self.join(values);
                self.cut(&text, max_bytes)
            }
        }
    }

    /// White space is optional between two objects.
    fn join(&mut self, values: &[&str]) -> String {
        let mut text = String::new();
        for value in values {
            text.push_str(value);
            if self.rng.bool() {
                text.push_str(self.rng.choice(SPACES).unwrap_or(" "));
            }
        }
        text
    }

    fn cut(&mut self, text: &str, max_bytes: usize) -> Vec<String> {
        let mut messages = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let wanted = self.rng.usize(1..=max_bytes.max(1)).min(rest.len());
            let end = rest.floor_char_boundary(wanted);
            // A character that is longer than a piece is a piece of its own.
            let first = rest.chars().next().map_or(rest.len(), char::len_utf8);
            let (piece, following) = rest.split_at(end.max(first));
            messages.push(piece.to_owned());
            rest = following;
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(max_bytes: usize, values: &[&str]) -> Vec<String> {
        let pieces = Pieces::Cut { seed: 7, max_bytes };
        Cutter::new(pieces, SocketId(0)).messages(values)
    }

    #[test]
    fn pieces_hold_every_value_and_are_short() {
        let values = [r#"{"a":"é☎🚚"}"#, r#"{"b":[1,2]}"#];

        for max_bytes in [1, 3, 100] {
            let messages = messages(max_bytes, &values);

            let longest = messages.iter().map(String::len).max().unwrap();
            assert!(longest <= max_bytes.max(4), "{max_bytes}: {longest}");
            let joined: String = messages.concat();
            assert_eq!(
                joined.split_whitespace().collect::<String>(),
                values.concat()
            );
        }
    }

    #[test]
    fn a_character_is_never_divided() {
        let single = messages(1, &["🚚é"]);

        assert_eq!(single[..2], ["🚚", "é"]);
    }

    #[test]
    fn whole_values_are_a_message_each() {
        let mut cutter = Cutter::new(Pieces::Whole, SocketId(0));

        assert_eq!(cutter.messages(&["{}", "[1, 2]"]), ["{}", "[1, 2]"]);
    }
}

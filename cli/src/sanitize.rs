//! Archived text, made safe for display.
//!
//! Text that participants wrote is not trusted: control characters would move the cursor or change colours, and
//! bidirectional formatting characters would reorder the columns.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::IsTerminal as _;

/// The destination of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Interprets control characters in the text.
    Terminal,
    /// Gets every byte unchanged.
    Program,
}

impl Destination {
    pub(crate) fn of_stdout() -> Self {
        if std::io::stdout().is_terminal() {
            Self::Terminal
        } else {
            Self::Program
        }
    }

    /// Equivalent JSON that is safe for a terminal. What a terminal would interpret occurs only in strings, where it
    /// can be escaped.
    pub(crate) fn sanitize_json(self, json: &str) -> Cow<'_, str> {
        let needs_escape = |letter| is_interpreted(letter) && letter != '\n';
        if self == Self::Program || !json.contains(needs_escape) {
            return json.into();
        }
        let mut escaped = String::with_capacity(json.len());
        for letter in json.chars() {
            if needs_escape(letter) && !letter.is_ascii_whitespace() {
                let _ = write!(escaped, "\\u{:04x}", u32::from(letter));
            } else {
                escaped.push(letter);
            }
        }
        escaped.into()
    }
}

/// Replaces or removes everything that a terminal would interpret, except line breaks.
pub(crate) fn sanitize(text: &str) -> String {
    let letters = text.replace("\r\n", "\n").replace('\t', " ");
    let shown = letters.chars().filter(|letter| !is_direction_mark(*letter));
    shown
        .map(|letter| match letter {
            '\n' => letter,
            letter if is_interpreted(letter) => char::REPLACEMENT_CHARACTER,
            letter => letter,
        })
        .collect()
}

/// Like `sanitize`, in one line.
pub(crate) fn sanitize_line(text: &str) -> String {
    sanitize(text).replace('\n', " ")
}

fn is_interpreted(letter: char) -> bool {
    // The last two break lines although they are not control characters.
    letter.is_control() || is_direction_mark(letter) || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// Characters that embed, override or isolate a text direction.
fn is_direction_mark(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced_and_direction_marks_removed() {
        let text = "\u{1b}[31mwarm\u{7}\u{9b}2J\0 \u{202e}evil\u{2066}\r\nnext\tline\u{2028}";

        assert_eq!(
            sanitize(text),
            "\u{fffd}[31mwarm\u{fffd}\u{fffd}2J\u{fffd} evil\nnext line\u{fffd}"
        );
        assert_eq!(sanitize_line("a\r\nb\nc"), "a b c");
    }

    #[test]
    fn json_on_a_terminal_keeps_its_value_and_escapes_controls() {
        let json = "{\"a\":\t\"\u{9b}2J \u{202e}\u{7f}é\"}\n";

        let shown = Destination::Terminal.sanitize_json(json);

        assert_eq!(shown, "{\"a\":\t\"\\u009b2J \\u202e\\u007fé\"}\n");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&shown), value(json));
        assert_eq!(Destination::Program.sanitize_json(json), json);
    }
}

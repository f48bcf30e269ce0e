//! Text without characters that a terminal, or a reader of log lines, would interpret.
//!
//! Control characters (ESC, OSC, C1) move the cursor, change colours or write to the clipboard; bidirectional formatting
//! reorders what follows; invisible characters hide what is there.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text in one line: controls and line breaks become spaces, other interpreted characters are removed.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_interpreted) {
        return text.into();
    }
    let is_kept = |letter: &char| !is_invisible(*letter);
    let shown = |letter| if is_interpreted(letter) { ' ' } else { letter };
    text.chars().filter(is_kept).map(shown).collect()
}

/// The text with its line breaks: every other control becomes U+FFFD, a tab a space, and invisible characters are
/// removed.
pub fn lines(text: &str) -> Cow<'_, str> {
    let is_changed = |letter| letter != '\n' && is_interpreted(letter);
    if !text.contains(is_changed) {
        return text.into();
    }
    let text = text.replace("\r\n", "\n").replace('\t', " ");
    let shown = |letter| match letter {
        '\n' => letter,
        letter if is_interpreted(letter) => char::REPLACEMENT_CHARACTER,
        letter => letter,
    };
    let is_kept = |letter: &char| !is_invisible(*letter);
    text.chars().filter(is_kept).map(shown).collect()
}

/// Like [`lines`], in one line: U+FFFD shows where a control was.
pub fn marked_line(text: &str) -> String {
    lines(text).replace('\n', " ")
}

/// JSON of the same value that contains nothing to interpret but blanks, tabs and line feeds. Outside strings JSON has no
/// such characters but carriage returns, which become blanks, so each other one can be escaped.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    let needs_escape = |letter| is_interpreted(letter) && !matches!(letter, '\t' | '\n');
    if !json.contains(needs_escape) {
        return json.into();
    }
    let mut escaped = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter == '\r' {
            escaped.push(' ');
        } else if needs_escape(letter) {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(letter);
        }
    }
    escaped.into()
}

/// Whether a terminal or a line reader may do something other than show the character.
pub fn is_interpreted(letter: char) -> bool {
    // U+2028 and U+2029 break lines although they are not control characters.
    letter.is_control() || is_invisible(letter) || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// Marks, embeddings, overrides and isolates of a text direction (Unicode Standard Annex #9, section 2), deprecated
/// formatting, annotations, and tags. Joiners (U+200C, U+200D) stay: scripts and emoji need them.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_no_character_that_is_interpreted() {
        let texts = [
            ("\u{1b}[31mred\u{1b}[0m", " [31mred [0m"),
            ("a\r\nb\u{85}c\u{2028}d", "a  b c d"),
            ("\u{1b}]52;c;ZXZpbA==\u{7}", " ]52;c;ZXZpbA== "),
            ("\u{9b}2J\u{9d}8;;x\u{9c}", " 2J 8;;x "),
            ("\u{202e}evil\u{2066}\u{200f}\u{e0041}\u{feff}", "evil"),
        ];

        for (text, expected) in texts {
            assert_eq!(one_line(text), expected);
        }
        for letter in (0..=0x0010_ffff).filter_map(char::from_u32) {
            let text = letter.to_string();
            assert!(!one_line(&text).contains(is_interpreted), "{letter:?}");
            assert!(
                !lines(&text).replace('\n', "").contains(is_interpreted),
                "{letter:?}"
            );
        }
    }

    #[test]
    fn line_breaks_stay_where_a_text_may_have_them() {
        assert_eq!(
            lines("\u{1b}[31mwarm\u{7}\u{9b}2J\0 \u{202e}evil\u{2066}\r\nnext\tline\u{2028}"),
            "\u{fffd}[31mwarm\u{fffd}\u{fffd}2J\u{fffd} evil\nnext line\u{fffd}"
        );
    }

    #[test]
    fn escaped_json_keeps_its_value() {
        let json = "{\"a\":\t\"\u{9b}2J \u{202e}\u{7f}é\u{e0041}\"}\n";

        let escaped = escaped_json(json);

        assert_eq!(
            escaped,
            "{\"a\":\t\"\\u009b2J \\u202e\\u007fé\\udb40\\udc41\"}\n"
        );
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&escaped), value(json));
    }
}

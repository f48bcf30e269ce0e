//! Texts that are not frames, as they are stored.

use std::fmt;

use super::{Problem, UnreadableText};
use crate::records::page::{holds_list_of_words, redact_rejected_event};
use crate::records::redaction::{Redactor, Tally};

/// A redacted text that is not a frame, and the reason.
#[derive(Clone, PartialEq, Eq)]
pub struct Quarantined {
    pub problem: Problem,
    /// Size of the text as received.
    pub size_bytes: u64,
    /// `None` if the text is damaged and may hold a list of single words, in which no pattern finds a value.
    pub text: Option<String>,
    pub(super) redactions: Tally,
}

impl Quarantined {
    pub fn new(problem: Problem, received: &str, redactor: &Redactor) -> Self {
        let mut redactions = Tally::default();
        let text = redact_rejected_event(received, redactor, &mut redactions);
        // Lists that are members of an object, and strings with lists, are replaced unless the text is damaged.
        let is_safe = !holds_list_of_words(&text);
        Self {
            problem,
            size_bytes: received.len() as u64,
            text: is_safe.then_some(text),
            redactions: if is_safe {
                redactions
            } else {
                Tally::default()
            },
        }
    }

    /// The beginning of a text of the direct stream that is not a value.
    pub fn of_unreadable(text: &UnreadableText, redactor: &Redactor) -> Self {
        Self {
            size_bytes: text.length,
            ..Self::new(Problem::NotJson, &text.first, redactor)
        }
    }
}

impl fmt::Debug for Quarantined {
    /// Omits the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quarantined")
            .field("problem", &self.problem)
            .field("size_bytes", &self.size_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::redaction::Rules;

    fn stored(received: &str) -> Option<String> {
        let redactor = Redactor::new(Rules::default());
        Quarantined::new(Problem::NotJson, received, &redactor).text
    }

    #[test]
    fn every_value_of_a_quarantined_text_is_redacted() {
        for (received, expected) in [
            ("mary.roe@example.com", "[REDACTED:EMAIL]"),
            (
                r#"{"eventTime":"+4915123456789""#,
                r#"{"eventTime":"[REDACTED:PHONE]""#,
            ),
            (
                r#"{"eventBody":{"conversationId":"4111 1111 1111 1111","wrapupNotes":"IP 10.0.0.1"}}"#,
                r#"{"eventBody":{"conversationId":"[REDACTED:CARD]","wrapupNotes":"IP [REDACTED:IP]"}}"#,
            ),
        ] {
            assert_eq!(stored(received).unwrap(), expected);
        }
    }

    #[test]
    fn lists_of_single_words_are_emptied_also_in_a_text_that_is_cut_off() {
        let words = r#"[{"word":"4111"},{"word":"1111"}]"#;
        for (received, expected) in [
            (
                format!(r#"{{"words":{words},"a":1}}"#),
                r#"{"words":[],"a":1}"#.to_owned(),
            ),
            (
                format!(r#"{{"a":[{{"decoratedWords" : {words}}}]"#),
                r#"{"a":[{"decoratedWords" : []}]"#.to_owned(),
            ),
            (
                r#"{"a":{"words":[{"word":"4111"},{"wo"#.to_owned(),
                r#"{"a":{"words":[]"#.to_owned(),
            ),
            (
                r#"{"words":"a text","words":{"0":"4111"}}"#.to_owned(),
                r#"{"words":"a text","words":[]}"#.to_owned(),
            ),
        ] {
            assert_eq!(stored(&received).unwrap(), expected);
        }
    }

    #[test]
    fn a_string_with_a_list_of_words_is_replaced() {
        let event = r#"{"words": [{"word":"4111"},{"word":"1111"}]}"#;
        let in_string = serde_json::json!({ "Message": event }).to_string();
        let in_strings = serde_json::json!({ "Message": in_string }).to_string();
        let escaped = in_string.replace(r#"\""#, r"\u0022");
        let on_lines = serde_json::json!({ "Message": event.replace(": ", ":\n") }).to_string();

        for received in [in_string, in_strings, escaped, on_lines] {
            assert_eq!(
                stored(&received).unwrap(),
                r#"{"Message":"[REDACTED:WORDS]"}"#,
                "{received}"
            );
        }
        let prose = r#"{"Message":"in other words: \"hello\""}"#;
        assert_eq!(stored(prose).unwrap(), prose);
    }

    #[test]
    fn a_damaged_text_that_may_hold_a_list_of_words_is_not_stored() {
        let redactor = Redactor::new(Rules::default());
        let received =
            r#"{"mail":"mary.roe@example.com","a":"x"y","words":[{"word":"4111"},{"word":"1111"}]"#;

        let quarantined = Quarantined::new(Problem::NotJson, received, &redactor);

        assert_eq!(
            (quarantined.text, quarantined.redactions.total()),
            (None, 0)
        );
        assert_eq!(quarantined.size_bytes, received.len() as u64);
    }
}

//! Texts that are not frames, as they are stored.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

use super::Problem;
use crate::records::page::redact_rejected_event;
use crate::records::redaction::{Redactor, Tally};

/// A list of single words inside a string, such as an event that was written as a string into another one. The lists
/// that are members of an object have been emptied before.
#[expect(clippy::expect_used, reason = "a constant, compiled in the tests")]
static WORDS_IN_A_STRING: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"ords\\*(?:"|u0022)(?:\s|\\+[nrt])*:(?:\s|\\+[nrt])*[\[{][^\]}]"#;
    Regex::new(pattern).expect("a regular expression")
});

/// A redacted text that is not a frame, and the reason.
#[derive(Clone, PartialEq, Eq)]
pub struct Quarantined {
    pub problem: Problem,
    /// Size of the text as received.
    pub size_bytes: u64,
    /// `None` if the text may hold single words, in which no pattern finds a value.
    pub text: Option<String>,
    pub(super) redactions: Tally,
}

impl Quarantined {
    pub fn new(problem: Problem, received: &str, redactor: &Redactor) -> Self {
        let mut redactions = Tally::default();
        let text = redact_rejected_event(received, redactor, &mut redactions);
        let is_safe = !WORDS_IN_A_STRING.is_match(&text);
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
    fn a_text_with_words_inside_a_string_is_not_stored() {
        let event = r#"{"words": [{"word":"4111"},{"word":"1111"}]}"#;
        let in_string = serde_json::json!({ "Message": event }).to_string();
        let in_strings = serde_json::json!({ "Message": in_string }).to_string();
        let escaped = in_string.replace(r#"\""#, r"\u0022");
        let on_lines = serde_json::json!({ "Message": event.replace(": ", ":\n") }).to_string();
        let with_stray_quote = format!(r#"{{"a":"x"y",{}"#, &event[1..]);

        for received in [in_string, in_strings, escaped, on_lines, with_stray_quote] {
            assert_eq!(stored(&received), None, "{received}");
        }
        assert!(stored(r#"{"Message":"in other words: \"hello\""}"#).is_some());
    }

    #[test]
    fn a_text_that_is_not_stored_counts_no_redactions() {
        let event = r#"{"mail":"mary.roe@example.com","words":["a"]}"#;
        let redactor = Redactor::new(Rules::default());
        let received = serde_json::json!({ "Message": event }).to_string();

        let quarantined = Quarantined::new(Problem::NoDetail, &received, &redactor);

        assert_eq!(
            (quarantined.text, quarantined.redactions.total()),
            (None, 0)
        );
        assert_eq!(quarantined.size_bytes, received.len() as u64);
    }
}

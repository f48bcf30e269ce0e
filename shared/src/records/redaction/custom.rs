//! An organisation's own patterns, for example for customer numbers or project names.

use std::collections::BTreeMap;
use std::ops::Range;

use memchr::memmem;
use regex::{Regex, RegexBuilder};

use super::replace::{REPLACEMENT_START, replaced_kind};

/// Limit of the memory of one compiled pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// A pattern and the label of its matches. Matching takes linear time for every pattern.
#[derive(Clone, Debug)]
pub struct CustomPattern {
    label: String,
    pattern: Regex,
}

/// Why a pattern cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    #[error("`{0}` is not a label: expected 1 to 24 characters from A to Z and _")]
    Label(String),
    #[error("the pattern of {label} is not a valid regular expression")]
    Syntax {
        label: String,
        source: Box<regex::Error>,
    },
    #[error("the pattern of {0} matches the empty string")]
    Empty(String),
}

impl CustomPattern {
    pub fn new(label: &str, pattern: &str) -> Result<Self, PatternError> {
        let is_label = (1..=24).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        if !is_label {
            return Err(PatternError::Label(label.to_owned()));
        }
        let syntax = |error| PatternError::Syntax {
            label: label.to_owned(),
            source: Box::new(error),
        };
        let pattern = RegexBuilder::new(pattern)
            .size_limit(MAX_PATTERN_BYTES)
            .build()
            .map_err(syntax)?;
        if pattern.is_match("") {
            return Err(PatternError::Empty(label.to_owned()));
        }
        Ok(Self {
            label: label.to_owned(),
            pattern,
        })
    }
}

/// A match of a pattern.
pub(super) struct Match<'r> {
    pub(super) label: &'r str,
    pub(super) range: Range<usize>,
}

/// The matches of the patterns. Where matches overlap, the first pattern wins. Replacements of redacted values are not
/// matched.
pub(super) fn find_matches<'r>(patterns: &'r [CustomPattern], text: &str) -> Vec<Match<'r>> {
    let mut matches: Vec<Match<'r>> = Vec::new();
    if patterns.is_empty() {
        return matches;
    }
    let mut taken = Ranges::of_replacements(text);
    for CustomPattern { label, pattern } in patterns {
        for found in pattern.find_iter(text) {
            let range = found.range();
            if !range.is_empty() && taken.insert(&range) {
                matches.push(Match { label, range });
            }
        }
    }
    matches
}

/// Ranges that do not overlap: their ends by their starts.
#[derive(Default)]
struct Ranges(BTreeMap<usize, usize>);

impl Ranges {
    fn of_replacements(text: &str) -> Self {
        let text = text.as_bytes();
        let starts = memmem::find_iter(text, REPLACEMENT_START);
        let ends = starts.filter_map(|start| {
            let (length, _) = replaced_kind(&text[start..])?;
            Some((start, start + length))
        });
        Self(ends.collect())
    }

    /// Adds the range, unless it overlaps another one.
    fn insert(&mut self, range: &Range<usize>) -> bool {
        let before = self.0.range(..range.end).next_back();
        let is_free = before.is_none_or(|(_, end)| *end <= range.start);
        if is_free {
            self.0.insert(range.start, range.end);
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Redactor, Rules, Tally};
    use super::*;

    fn redacted(patterns: &[(&str, &str)], text: &str) -> String {
        let custom = patterns
            .iter()
            .map(|(label, pattern)| CustomPattern::new(label, pattern).unwrap());
        let redactor = Redactor::new(Rules {
            kinds: Vec::new(),
            custom: custom.collect(),
            allowed: vec!["C-1".to_owned()],
            ..Rules::default()
        });
        redactor.redact(text, &mut Tally::default()).into_owned()
    }

    #[test]
    fn pattern_matches_are_replaced_by_the_label_unless_allowed() {
        let patterns = [("CUSTOMER", r"\bC-\d+\b"), ("ANY", "[A-Z]-?")];

        assert_eq!(
            redacted(&patterns, "C-4711, c-1 and C-1: X"),
            "[REDACTED:CUSTOMER], c-1 and C-1: [REDACTED:ANY]"
        );
    }

    #[test]
    fn invalid_patterns_are_refused() {
        let refused = [
            ("x", "a"),
            ("A", "("),
            ("A", "a*"),
            ("A", "(a{1000}){1000}"),
        ]
        .map(|(label, pattern)| CustomPattern::new(label, pattern).unwrap_err().to_string());

        insta::assert_snapshot!(refused.join("\n"), @r"
        `x` is not a label: expected 1 to 24 characters from A to Z and _
        the pattern of A is not a valid regular expression
        the pattern of A matches the empty string
        the pattern of A is not a valid regular expression
        ");
    }
}

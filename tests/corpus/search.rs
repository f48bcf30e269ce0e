//! Searches a document for personal values, in every form in which our code could have written them.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;

/// Searches for all values at once. No value is too short to search for: the shortest are dates of eight characters and
/// numbers of nine digits.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    forms: Vec<(&'a str, String)>,
    automaton: AhoCorasick,
}

impl<'a> Search<'a> {
    pub(crate) fn of(values: &BTreeSet<&'a str>) -> Self {
        let forms: Vec<_> = values.iter().flat_map(|value| forms(value)).collect();
        let automaton = AhoCorasick::new(forms.iter().map(|(_, form)| form)).expect("a searcher");
        Self { forms, automaton }
    }

    /// Returns the values that occur in the document.
    pub(crate) fn find(&self, document: &[u8]) -> BTreeSet<&'a str> {
        let found = self.automaton.find_overlapping_iter(document);
        let found = found.filter_map(|found| {
            let (value, form) = &self.forms[found.pattern()];
            let is_coincidence =
                is_one_word(form) && !stands_alone(document, found.start(), found.end());
            (!is_coincidence).then_some(*value)
        });
        found.collect()
    }
}

/// Returns the forms of a value: verbatim, as JSON, as Rust debug output, and JSON in either of these.
fn forms(value: &str) -> BTreeSet<(&str, String)> {
    let json = in_json(value);
    let forms = [
        value.to_owned(),
        in_json(&json),
        in_debug_form(&json),
        in_debug_form(value),
        json,
    ];
    forms.map(|form| (value, form)).into()
}

fn in_json(text: &str) -> String {
    unquoted(&serde_json::json!(text).to_string())
}

fn in_debug_form(text: &str) -> String {
    unquoted(&format!("{text:?}"))
}

fn unquoted(text: &str) -> String {
    text[1..text.len() - 1].to_owned()
}

/// Nine digits occur by chance inside digests and timestamps, so a value that could be part of one has to stand alone.
fn is_one_word(form: &str) -> bool {
    form.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether no letter or digit directly precedes or follows; the letter of an escaped line break does not count.
fn stands_alone(document: &[u8], start: usize, end: usize) -> bool {
    let before = &document[..start];
    let is_escape = [r"\n", r"\r", r"\t"]
        .iter()
        .any(|it| before.ends_with(it.as_bytes()));
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    (is_escape || !is_word(before.last())) && !is_word(document.get(end))
}

#[test]
fn a_value_is_found_in_every_encoding_but_not_inside_a_digest() {
    let values = ["123456789", "a\"b\u{a0}c@x.de", "1.2.3.4", "11.2.3.4"];
    let search = Search::of(&values.into());
    let found = |text: &str| search.find(text.as_bytes()).into_iter().collect::<Vec<_>>();

    for text in [
        "tel 123456789.",
        r#"{"x":"\n123456789"}"#,
        "は123456789に",
        "123456789",
    ] {
        assert_eq!(found(text), ["123456789"], "{text}");
    }
    for text in ["0123456789", "123456789f", "f123456789"] {
        assert!(found(text).is_empty(), "{text}");
    }
    let json = serde_json::json!({"text": values[1]}).to_string();
    for text in [
        values[1],
        &json,
        &serde_json::json!(json).to_string(),
        &format!("{json:?}"),
        &format!("{:?}", values[1]),
    ] {
        assert_eq!(found(text), [values[1]], "{text}");
    }
    assert_eq!(found("at 11.2.3.4"), ["1.2.3.4", "11.2.3.4"]);
}

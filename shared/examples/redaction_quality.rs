//! Measures how well redaction finds the values of a labelled corpus: `tests/redaction/run` makes one and shows it.
//!
//! Reads messages as NDJSON from standard input (`locale`, `region`, `text`, `values` with `kind`, `start` and `end` in
//! bytes) and prints recall and precision by kind and locale. A value is found when no letter or digit of it is left;
//! what is found is right when it overlaps a value. With `--require` the exit code reports whether the figures are what
//! docs/redaction.md promises, with `--require-forms` what it promises for unusual forms; with `--show KIND` what was missed or found wrongly is printed instead.

#![expect(clippy::print_stdout, reason = "its figures go there")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;
use std::process::ExitCode;

use conversation_archive::records::redaction::{Redactor, Region, Rules};
use serde::Deserialize;

/// The kinds of the corpus: their labels, and the least recall and precision in percent.
const KINDS: [(&str, &str, f64); 8] = [
    ("email", "EMAIL", 99.0),
    ("phone", "PHONE", 97.0),
    ("card", "CARD", 99.0),
    ("iban", "IBAN", 99.0),
    ("ip", "IP", 99.0),
    ("url_secret", "URL", 99.0),
    ("ssn", "SSN", 97.0),
    ("birth_date", "BIRTH_DATE", 95.0),
];

/// The least recall and precision of addresses in unusual forms: of those with blanks around the `@`, only a part differs
/// from a sentence.
const UNUSUAL_EMAIL: f64 = 95.0;

#[derive(Deserialize)]
struct Message {
    locale: String,
    region: String,
    text: String,
    values: Vec<Labelled>,
}

#[derive(Deserialize)]
struct Labelled {
    kind: String,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Default)]
struct Score {
    values: u32,
    found: u32,
    findings: u32,
    right: u32,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut corpus = String::new();
    if std::io::stdin().read_to_string(&mut corpus).is_err() {
        return ExitCode::FAILURE;
    }
    let shown = arguments.iter().position(|argument| argument == "--show");
    let shown = shown.and_then(|place| arguments.get(place + 1));
    let mut scores: BTreeMap<(String, String), Score> = BTreeMap::new();
    let mut redactors: BTreeMap<String, Redactor> = BTreeMap::new();
    for line in corpus.lines() {
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            return ExitCode::FAILURE;
        };
        let redactor = redactors
            .entry(message.region.clone())
            .or_insert_with(|| redactor(&message.region));
        score(&message, redactor, &mut scores, shown.map(String::as_str));
    }
    if shown.is_none() {
        print(&scores);
    }
    let is_given = |name: &str| arguments.iter().any(|argument| argument == name);
    let is_met = (!is_given("--require") || all_are_met(&scores, |_, least| least))
        && (!is_given("--require-forms") || all_are_met(&scores, least_of_forms));
    if !is_met {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn redactor(region: &str) -> Redactor {
    Redactor::new(Rules {
        regions: region.parse::<Region>().into_iter().collect(),
        ..Rules::default()
    })
}

fn score(
    message: &Message,
    redactor: &Redactor,
    scores: &mut BTreeMap<(String, String), Score>,
    shown: Option<&str>,
) {
    let found = redactor.locate_values(&message.text);
    for value in &message.values {
        let score = scores
            .entry((value.kind.clone(), message.locale.clone()))
            .or_default();
        score.values += 1;
        if is_gone(&message.text, value, &found) {
            score.found += 1;
        } else if shown == Some(value.kind.as_str()) {
            println!(
                "missed {}: {} in {}",
                message.locale,
                &message.text[value.start..value.end],
                message.text
            );
        }
    }
    for (label, range) in &found {
        let Some((kind, ..)) = KINDS.iter().find(|(_, of, _)| of == label) else {
            continue;
        };
        let score = scores
            .entry(((*kind).to_owned(), message.locale.clone()))
            .or_default();
        score.findings += 1;
        let is_right = message
            .values
            .iter()
            .any(|value| value.start < range.end && range.start < value.end);
        if is_right {
            score.right += 1;
        } else if shown == Some(kind) {
            println!(
                "wrong {}: {} in {}",
                message.locale,
                &message.text[range.clone()],
                message.text
            );
        }
    }
}

/// Whether what is found leaves no letter or digit of the value.
fn is_gone(text: &str, value: &Labelled, found: &[(String, Range<usize>)]) -> bool {
    let letters = text[value.start..value.end].char_indices();
    letters
        .filter(|(_, letter)| letter.is_alphanumeric())
        .all(|(at, _)| {
            found
                .iter()
                .any(|(_, range)| range.contains(&(value.start + at)))
        })
}

fn print(scores: &BTreeMap<(String, String), Score>) {
    println!(
        "| kind | locale | values | recall | findings | precision |\n|---|---|---:|---:|---:|---:|"
    );
    for (kind, ..) in KINDS {
        println!("{}", row(kind, "all", total(scores, kind)));
        for ((_, locale), score) in scores.iter().filter(|((of, _), _)| of == kind) {
            println!("{}", row(kind, locale, *score));
        }
    }
}

fn total(scores: &BTreeMap<(String, String), Score>, kind: &str) -> Score {
    let of_kind = scores.iter().filter(|((of, _), _)| of == kind);
    of_kind.fold(Score::default(), |sum, (_, score)| Score {
        values: sum.values + score.values,
        found: sum.found + score.found,
        findings: sum.findings + score.findings,
        right: sum.right + score.right,
    })
}

fn row(kind: &str, locale: &str, score: Score) -> String {
    let Score {
        values,
        found,
        findings,
        right,
    } = score;
    let (recall, precision) = (percent(found, values), percent(right, findings));
    format!("| {kind} | {locale} | {values} | {recall:.1} | {findings} | {precision:.1} |")
}

fn percent(part: u32, whole: u32) -> f64 {
    if whole == 0 {
        100.0
    } else {
        f64::from(part) * 100.0 / f64::from(whole)
    }
}

fn least_of_forms(kind: &str, least: f64) -> f64 {
    if kind == "email" {
        UNUSUAL_EMAIL
    } else {
        least
    }
}

fn all_are_met(
    scores: &BTreeMap<(String, String), Score>,
    least_of: impl Fn(&str, f64) -> f64,
) -> bool {
    let kinds = KINDS.map(|(kind, _, least)| (kind, least_of(kind, least)));
    let unmet = kinds.into_iter().filter(|(kind, least)| {
        let Score {
            values,
            found,
            findings,
            right,
        } = total(scores, kind);
        values == 0 || percent(found, values) < *least || percent(right, findings) < *least
    });
    let unmet: Vec<_> = unmet
        .map(|(kind, least)| format!("{kind} (at least {least} %)"))
        .collect();
    if !unmet.is_empty() {
        println!("not good enough: {}", unmet.join(", "));
    }
    unmet.is_empty()
}

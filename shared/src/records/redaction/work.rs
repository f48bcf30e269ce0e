//! The work that hostile texts cause: linear in their length, whatever they contain.

use super::find::Scope;
use super::view::View;
use super::{Redactor, Region, Rules};

/// Length of the texts, in bytes; the longer ones have twice this length.
const BYTES: usize = 10_000;

/// Texts of which an earlier version, or a simpler algorithm, takes quadratic time.
const HOSTILE: [(&str, &str); 29] = [
    ("addresses of a network", "10.0.0.1 "),
    ("addresses of version 6", "2001:db8::1 "),
    ("e-mail addresses", "mary.roe@example.com "),
    ("at signs", "@"),
    ("names and at signs", "a@"),
    ("URLs", "https://x.example/?a=1 "),
    ("URLs within URLs", "a://"),
    ("URLs with secrets", "https://x.example/?token=1 "),
    ("brackets of hosts", "://[]"),
    ("social security numbers", "219-09-9999 "),
    ("labelled social security numbers", "my ssn 219 09 9999 "),
    ("telephone numbers", "+49 151 23456789 "),
    ("digits like telephone numbers", "0999 999 99 "),
    ("groups of one digit", "1 "),
    ("groups of a card", "4111 "),
    ("digits", "1"),
    ("percent escapes", "%41"),
    ("nested entities", "&amp;amp;amp;amp;#52;"),
    ("labels of earlier redactions", "[REDACTED:CARD]5"),
    ("adjacent telephone numbers", "+447400123456"),
    ("adjacent addresses", "mary.roe@example.com"),
    ("adjacent accounts", "DE89370400440532013000"),
    ("adjacent cards", "4111111111111111"),
    ("adjacent ids", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    ("adjacent escapes", "=C3=A9=40"),
    ("hosts with escapes", "a:%2F%2F@%2540:"),
    ("nested percent signs", "a://%252525252F@"),
    ("invisible characters", "\u{200b}4"),
    (
        "lines of a chat",
        "call me at 0151 23456789\nmy card 4111 1111 1111 1111\n",
    ),
];

/// The work of reading, unescaping, folding and searching a text.
fn steps(redactor: &Redactor, text: &str) -> u64 {
    let mut view = View::new(text);
    let mut take = |view: &mut View<'_>, (kind, range)| view.replace(range, Some(kind));
    redactor.finder.find_all(Scope::All, &mut view, &mut take);
    view.steps().count()
}

fn redactor() -> Redactor {
    Redactor::new(Rules {
        regions: vec![Region::DE, Region::US],
        ..Rules::default()
    })
}

fn repeated(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len())
}

#[test]
fn twice_the_text_takes_twice_the_work() {
    let redactor = redactor();
    for (name, piece) in HOSTILE {
        let [once, twice] =
            [BYTES, 2 * BYTES].map(|bytes| steps(&redactor, &repeated(piece, bytes)));

        // An exponent of 1.1 is a factor of 2.14.
        assert!(twice * 100 <= once * 214, "{name}: {once} and {twice}");
    }
}

#[test]
fn twice_the_text_takes_twice_the_work_after_one_value() {
    let redactor = redactor();
    for (name, piece) in HOSTILE {
        let [once, twice] = [BYTES, 2 * BYTES].map(|bytes| {
            let text = repeated(piece, bytes);
            steps(&redactor, &format!("my ssn 219 09 9999 {text} is my ssn"))
        });

        assert!(twice * 100 <= once * 214, "{name}: {once} and {twice}");
    }
}

#[test]
fn each_byte_of_a_hostile_text_is_read_a_bounded_number_of_times() {
    let redactor = redactor();
    for (name, piece) in HOSTILE {
        let text = repeated(piece, BYTES);

        let reads = steps(&redactor, &text) / BYTES as u64;

        assert!(reads < 600, "{name}: {reads} reads of each byte");
    }
}

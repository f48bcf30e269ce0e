//! Tests of the splitter, with a JSON parser of another project as the oracle.

use actson::feeder::SliceJsonFeeder;
use actson::options::JsonParserOptionsBuilder;
use actson::{JsonEvent, JsonParser};
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;

/// The pieces of the fragments, values as they are and unreadable texts after their reason.
fn split<T: AsRef<str>>(splitter: &mut Splitter, fragments: &[T]) -> Vec<String> {
    let mut pieces = Vec::new();
    for fragment in fragments {
        splitter.push(fragment.as_ref(), |piece| pieces.push(describe(piece)));
    }
    pieces.extend(splitter.finish().map(Piece::Unreadable).map(describe));
    pieces
}

fn describe(piece: Piece<'_>) -> String {
    match piece {
        Piece::Value(text) => text.to_owned(),
        Piece::Unreadable(text) => format!("{}: {}", text.reason, text.first),
    }
}

fn pieces(fragments: &[&str]) -> Vec<String> {
    split(&mut Splitter::new(40), fragments)
}

#[test]
fn a_value_may_be_split_at_any_place() {
    let text = "{\"a\":\"\\\"}\u{1f600}\\\\\",\"b\":[{},[]]}";
    for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
        let (one, other) = text.split_at(at);

        assert_eq!(pieces(&[one, other]), [text], "{at}");
    }
}

#[test]
fn a_message_may_hold_several_values() {
    assert_eq!(
        pieces(&[" {\"a\":1}[2]\r\n\t{\"b\":\"", "", "{}\"} {}"]),
        ["{\"a\":1}", "[2]", "{\"b\":\"{}\"}", "{}"]
    );
}

#[test]
fn values_between_stray_texts_are_read() {
    assert_eq!(
        pieces(&["5 {\"a\":1}]}, \"x{\\\"\"{}tr", "ue", " nu{}"]),
        [
            "outside of objects and lists: 5 ",
            "{\"a\":1}",
            "outside of objects and lists: ]}, \"x{\\\"\"",
            "{}",
            "outside of objects and lists: true nu",
            "{}"
        ]
    );
}

#[test]
fn a_value_that_lacks_its_end_costs_no_other_value() {
    assert_eq!(
        pieces(&["{\"a\":{\"b\":1}", "{\"c\":2}"]),
        ["not JSON: {\"a\":{\"b\":1}", "{\"c\":2}"]
    );
    assert_eq!(
        pieces(&["{\"a\":\"Mar", "\n{\"c\":2}"]),
        ["not JSON: {\"a\":\"Mar\n", "{\"c\":2}"]
    );
    assert_eq!(
        pieces(&["{\"a\":\"Mar\\", "\n{\"c\":2}"]),
        ["not JSON: {\"a\":\"Mar\\\n", "{\"c\":2}"]
    );
}

#[test]
fn a_value_that_ends_in_a_string_costs_one_more_value_at_most() {
    assert_eq!(
        pieces(&["{\"a\":\"Mar", "{\"c\":2}", "{\"d\":3}"]),
        ["not JSON: {\"a\":\"Mar{\"c\":2}", "{\"d\":3}"]
    );
    assert_eq!(
        pieces(&["{\"a\":\"5\" screen\",\"b\":[{\"c\":1}]}{\"d\":3}"]),
        [
            "not JSON: {\"a\":\"5\" screen\",\"b\":[{\"c\":1}]}",
            "{\"d\":3}"
        ]
    );
}

#[test]
fn a_broken_text_ends_where_a_message_begins_with_a_value() {
    assert_eq!(
        pieces(&["{x", "{y", " [1]"]),
        ["not JSON: {x", "not JSON: {y ", "[1]"]
    );
}

#[test]
fn a_value_of_exactly_the_limit_is_read_and_a_longer_one_is_not() {
    let fits = format!("{{\"a\":\"{}\"}}", "x".repeat(32));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(33));
    for at in 0..40 {
        let fragments = [&fits[..at], &fits[at..], &long[..at], &long[at..], "{}"];

        assert_eq!(
            pieces(&fragments),
            [&fits, &format!("longer than the limit: {long}"), "{}"]
        );
    }
}

#[test]
fn a_long_value_is_followed_to_its_end() {
    let long = format!("[\"{}\", {{\"inner\":[1]}}]", "\\\"]".repeat(40));
    let fragments: Vec<_> = long.as_bytes().chunks(7).collect();
    let fragments = fragments.iter().map(|chunk| str::from_utf8(chunk).unwrap());

    let pieces = split(
        &mut Splitter::new(40),
        &fragments.chain([" {\"c\":2}"]).collect::<Vec<_>>(),
    );

    assert_eq!(
        pieces,
        [
            format!("longer than the limit: {long}"),
            "{\"c\":2}".to_owned()
        ]
    );
}

#[test]
fn an_unreadable_text_is_reported_by_its_beginning_length_and_digest() {
    let long = format!("[\"{}\"]", "é".repeat(5_000));
    let mut splitter = Splitter::new(1_000);
    let mut found = Vec::new();

    let mut rest = &*long;
    while !rest.is_empty() {
        let (fragment, after) = rest.split_at(rest.floor_char_boundary(101));
        splitter.push(fragment, |piece| match piece {
            Piece::Unreadable(text) => found.push(text),
            Piece::Value(_) => panic!("a value"),
        });
        rest = after;
    }

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].reason, UnreadableReason::TooLong);
    assert_eq!(found[0].length, long.len() as u64);
    assert_eq!(found[0].sha256, crate::base::hash::Sha256::of(&long));
    assert_eq!(found[0].first, long[..1024]);
}

#[test]
fn a_value_without_an_end_is_reported_and_holds_back_nothing() {
    for part in ["[1,", "a", "[\"\\", "{\"a\":{\"b\":", ",", "[\"x"] {
        let mut splitter = Splitter::new(40);
        let (mut reports, mut reported) = (0, 0);
        let mut values = Vec::new();
        let sent = 40_000;

        for _ in 0..sent / part.len() {
            splitter.push(part, |piece| {
                if let Piece::Unreadable(text) = piece {
                    reports += 1;
                    reported += text.length;
                }
            });
            assert!(splitter.current.kept.capacity() <= 40);
        }
        for value in ["\n{\"a\":1}\n", "{\"a\":2}\n", "{\"a\":3}\n"] {
            splitter.push(value, |piece| values.push(describe(piece)));
        }

        assert!(reports >= 40_000 / (16 * 40) - 2, "{part}: {reports}");
        assert!(reported > 38_000, "{part}: {reported}");
        assert_eq!(values.last().unwrap(), "{\"a\":3}", "{part}");
        assert!(
            values.contains(&"{\"a\":2}".to_owned()),
            "{part}: {values:?}"
        );
    }
}

#[test]
fn a_new_connection_begins_a_new_value() {
    let mut splitter = Splitter::new(40);

    let first = split(&mut splitter, &["{\"a\":\"", "b"]);
    let second = split(&mut splitter, &["{\"c\":1}"]);

    assert_eq!(first, ["cut off: {\"a\":\"b"]);
    assert_eq!(second, ["{\"c\":1}"]);
}

#[test]
fn nesting_of_any_depth_is_followed() {
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));

    let pieces = split(&mut Splitter::default(), &[&deep, "{}"]);

    assert_eq!(pieces, [&deep, "{}"]);
}

/// The objects and lists of the text according to the oracle, and `STRAY` for the other values between two of them.
fn values_of_oracle(text: &str) -> Vec<String> {
    let options = JsonParserOptionsBuilder::default().with_streaming(true);
    let feeder = SliceJsonFeeder::new(text.as_bytes());
    let mut parser = JsonParser::new_with_options(feeder, options.build());
    let (mut values, mut depth, mut start) = (Vec::new(), 0, 0);
    while let Some(event) = parser.next_event().unwrap() {
        match event {
            JsonEvent::StartObject | JsonEvent::StartArray => {
                if depth == 0 {
                    start = parser.parsed_bytes() - 1;
                }
                depth += 1;
            }
            JsonEvent::EndObject | JsonEvent::EndArray => {
                depth -= 1;
                if depth == 0 {
                    values.push(text[start..parser.parsed_bytes()].to_owned());
                }
            }
            _ if depth == 0 && values.last().is_none_or(|last| last != STRAY) => {
                values.push(STRAY.to_owned());
            }
            _ => {}
        }
    }
    values
}

const STRAY: &str = "outside of objects and lists";

/// The text of a JSON value.
fn json() -> impl Strategy<Value = String> {
    let strings = prop_oneof![
        "[a{}\\[\\],: é\u{1f600}]{0,8}".prop_map(|text| format!("\"{text}\"")),
        "(\\\\[\"\\\\/bfnrt]|\\\\u00e9|[a\\]}]){0,5}".prop_map(|text| format!("\"{text}\"")),
    ];
    let scalars = prop_oneof![
        strings.clone(),
        prop::sample::select(vec!["0", "-1.5e+3", "12", "true", "false", "null"])
            .prop_map(str::to_owned),
    ];
    let space = prop::sample::select(vec!["", "", " ", "\n", "\r\n\t"]);
    scalars.prop_recursive(4, 12, 3, move |inner| {
        let member = (strings.clone(), space.clone(), inner.clone(), space.clone())
            .prop_map(|(name, before, value, after)| format!("{name}{before}:{value}{after}"));
        let list =
            prop::collection::vec(inner, 0..3).prop_map(|all| format!("[{}]", all.join(" ,")));
        let object =
            prop::collection::vec(member, 0..3).prop_map(|all| format!("{{{}}}", all.join(",")));
        prop_oneof![list, object]
    })
}

/// The text, cut after each of these shares of it.
fn cut(text: &str, shares: &[prop::sample::Index]) -> Vec<String> {
    let mut cuts: Vec<_> = shares
        .iter()
        .map(|share| text.floor_char_boundary(share.index(text.len() + 1)))
        .collect();
    cuts.extend([0, text.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|cut| text[cut[0]..cut[1]].to_owned())
        .collect()
}

/// The lengths of all pieces.
fn total_length(fragments: &[String]) -> u64 {
    let mut splitter = Splitter::new(30);
    let mut total = 0;
    let mut add = |piece: Piece<'_>| {
        total += match piece {
            Piece::Value(text) => text.len() as u64,
            Piece::Unreadable(text) => text.length,
        };
    };
    for fragment in fragments {
        splitter.push(fragment, &mut add);
    }
    splitter.finish().map(Piece::Unreadable).map(add);
    total
}

proptest! {
    #![proptest_config(Config::with_cases(10_000))]

    #[test]
    fn any_cut_of_any_values_gives_the_values_of_the_oracle(
        values in prop::collection::vec((json(), prop::sample::select(vec![" ", "\n", "\t \r\n"])), 1..4),
        shares in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let text: String = values.iter().flat_map(|(value, space)| [value, *space]).collect();

        let pieces = split(&mut Splitter::default(), &cut(&text, &shares));

        let without_stray_text = |piece: &String| {
            if piece.starts_with(STRAY) { STRAY.to_owned() } else { piece.clone() }
        };
        let values: Vec<_> = pieces.iter().map(without_stray_text).collect();
        prop_assert_eq!(values, values_of_oracle(&text));
    }
}

proptest! {
    #![proptest_config(Config::with_cases(2_000))]

    #[test]
    fn every_character_is_in_one_piece_or_between_them(
        text in "[{}\\[\\]\",:\\\\ a1é\n]{0,80}",
        shares in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let space = text.chars().filter(|letter| WHITE_SPACE.contains(letter)).count() as u64;

        let total = total_length(&cut(&text, &shares));

        prop_assert!(total <= text.len() as u64 && total + space >= text.len() as u64);
    }

    #[test]
    fn after_any_text_the_second_of_two_lines_is_read(
        text in "[{}\\[\\]\",:\\\\ a1é\n]{0,80}",
        shares in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut fragments = cut(&text, &shares);
        fragments.extend(["\n{\"a\":1}", "\n{\"b\":2}"].map(str::to_owned));

        let pieces = split(&mut Splitter::new(30), &fragments);

        prop_assert_eq!(pieces.last().unwrap(), "{\"b\":2}");
    }
}

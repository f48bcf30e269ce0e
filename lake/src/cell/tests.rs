use super::*;
use crate::json::Nodes;

const MILLISECONDS: Writing = Writing {
    moments: Spelling::Milliseconds,
    has_numbers_as_texts: false,
};

fn fit(json: &str, kind: Type, writing: Writing) -> Fit<'static> {
    let mut nodes = Nodes::default();
    let value = nodes.read(json.as_bytes()).unwrap();
    let owned = |cell: Cell<'_>| match cell {
        Cell::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
        Cell::Integer(it) => Cell::Integer(it),
        Cell::Double(it) => Cell::Double(it),
        Cell::Boolean(it) => Cell::Boolean(it),
        Cell::Moment(it) => Cell::Moment(it),
    };
    match Fit::of(value, kind, writing) {
        Fit::Exact(cell) => Fit::Exact(owned(cell)),
        Fit::Close(cell) => Fit::Close(owned(cell)),
        Fit::Not => Fit::Not,
    }
}

fn moment(json: &str, moments: Spelling) -> Fit<'static> {
    let writing = Writing {
        moments,
        ..MILLISECONDS
    };
    fit(json, Type::Moment, writing)
}

#[test]
fn whole_numbers_of_64_bits_fit() {
    let integer = |json| fit(json, Type::Integer, MILLISECONDS);
    let exact = |number| Fit::Exact(Cell::Integer(number));
    let close = |number| Fit::Close(Cell::Integer(number));

    assert_eq!(integer("0"), exact(0));
    assert_eq!(integer("-9223372036854775808"), exact(i64::MIN));
    assert_eq!(integer("-0"), close(0));
    assert_eq!(integer("5.0"), close(5));
    assert_eq!(integer("1e3"), close(1000));
    for json in [
        "9223372036854775808",
        "1.5",
        "1e400",
        "\"5\"",
        "null",
        "true",
    ] {
        assert_eq!(integer(json), Fit::Not, "{json}");
    }
}

#[test]
fn numbers_that_a_double_writes_alike_are_exact() {
    let double = |json| fit(json, Type::Double, MILLISECONDS);

    assert_eq!(double("4.25"), Fit::Exact(Cell::Double(4.25)));
    assert_eq!(double("4.0"), Fit::Exact(Cell::Double(4.0)));
    assert_eq!(double("4"), Fit::Close(Cell::Double(4.0)));
    assert_eq!(
        double("0.10000000000000000001"),
        Fit::Close(Cell::Double(0.1))
    );
    assert_eq!(double("1E+400"), Fit::Not);
}

#[test]
fn moments_are_exact_in_the_spelling_of_their_form() {
    let exact = Fit::Exact(Cell::Moment(1_772_323_200_500_000));
    let close = Fit::Close(Cell::Moment(1_772_323_200_500_000));
    let milliseconds = r#""2026-03-01T00:00:00.500Z""#;
    let shortest = r#""2026-03-01T00:00:00.5Z""#;

    assert_eq!(moment(milliseconds, Spelling::Milliseconds), exact);
    assert_eq!(moment(shortest, Spelling::Milliseconds), close);
    assert_eq!(moment(shortest, Spelling::Shortest), exact);
    assert_eq!(moment(milliseconds, Spelling::Shortest), close);
    assert_eq!(moment("1772323200500", Spelling::SinceEpoch), exact);
    assert_eq!(moment("1772323200500", Spelling::Milliseconds), Fit::Not);
    assert_eq!(moment(milliseconds, Spelling::SinceEpoch), Fit::Not);
    assert_eq!(
        moment(r#""2026-03-01T01:00:00.500+01:00""#, Spelling::Milliseconds),
        close
    );
    assert_eq!(
        moment(r#""2026-03-01T00:00:00.500000001Z""#, Spelling::Shortest),
        close
    );
}

#[test]
fn moments_from_1900_to_2200_fit() {
    let of = |text: &str| moment(&format!("\"{text}\""), Spelling::Milliseconds);

    assert!(matches!(of("1900-01-01T00:00:00.000Z"), Fit::Exact(_)));
    assert!(matches!(of("2200-12-31T23:59:59.999Z"), Fit::Exact(_)));
    for text in [
        "1899-12-31T23:59:59.999Z",
        "2201-01-01T00:00:00.000Z",
        "0000-01-01T00:00:00.000Z",
        "2026-02-30T00:00:00.000Z",
        "2026-03-01T24:00:00.000Z",
        "2026-03-01",
        "yesterday",
        "",
    ] {
        assert_eq!(of(text), Fit::Not, "{text}");
    }
}

#[test]
fn the_fast_parser_agrees_with_the_calendar() {
    // Every 29 hours, so that all times of day occur.
    let step = jiff::SignedDuration::from_millis(29 * 3_600_000 + 61_001);
    let mut day: jiff::Timestamp = "1896-01-01T00:00:00Z".parse().unwrap();
    let end: jiff::Timestamp = "2204-01-01T00:00:00Z".parse().unwrap();
    while day < end {
        let text = format!("{day:.3}");

        assert_eq!(moment::parse(&text), Some(day.as_microsecond()), "{text}");
        day += step;
    }
}

#[test]
fn a_text_with_half_a_character_is_replaced_and_kept() {
    let text = |json| fit(json, Type::Text, MILLISECONDS);

    assert_eq!(
        text(r#""a\ud83d""#),
        Fit::Close(Cell::Text("a\u{fffd}".into()))
    );
    assert_eq!(text("5"), Fit::Not);
}

#[test]
fn a_number_may_be_an_id_of_a_gateway() {
    let writing = Writing {
        has_numbers_as_texts: true,
        ..MILLISECONDS
    };

    assert_eq!(
        fit("5", Type::Text, writing),
        Fit::Close(Cell::Text("5".into()))
    );
}

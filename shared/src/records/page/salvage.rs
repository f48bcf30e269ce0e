//! Splits a page that is not valid JSON into its list elements, so that one damaged record does not cost the others.
//!
//! Looks only at brackets, quotes and escapes. A truncated page is not split.

use serde_json::value::RawValue;

use super::raw_record::RawRecord;
use super::results::{MemberValue, ResultsFields, ResultsPage};
use super::walk::unquoted;
use scan::{EndNotFound, Opening, PageKind, Scanner};

mod scan;

/// Splits a page that is an object. Members other than the list must be JSON if they are used.
pub(super) fn split_object(body: &[u8], fields: ResultsFields) -> Option<ResultsPage<'_>> {
    let mut scanner = Scanner::new(body);
    let mut page = ResultsPage::default();
    scanner.expect(b'{')?;
    while scanner.next_item(b'}')? {
        let key = unquoted(parse_json(scanner.read_value().ok()?)?.get());
        scanner.expect(b':')?;
        let value = if key == fields.records && scanner.peek() == Some(b'[') {
            MemberValue::List(split_elements(&mut scanner, PageKind::Object)?)
        } else {
            match parse_json(scanner.read_value().ok()?) {
                Some(value) => MemberValue::Json(value),
                None if ResultsPage::is_used(fields, &key) => return None,
                None => continue,
            }
        };
        page.set_member(fields, &key, value).ok()?;
    }
    scanner.is_at_end().then_some(page)
}

/// Splits a page that is a bare array.
pub(super) fn split_array(body: &[u8]) -> Option<Vec<RawRecord<'_>>> {
    let mut scanner = Scanner::new(body);
    let records = split_elements(&mut scanner, PageKind::Array)?;
    scanner.is_at_end().then_some(records)
}

fn split_elements<'a>(scanner: &mut Scanner<'a>, page: PageKind) -> Option<Vec<RawRecord<'a>>> {
    let mut records = Vec::new();
    let mut opening: Option<Opening<'a>> = None;
    scanner.expect(b'[')?;
    while scanner.next_item(b']')? {
        opening = opening
            .filter(Opening::is_known)
            .or_else(|| scanner.peek_opening());
        let element = match scanner.read_value() {
            Ok(element) => element,
            Err(EndNotFound::StrayQuote) => scanner.read_broken_value(page, opening)?,
            Err(EndNotFound::CutOff) => return None,
        };
        records.push(parse_json(element).map_or(RawRecord::Unreadable(element), RawRecord::Json));
    }
    Some(records)
}

fn parse_json(bytes: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::records::page::DETAILS_FIELDS;

    #[test]
    fn only_the_damaged_record_is_unreadable() {
        let damaged: [&[u8]; 4] = [
            b"{\"id\":\"caf\xe9\"}",
            b"{\"id\":\"a\nb\"}",
            b"{\"id\":NaN}",
            b"{\"id\":\"a\",}",
        ];
        for damaged in damaged {
            let body = [
                b"{\"conversations\": [ {\"id\":1} ,",
                damaged,
                b", 7 ],\"cursor\":\"c\"} ",
            ]
            .concat();

            let page = split_object(&body, DETAILS_FIELDS).unwrap();

            let records = page.records.unwrap();
            assert_eq!(records[0].json(), Some(r#"{"id":1}"#));
            assert_eq!((records[1].json(), records[1].bytes()), (None, damaged));
            assert_eq!(records[2].json(), Some("7"));
            assert_eq!(page.next.as_deref(), Some("c"));
        }
    }

    #[test]
    fn a_bare_array_is_split_too() {
        let records = split_array(b" [ {\"id\":\"\xff]\\\"\"}, {\"id\":2} ] ").unwrap();

        assert_eq!(records.len(), 2);
        assert_eq!(records[1].json(), Some(r#"{"id":2}"#));
    }

    #[test]
    fn a_page_with_a_damaged_cursor_or_list_is_not_split() {
        let bodies: [&[u8]; 4] = [
            b"{\"conversations\":[{\"id\":1}],\"cursor\":\"QUJD\nREVG\"}",
            b"{\"conversations\":[{\"id\":1}],\"cursor\":\"caf\xe9\"}",
            b"{\"conversations\":NaN,\"dataAvailabilityDate\":\"2026-03-02T00:00:00Z\"}",
            b"{\"conversations\":[{\"id\":1}],\"cur\xe9sor\":\"c\"}",
        ];
        for body in bodies {
            assert!(split_object(body, DETAILS_FIELDS).is_none());
        }
    }

    /// Whether each record is JSON.
    fn json_flags(records: &[RawRecord<'_>]) -> Vec<bool> {
        records
            .iter()
            .map(|record| record.json().is_some())
            .collect()
    }

    #[test]
    fn records_between_two_stray_quotes_stay_separate() {
        let body = br#"[{"id":1,"t":"5" screen"},{"id":2,"t":"a"},{"id":3,"t":"6" screen"}]"#;

        assert_eq!(
            json_flags(&split_array(body).unwrap()),
            [false, true, false]
        );
    }

    /// Wraps the damaged element with elements before and after it. Returns the list and a page that contains it.
    fn with_neighbours(damaged: &str) -> (String, String) {
        let list = format!(
            r#"[{{"id":1,"t":"","l":[{{"id":7}},{{"id":8}}]}}, {damaged} ,{{"id":"[2]","t":"}},{{"}}]"#
        );
        let page = format!(r#"{{"conversations":{list},"cursor":"c","other":[{{}},{{}}]}}"#);
        (list, page)
    }

    #[test]
    fn the_end_of_a_record_with_a_stray_quote_is_found() {
        let damaged = [
            r#"{"id":2,"t":"a "b"","l":[{"n":1},{"n":2}],"o":{"p":[{}]}}"#,
            r#"{"id":2,"t":"","l":[{"id":5,"u":"5" screen"},{"id":6,"u":""},{"id":7,"u":""}]}"#,
            r#"{"id":2,"t":"","l":[{"id":5},{"id":6},{"u":"5" screen"},{"id":8}],"o":{"n":1}}"#,
            r#"{"id":2,"l":[{"n":1},{"n":2}],"t":"it "ends" here"}"#,
            r#"{"id":"2","t":"","l":[{"n":1}],"u":"""}"#,
        ];
        for damaged in damaged {
            let (list, page) = with_neighbours(damaged);

            let page = split_object(page.as_bytes(), DETAILS_FIELDS).unwrap();

            let records = page.records.unwrap();
            assert_eq!(json_flags(&records), [true, false, true], "{damaged}");
            assert_eq!(records[1].bytes(), damaged.as_bytes());
            assert_eq!(page.next.as_deref(), Some("c"));
            let records = split_array(list.as_bytes()).unwrap();
            assert_eq!(records[1].bytes(), damaged.as_bytes());
        }
    }

    #[test]
    fn the_first_member_of_each_record_may_be_damaged() {
        let damaged = [r#"{"id":"5" screen","t":"","l":[{"n":1},{"n":2}]}"#; 3];
        let body = format!("[{}]", damaged.join(","));

        let records = split_array(body.as_bytes()).unwrap();

        let bytes: Vec<_> = records.iter().map(|record| record.bytes()).collect();
        assert_eq!(bytes, damaged.map(str::as_bytes));
    }

    #[test]
    fn the_order_of_members_may_differ_between_records() {
        let damaged = r#"{"id":"5" screen","t":"","l":[{"id":1},{"id":2}]}"#;
        let body = format!(
            r#"{{"conversations":[{damaged},{{"t":"","id":2}},{{"l":[],"id":3}}],"cursor":"c"}}"#
        );

        let page = split_object(body.as_bytes(), DETAILS_FIELDS).unwrap();

        let records = page.records.unwrap();
        assert_eq!(json_flags(&records), [false, true, true]);
        assert_eq!(records[0].bytes(), damaged.as_bytes());
    }

    #[test]
    fn adjacent_damaged_records_stay_separate() {
        let damaged = [
            r#"{"id":2,"t":"a "b"}"#,
            r#"{"id":3,"t":"c "d","l":[{},{}]}"#,
            r#"{"id":4,"t":NaN}"#,
        ];
        let (list, _) = with_neighbours(&damaged.join(","));

        let records = split_array(list.as_bytes()).unwrap();

        assert_eq!(json_flags(&records), [true, false, false, false, true]);
        for (record, damaged) in records[1..].iter().zip(damaged) {
            assert_eq!(record.bytes(), damaged.as_bytes());
        }
    }

    #[test]
    fn a_single_damaged_record_of_any_length_is_kept_whole() {
        let long = r#"{"id":1,"u":""},"#.repeat(500);
        for list in ["", &long] {
            let damaged = format!(r#"{{"id":1,"t":"a "b","l":[{list}{{}}],"z":0}}"#);
            let body = format!(r#"{{"conversations":[{damaged}],"totalHits":1}}"#);

            let page = split_object(body.as_bytes(), DETAILS_FIELDS).unwrap();

            let records = page.records.unwrap();
            assert_eq!(json_flags(&records), [false]);
            assert_eq!(records[0].bytes(), damaged.as_bytes());
            assert_eq!(page.total_hits, Some(1));
        }
    }

    #[test]
    fn a_truncated_page_with_a_stray_quote_is_not_split() {
        let (list, page) =
            with_neighbours(r#"{"id":2,"t":"a "b","l":[{"id":1},{"id":2},{"id":3}]}"#);

        for length in 0..list.len() {
            assert!(
                split_array(&list.as_bytes()[..length]).is_none(),
                "{length}"
            );
        }
        let end = page.find(r#","other""#).unwrap();
        for length in 0..end {
            let cut = split_object(&page.as_bytes()[..length], DETAILS_FIELDS);
            assert!(cut.is_none(), "{length}");
        }
    }

    #[test]
    fn a_body_that_needs_too_long_a_search_is_not_split() {
        for part in ["},{", "},{[", "{[},{},", r#"},{"a":1,"b":"#] {
            let body = format!(r#"[{{"a":1,"b":"a "b"{}"#, part.repeat(20_000));

            assert!(split_array(body.as_bytes()).is_none(), "{part}");
        }
    }

    #[test]
    fn truncated_or_extended_bodies_are_not_split() {
        let body = b"{\"conversations\":[{\"id\":\"\xff\",\"l\":[{\"m\":[{},{}]},{}]},{\"id\":2}],\"cursor\":\"c\"}";

        for length in 0..body.len() {
            assert!(
                split_object(&body[..length], DETAILS_FIELDS).is_none(),
                "{length}"
            );
        }
        assert!(split_object(&[body, b"x".as_slice()].concat(), DETAILS_FIELDS).is_none());
        assert!(split_array(b"[{\"id\":\"\xff\"}").is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_split_or_refused_without_a_panic(body in prop::collection::vec(
            prop::sample::select(b"{}[]\",:\\ a1\xff\n".to_vec()), 0..60,
        )) {
            let _ = split_object(&body, DETAILS_FIELDS);
            let _ = split_array(&body);
        }
    }
}

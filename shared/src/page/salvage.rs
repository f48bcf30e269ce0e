//! A page that is not JSON as a whole, split at its list's elements, so that one damaged record does not cost the others.
//!
//! Only brackets, quotes and escapes are looked at. A page that is cut off is not split, nor is one with a quote that ends no
//! string: where its record ends is anybody's guess.

use serde_json::value::RawValue;

use super::raw_record::RawRecord;
use super::results::{Member, ResultsFields, ResultsPage};
use super::walk::unquoted;

/// A page that is an object. Of its members only those that are not used may be something other than JSON.
pub(super) fn object(body: &[u8], fields: ResultsFields) -> Option<ResultsPage<'_>> {
    let mut scan = Scan { body, at: 0 };
    let mut page = ResultsPage::default();
    scan.expect(b'{')?;
    while scan.next_item(b'}')? {
        let key = unquoted(json(scan.value()?)?.get());
        scan.expect(b':')?;
        let value = if key == fields.records && scan.peek() == Some(b'[') {
            Member::List(scan.elements()?)
        } else {
            match json(scan.value()?) {
                Some(value) => Member::Json(value),
                None if ResultsPage::uses(fields, &key) => return None,
                None => continue,
            }
        };
        page.member(fields, &key, value).ok()?;
    }
    scan.is_at_end().then_some(page)
}

/// A page that is a bare array.
pub(super) fn array(body: &[u8]) -> Option<Vec<RawRecord<'_>>> {
    let mut scan = Scan { body, at: 0 };
    let records = scan.elements()?;
    scan.is_at_end().then_some(records)
}

fn json(bytes: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(bytes).ok()
}

/// A place in the body.
struct Scan<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn elements(&mut self) -> Option<Vec<RawRecord<'a>>> {
        let mut records = Vec::new();
        self.expect(b'[')?;
        while self.next_item(b']')? {
            let element = self.value()?;
            records.push(json(element).map_or(RawRecord::Unreadable(element), RawRecord::Json));
        }
        Some(records)
    }

    /// At the beginning of a list or object or after one of its items: whether another item follows. At the end, the
    /// closing bracket is passed.
    fn next_item(&mut self, end: u8) -> Option<bool> {
        if self.peek()? == b',' {
            self.at += 1;
        }
        if self.peek()? == end {
            self.at += 1;
            return Some(false);
        }
        Some(true)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.body.get(self.at..)?;
        let skipped = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.at += skipped;
        self.body.get(self.at).copied()
    }

    fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The bytes of the value that begins here, which is passed.
    fn value(&mut self) -> Option<&'a [u8]> {
        let first = self.peek()?;
        let from = self.at;
        self.at = match first {
            b'"' => self.string_end()?,
            b'{' | b'[' => self.bracket_end()?,
            _ => self.scalar_end()?,
        };
        self.body
            .get(from..self.at)
            .filter(|value| !value.is_empty())
    }

    fn string_end(&self) -> Option<usize> {
        let mut at = self.at + 1;
        loop {
            match self.body.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    fn bracket_end(&mut self) -> Option<usize> {
        let from = self.at;
        let mut depth = 0_usize;
        loop {
            match self.body.get(self.at)? {
                b'"' => {
                    self.at = self.string_end()?;
                    if !matches!(self.peek()?, b',' | b':' | b'}' | b']') {
                        return None;
                    }
                }
                byte => {
                    self.at += 1;
                    match byte {
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                }
            }
            if depth == 0 {
                return Some(std::mem::replace(&mut self.at, from));
            }
        }
    }

    fn scalar_end(&self) -> Option<usize> {
        let rest = self.body.get(self.at..)?;
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']'));
        Some(self.at + length?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::page::DETAILS_FIELDS;

    #[test]
    fn the_damaged_record_alone_is_unreadable() {
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

            let page = object(&body, DETAILS_FIELDS).unwrap();

            let records = page.records.unwrap();
            assert_eq!(records[0].json(), Some(r#"{"id":1}"#));
            assert_eq!((records[1].json(), records[1].bytes()), (None, damaged));
            assert_eq!(records[2].json(), Some("7"));
            assert_eq!(page.next.as_deref(), Some("c"));
        }
    }

    #[test]
    fn a_bare_array_is_split_alike() {
        let records = array(b" [ {\"id\":\"\xff]\\\"\"}, {\"id\":2} ] ").unwrap();

        assert_eq!(records.len(), 2);
        assert_eq!(records[1].json(), Some(r#"{"id":2}"#));
    }

    #[test]
    fn a_page_whose_cursor_or_list_is_damaged_is_not_split() {
        let bodies: [&[u8]; 4] = [
            b"{\"conversations\":[{\"id\":1}],\"cursor\":\"QUJD\nREVG\"}",
            b"{\"conversations\":[{\"id\":1}],\"cursor\":\"caf\xe9\"}",
            b"{\"conversations\":NaN,\"dataAvailabilityDate\":\"2026-03-02T00:00:00Z\"}",
            b"{\"conversations\":[{\"id\":1}],\"cur\xe9sor\":\"c\"}",
        ];
        for body in bodies {
            assert!(object(body, DETAILS_FIELDS).is_none());
        }
    }

    #[test]
    fn records_between_two_stray_quotes_are_not_taken_for_one() {
        let body = br#"[{"t":"5" screen"},{"t":"a"},{"t":"6" screen"}]"#;

        assert!(array(body).is_none());
    }

    #[test]
    fn what_is_cut_off_or_goes_on_is_not_split() {
        let body = b"{\"conversations\":[{\"id\":\"\xff\"},{\"id\":2}],\"cursor\":\"c\"}";

        for length in 0..body.len() {
            assert!(
                object(&body[..length], DETAILS_FIELDS).is_none(),
                "{length}"
            );
        }
        assert!(object(&[body, b"x".as_slice()].concat(), DETAILS_FIELDS).is_none());
        assert!(array(b"[{\"id\":\"\xff\"}").is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_split_or_refused_without_a_panic(body in prop::collection::vec(
            prop::sample::select(b"{}[]\",:\\ a1\xff\n".to_vec()), 0..60,
        )) {
            let _ = object(&body, DETAILS_FIELDS);
            let _ = array(&body);
        }
    }
}

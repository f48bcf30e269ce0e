//! Parses results pages. Errors report where a body is malformed, never its content.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::raw_record::RawRecord;
use super::salvage;
use super::walk::unquoted;
use crate::base::decode::DecodeError;
use crate::base::decode::lenient::parse_count;
use crate::base::hash::Sha256;

/// A page of results: records and paging fields. Unused fields are skipped.
#[derive(Default)]
pub struct ResultsPage<'a> {
    /// `None` when the list is absent or null. The meaning of that depends on the call.
    pub records: Option<Vec<RawRecord<'a>>>,
    /// Cursor or token of the next page. Absent, null and empty all mean that there is none.
    pub next: Option<String>,
    /// The watermark that applied to a job, if it is readable.
    pub data_availability_date: Option<Timestamp>,
    /// The total number of results of a query, if it is readable.
    pub total_hits: Option<u64>,
}

/// The names of a response's list of records and of its cursor or token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultsFields {
    pub records: &'static str,
    pub next: &'static str,
}

/// For a job's results and for the details query, although the query never has a cursor.
pub const DETAILS_FIELDS: ResultsFields = ResultsFields {
    records: "conversations",
    next: "cursor",
};

const WATERMARK_FIELD: &str = "dataAvailabilityDate";
const HITS_FIELD: &str = "totalHits";

/// Reads the responses to one request, including its retries. A page with the same damage twice in a row is split into
/// its records, so that only the damaged record is rejected. A missing list is accepted the second time.
#[derive(Debug, Default)]
pub struct ResultsReader {
    last_damage: Option<Sha256>,
    had_no_list: bool,
}

impl ResultsReader {
    /// Reads a page that is an object.
    pub fn read_page<'a>(
        &mut self,
        body: &'a [u8],
        fields: ResultsFields,
    ) -> Result<ResultsPage<'a>, DecodeError> {
        let page_damage =
            |page: &ResultsPage<'a>| damage_digest(page.records.as_deref().unwrap_or_default());
        self.read_or_salvage(
            body,
            |body| fields.read(body),
            |body| salvage::split_object(body, fields),
            page_damage,
        )
    }

    /// The page's records. The API may omit an empty list if `may_lack_list`; the first response without a list is
    /// still an error, because it may be an accident.
    pub(crate) fn records_of<'a>(
        &mut self,
        page: ResultsPage<'a>,
        fields: ResultsFields,
        may_lack_list: bool,
    ) -> Result<Option<Vec<RawRecord<'a>>>, DecodeError> {
        match page.records {
            Some(records) => Ok(Some(records)),
            None if may_lack_list && std::mem::replace(&mut self.had_no_list, true) => Ok(None),
            None => Err(DecodeError::missing(fields.records)),
        }
    }

    /// Reads a gateway's page, which is a bare array.
    pub(crate) fn read_array<'a>(
        &mut self,
        body: &'a [u8],
    ) -> Result<Vec<RawRecord<'a>>, DecodeError> {
        self.read_or_salvage(body, gateway_records, salvage::split_array, |records| {
            damage_digest(records)
        })
    }

    fn read_or_salvage<'a, T>(
        &mut self,
        body: &'a [u8],
        parse: impl Fn(&'a [u8]) -> Result<T, DecodeError>,
        salvage: impl Fn(&'a [u8]) -> Option<T>,
        damage_of: impl Fn(&T) -> Sha256,
    ) -> Result<T, DecodeError> {
        let error = match parse(body) {
            Err(error @ DecodeError::NotJson { .. }) => error,
            read => return read,
        };
        let Some(salvaged) = salvage(body) else {
            return Err(error);
        };
        // Only the damage is compared, because the rest of the page, such as a cursor, may differ each time.
        let damage = damage_of(&salvaged);
        if self.last_damage.replace(damage) == Some(damage) {
            Ok(salvaged)
        } else {
            Err(error)
        }
    }
}

/// The digest of the records that are not JSON.
fn damage_digest(records: &[RawRecord<'_>]) -> Sha256 {
    let unreadable = records.iter().filter(|record| record.json().is_none());
    let bytes: Vec<&[u8]> = unreadable.map(|record| record.bytes()).collect();
    Sha256::of(bytes.join(&b'\n'))
}

/// Parses a gateway's results page, which is a bare array.
pub fn gateway_records(body: &[u8]) -> Result<Vec<RawRecord<'_>>, DecodeError> {
    let records: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            DecodeError::Shape("the body is not an array".into())
        } else {
            DecodeError::syntax(&error)
        }
    })?;
    Ok(records.into_iter().map(RawRecord::Json).collect())
}

impl<'a> ResultsPage<'a> {
    /// The records of a page that must have a list named `name`.
    pub(crate) fn required_records(self, name: &str) -> Result<Vec<RawRecord<'a>>, DecodeError> {
        self.records.ok_or_else(|| DecodeError::missing(name))
    }

    /// Whether the member is one that this type reads.
    pub(super) fn is_used(fields: ResultsFields, key: &str) -> bool {
        [fields.records, fields.next, WATERMARK_FIELD, HITS_FIELD].contains(&key)
    }

    /// Reads a member. A repeated member must have the same value both times, because it is undefined which one
    /// applies.
    pub(super) fn set_member(
        &mut self,
        fields: ResultsFields,
        key: &str,
        value: MemberValue<'a>,
    ) -> Result<(), DecodeError> {
        if key == fields.records {
            let records = value.list(fields.records)?;
            set_once(&mut self.records, records, fields.records)
        } else if key == fields.next {
            let next = value.text(fields.next)?.filter(|next| !next.is_empty());
            set_once(&mut self.next, next, fields.next)
        } else if key == WATERMARK_FIELD {
            let moment = value.text(WATERMARK_FIELD).ok().flatten();
            let moment = moment.and_then(|text| text.parse().ok());
            set_once(&mut self.data_availability_date, moment, WATERMARK_FIELD)
        } else if key == HITS_FIELD {
            set_once(&mut self.total_hits, value.count(), HITS_FIELD)
        } else {
            Ok(())
        }
    }
}

fn set_once<T: PartialEq>(
    slot: &mut Option<T>,
    value: Option<T>,
    name: &str,
) -> Result<(), DecodeError> {
    match (&slot, &value) {
        (Some(first), Some(second)) if first != second => {
            Err(DecodeError::Shape(format!("`{name}` occurs twice").into()))
        }
        (Some(_), _) => Ok(()),
        (None, _) => {
            *slot = value;
            Ok(())
        }
    }
}

/// A member's value: JSON, or a list that was split because it is not valid JSON.
pub(super) enum MemberValue<'a> {
    Json(&'a RawValue),
    List(Vec<RawRecord<'a>>),
}

impl<'a> MemberValue<'a> {
    /// `None` for null.
    fn list(self, name: &str) -> Result<Option<Vec<RawRecord<'a>>>, DecodeError> {
        match self {
            Self::List(records) => Ok(Some(records)),
            Self::Json(value) => {
                let records: Option<Vec<&RawValue>> = serde_json::from_str(value.get())
                    .map_err(|_| DecodeError::not_a(name, "an array"))?;
                Ok(records.map(|records| records.into_iter().map(RawRecord::Json).collect()))
            }
        }
    }

    fn text(&self, name: &str) -> Result<Option<String>, DecodeError> {
        match self {
            Self::Json(value) => serde_json::from_str(value.get()).ok(),
            Self::List(_) => None,
        }
        .ok_or_else(|| DecodeError::not_a(name, "a string"))
    }

    fn count(&self) -> Option<u64> {
        match self {
            Self::Json(value) => parse_count(value.get()),
            Self::List(_) => None,
        }
    }
}

impl ResultsFields {
    pub fn read(self, body: &[u8]) -> Result<ResultsPage<'_>, DecodeError> {
        let mut content_error = None;
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = json.deserialize_map(PageVisitor {
            names: self,
            content_error: &mut content_error,
        });
        if let Some(content_error) = content_error {
            return Err(content_error);
        }
        let results = read.map_err(|error| {
            if error.is_data() {
                DecodeError::Shape("the body is not an object".into())
            } else {
                DecodeError::syntax(&error)
            }
        })?;
        json.end().map_err(|error| DecodeError::syntax(&error))?;
        Ok(results)
    }
}

/// Reads the fields we use in one pass.
struct PageVisitor<'s> {
    names: ResultsFields,
    /// The first problem with the content, if the body is JSON.
    content_error: &'s mut Option<DecodeError>,
}

impl<'de> Visitor<'de> for PageVisitor<'_> {
    type Value = ResultsPage<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut results = ResultsPage::default();
        while let Some(key) = map.next_key::<&RawValue>()? {
            let value = MemberValue::Json(map.next_value()?);
            let member = results.set_member(self.names, &unquoted(key.get()), value);
            // Continue reading: whether the body is valid JSON takes precedence.
            if let Err(error) = member {
                self.content_error.get_or_insert(error);
            }
        }
        Ok(results)
    }
}

impl fmt::Debug for ResultsPage<'_> {
    /// Omits the records: a page must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultsPage")
            .field("records", &self.records.as_ref().map(Vec::len))
            .field("next", &self.next.is_some())
            .field("data_availability_date", &self.data_availability_date)
            .field("total_hits", &self.total_hits)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<ResultsPage<'_>, DecodeError> {
        DETAILS_FIELDS.read(body.as_bytes())
    }

    #[test]
    fn a_page_has_its_records_verbatim_a_cursor_and_a_watermark() {
        let page = read(
            r#"{"cursor":"a+/=\u0041","conversations":[{"x": 1e400}, 7],"new":{},
            "dataAvailabilityDate":"2026-03-02T00:00:00Z"}"#,
        )
        .unwrap();

        assert_eq!(page.next.as_deref(), Some("a+/=A"));
        assert_eq!(
            page.data_availability_date,
            Some("2026-03-02T00:00:00Z".parse().unwrap())
        );
        let records = page.records.unwrap();
        let texts: Vec<_> = records
            .iter()
            .map(|record| record.json().unwrap())
            .collect();
        assert_eq!(texts, [r#"{"x": 1e400}"#, "7"]);
    }

    #[test]
    fn a_reply_is_read_by_the_configured_field_names() {
        let fields = ResultsFields {
            records: "entities",
            next: "nextPageToken",
        };
        let body = br#"{"entities":[1],"nextPageToken":"t","conversations":"x","totalHits":7}"#;

        let page = fields.read(body).unwrap();

        assert_eq!(page.next.as_deref(), Some("t"));
        assert_eq!(page.total_hits, Some(7));
        assert_eq!(page.records.unwrap().len(), 1);
    }

    #[test]
    fn an_absent_list_differs_from_an_empty_one() {
        for body in ["{}", r#"{"conversations":null,"cursor":null}"#] {
            let page = read(body).unwrap();

            assert!(page.records.is_none() && page.next.is_none());
        }
        assert_eq!(
            read(r#"{"conversations":[]}"#).unwrap().records,
            Some(vec![])
        );
    }

    #[test]
    fn an_absent_null_or_empty_cursor_is_the_end() {
        for body in [
            r#"{"conversations":[]}"#,
            r#"{"conversations":[],"cursor":null}"#,
            r#"{"conversations":[],"cursor":""}"#,
        ] {
            assert_eq!(read(body).unwrap().next, None, "{body}");
        }
    }

    #[test]
    fn a_count_may_be_text_and_an_invalid_watermark_is_none() {
        for (body, hits) in [
            (r#"{"totalHits":"35"}"#, Some(35)),
            (r#"{"totalHits":35.0}"#, Some(35)),
            (r#"{"totalHits":-1}"#, None),
            (r#"{"totalHits":"Mary"}"#, None),
            (r#"{"totalHits":null}"#, None),
        ] {
            assert_eq!(read(body).unwrap().total_hits, hits, "{body}");
        }
        for date in [r#""""#, "1772409600000", r#""Mary""#, "[]", "null"] {
            let body = format!(r#"{{"dataAvailabilityDate":{date}}}"#);

            assert_eq!(read(&body).unwrap().data_availability_date, None, "{body}");
        }
    }

    #[test]
    fn an_unexpected_body_is_refused_without_quoting_it() {
        let bodies = [
            r#""Mary""#,
            "[]",
            "null",
            r#"{"conversations":"Mary"}"#,
            r#"{"conversations":{"Mary":1}}"#,
            r#"{"cursor":["Mary"]}"#,
            r#"{"cursor":7}"#,
            r#"{"conversations":[1],"conversations":["Mary"]}"#,
            r#"{"cursor":"a","cursor":"Mary"}"#,
        ];

        let errors = bodies.map(|body| read(body).unwrap_err().to_string());

        insta::assert_snapshot!(errors.join("\n"), @r"
        the body is not an object
        the body is not an object
        the body is not an object
        `conversations` is not an array
        `conversations` is not an array
        `cursor` is not a string
        `cursor` is not a string
        `conversations` occurs twice
        `cursor` occurs twice
        ");
    }

    #[test]
    fn a_repeated_member_with_an_equal_value_is_accepted() {
        let body =
            r#"{"conversations":[1],"cursor":"a","conversations":[1],"cursor":"a","cursor":null}"#;

        let page = read(body).unwrap();

        assert_eq!(page.next.as_deref(), Some("a"));
        assert_eq!(page.records.unwrap().len(), 1);
    }

    #[test]
    fn a_truncated_or_extended_body_is_not_json() {
        let body = r#"{"conversations":[{"a":1}],"cursor":"c"}"#;
        let is_not_json = |body: &str| matches!(read(body), Err(DecodeError::NotJson { .. }));

        for length in 0..body.len() {
            assert!(is_not_json(&body[..length]), "{length}");
        }
        assert!(is_not_json(&format!("{body}x")));
    }

    #[test]
    fn a_gateway_page_is_a_bare_array() {
        assert_eq!(
            gateway_records(br#" [ {"id":1} , null ] "#).unwrap().len(),
            2
        );
        assert!(gateway_records(b"[]").unwrap().is_empty());
        for body in ["{}", "null", r#""Mary""#, r#"{"records":[]}"#] {
            let error = gateway_records(body.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), "the body is not an array", "{body}");
        }
        assert!(matches!(
            gateway_records(br#"[{"id":1}"#),
            Err(DecodeError::NotJson { .. })
        ));
    }

    #[test]
    fn a_body_damaged_twice_alike_is_split_into_its_records() {
        let damaged = b"{\"conversations\":[{\"id\":1},{\"id\":\"\xe9\"}]}".as_slice();
        let otherwise = b"{\"conversations\":[{\"id\":1},{\"id\":\"\xe8\"}]}".as_slice();
        let with_another_cursor =
            b"{\"conversations\":[{\"id\":1},{\"id\":\"\xe8\"}],\"cursor\":\"c\"}".as_slice();
        let mut reader = ResultsReader::default();

        assert!(reader.read_page(damaged, DETAILS_FIELDS).is_err());
        assert!(reader.read_page(otherwise, DETAILS_FIELDS).is_err());
        let page = reader
            .read_page(with_another_cursor, DETAILS_FIELDS)
            .unwrap();

        let readable = page
            .records
            .unwrap()
            .into_iter()
            .map(|record| record.json().is_some());
        assert_eq!(readable.collect::<Vec<_>>(), [true, false]);
    }
}

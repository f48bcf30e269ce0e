//! Results pages as the servers send them. Errors tell where a body is wrong, never what it says.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::walk::unquoted;

/// A page of results: records, and what stands beside them. Fields we do not use are passed over.
#[derive(Default)]
pub struct ResultsPage<'a> {
    /// Empty when absent or null: a last page may lack it.
    pub records: Vec<&'a RawValue>,
    /// What leads to the next page; absent on the last one.
    pub next: Option<String>,
    /// The watermark that held for a job.
    pub data_availability_date: Option<Timestamp>,
    /// How much a query finds in all.
    pub total_hits: Option<u64>,
}

/// Under which names a reply has its records and what leads to the next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultsFields {
    pub records: &'static str,
    pub next: &'static str,
}

/// Of a job's results and, though it never has a cursor, of the details query.
pub const DETAILS_FIELDS: ResultsFields = ResultsFields {
    records: "conversations",
    next: "cursor",
};

/// The records of a gateway's results page, which is a bare array.
pub fn gateway_records(body: &[u8]) -> Result<Vec<&RawValue>, serde_json::Error> {
    serde_json::from_slice(body)
        .map_err(|error| without_values(error, || "the body is not an array".to_owned()))
}

impl ResultsPage<'_> {
    /// The records on their own, for whoever keeps them longer than the body.
    pub fn into_records(self) -> Vec<Box<RawValue>> {
        self.records.into_iter().map(ToOwned::to_owned).collect()
    }
}

impl ResultsFields {
    pub fn read(self, body: &[u8]) -> Result<ResultsPage<'_>, serde_json::Error> {
        let mut expected = Expected::Object;
        let mut json = serde_json::Deserializer::from_slice(body);
        let results = json
            .deserialize_map(Fields {
                named: self,
                otherwise: &mut expected,
            })
            .map_err(|error| without_values(error, || expected.to_string()))?;
        json.end()?;
        Ok(results)
    }
}

/// What the value in hand should be.
#[derive(Clone, Copy)]
enum Expected {
    Object,
    Array(&'static str),
    String(&'static str),
    Moment(&'static str),
    Count(&'static str),
}

/// Reads the fields we use, in one go; of one that repeats the last counts.
struct Fields<'s> {
    named: ResultsFields,
    /// What is wrong if the value in hand has another form.
    otherwise: &'s mut Expected,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ResultsPage<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        const WATERMARK: &str = "dataAvailabilityDate";
        const HITS: &str = "totalHits";
        let ResultsFields { records, next } = self.named;
        let mut results = ResultsPage::default();
        while let Some(key) = map.next_key::<&RawValue>()? {
            let key = &*unquoted(key.get());
            if key == records {
                *self.otherwise = Expected::Array(records);
                results.records = map.next_value::<Option<_>>()?.unwrap_or_default();
            } else if key == next {
                *self.otherwise = Expected::String(next);
                results.next = map.next_value()?;
            } else if key == WATERMARK {
                *self.otherwise = Expected::Moment(WATERMARK);
                results.data_availability_date = map.next_value()?;
            } else if key == HITS {
                *self.otherwise = Expected::Count(HITS);
                results.total_hits = map.next_value()?;
            } else {
                map.next_value::<&RawValue>()?;
            }
        }
        Ok(results)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object => f.write_str("the body is not an object"),
            Self::Array(name) => write!(f, "`{name}` is not an array"),
            Self::String(name) => write!(f, "`{name}` is not a string"),
            Self::Moment(name) => write!(f, "`{name}` is not an ISO-8601 timestamp"),
            Self::Count(name) => write!(f, "`{name}` is not a count"),
        }
    }
}

/// serde quotes a value of the wrong type in its error; it may be somebody's message.
fn without_values(
    error: serde_json::Error,
    otherwise: impl FnOnce() -> String,
) -> serde_json::Error {
    if error.is_data() {
        serde_json::Error::custom(otherwise())
    } else {
        error
    }
}

impl fmt::Debug for ResultsPage<'_> {
    /// Without the records: a page must not end up in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultsPage")
            .field("records", &self.records.len())
            .field("next", &self.next.is_some())
            .field("data_availability_date", &self.data_availability_date)
            .field("total_hits", &self.total_hits)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gives_its_conversations_untouched_its_cursor_and_its_watermark() {
        let body = br#"{"cursor":"a+/=\u0041","conversations":[{"x": 1e400}, 7],"new":{},
            "dataAvailabilityDate":"2026-03-02T00:00:00Z"}"#;

        let page = DETAILS_FIELDS.read(body).unwrap();

        let texts: Vec<_> = page.records.iter().map(|record| record.get()).collect();
        assert_eq!(texts, [r#"{"x": 1e400}"#, "7"]);
        assert_eq!(page.next.as_deref(), Some("a+/=A"));
        assert_eq!(
            page.data_availability_date,
            Some("2026-03-02T00:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn a_reply_with_other_names_is_read_by_them() {
        let fields = ResultsFields {
            records: "entities",
            next: "nextPageToken",
        };
        let body = br#"{"entities":[1],"nextPageToken":"t","conversations":"x","totalHits":7}"#;

        let page = fields.read(body).unwrap();

        assert_eq!(page.records.len(), 1);
        assert_eq!(page.next.as_deref(), Some("t"));
        assert_eq!(page.total_hits, Some(7));
    }

    #[test]
    fn a_last_page_may_lack_everything() {
        for body in [
            "{}",
            r#"{"conversations":null,"cursor":null,"dataAvailabilityDate":null}"#,
        ] {
            let page = DETAILS_FIELDS.read(body.as_bytes()).unwrap();

            assert!(page.records.is_empty());
            assert!(page.next.is_none());
            assert!(page.data_availability_date.is_none());
        }
    }

    #[test]
    fn a_body_of_another_form_is_refused_without_its_text() {
        let bodies = [
            r#""Mary""#,
            "[]",
            r#"{"conversations":"Mary"}"#,
            r#"{"cursor":["Mary"]}"#,
            r#"{"dataAvailabilityDate":"Mary"}"#,
            r#"{"totalHits":"Mary"}"#,
        ];

        let errors = bodies.map(|body| {
            DETAILS_FIELDS
                .read(body.as_bytes())
                .unwrap_err()
                .to_string()
        });

        insta::assert_snapshot!(errors.join("\n"), @r"
        the body is not an object
        the body is not an object
        `conversations` is not an array
        `cursor` is not a string
        `dataAvailabilityDate` is not an ISO-8601 timestamp
        `totalHits` is not a count
        ");
    }

    #[test]
    fn a_body_that_was_cut_off_or_goes_on_is_refused_as_such() {
        let body = r#"{"conversations":[{"a":1}],"cursor":"c"}"#;

        for length in 0..body.len() {
            assert!(
                DETAILS_FIELDS
                    .read(&body.as_bytes()[..length])
                    .unwrap_err()
                    .is_eof()
            );
        }
        assert!(
            DETAILS_FIELDS
                .read(format!("{body}x").as_bytes())
                .unwrap_err()
                .is_syntax()
        );
    }

    #[test]
    fn a_gateways_page_is_a_bare_array() {
        assert_eq!(
            gateway_records(br#" [ {"id":1} , null ] "#).unwrap().len(),
            2
        );
        assert!(gateway_records(b"[]").unwrap().is_empty());
        assert!(gateway_records(br#"[{"id":1}"#).unwrap_err().is_eof());
        assert_eq!(
            gateway_records(br#""Mary""#).unwrap_err().to_string(),
            "the body is not an array"
        );
    }
}

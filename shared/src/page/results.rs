//! Results pages as the servers send them. Errors tell where a body is wrong, never what it says.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::walk::unquoted;

/// A page of an analytics job's results. Fields we do not use are passed over.
#[derive(Default)]
pub struct JobResults<'a> {
    /// Empty when absent or null: a last page may lack it.
    pub conversations: Vec<&'a RawValue>,
    /// Absent on the last page.
    pub cursor: Option<String>,
    /// The watermark that held for the job.
    pub data_availability_date: Option<Timestamp>,
}

/// The records of a gateway's results page, which is a bare array.
pub fn gateway_records(body: &[u8]) -> Result<Vec<&RawValue>, serde_json::Error> {
    serde_json::from_slice(body).map_err(|error| without_values(error, "the body is not an array"))
}

impl<'a> JobResults<'a> {
    pub fn from_slice(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        let mut expected = "the body is not an object";
        let mut json = serde_json::Deserializer::from_slice(body);
        let results = json
            .deserialize_map(Fields {
                otherwise: &mut expected,
            })
            .map_err(|error| without_values(error, expected))?;
        json.end()?;
        Ok(results)
    }
}

/// Reads the fields we use, in one go; of one that repeats the last counts.
struct Fields<'s> {
    /// What is wrong if the value in hand has another form.
    otherwise: &'s mut &'static str,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = JobResults<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut results = JobResults::default();
        while let Some(key) = map.next_key::<&RawValue>()? {
            match &*unquoted(key.get()) {
                "conversations" => {
                    *self.otherwise = "`conversations` is not an array";
                    results.conversations = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                "cursor" => {
                    *self.otherwise = "`cursor` is not a string";
                    results.cursor = map.next_value()?;
                }
                "dataAvailabilityDate" => {
                    *self.otherwise = "`dataAvailabilityDate` is not an ISO-8601 timestamp";
                    results.data_availability_date = map.next_value()?;
                }
                _ => {
                    map.next_value::<&RawValue>()?;
                }
            }
        }
        Ok(results)
    }
}

/// serde quotes a value of the wrong type in its error; it may be somebody's message.
fn without_values(error: serde_json::Error, otherwise: &'static str) -> serde_json::Error {
    if error.is_data() {
        serde_json::Error::custom(otherwise)
    } else {
        error
    }
}

impl fmt::Debug for JobResults<'_> {
    /// Without the conversations: a page must not end up in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobResults")
            .field("conversations", &self.conversations.len())
            .field("cursor", &self.cursor.is_some())
            .field("data_availability_date", &self.data_availability_date)
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

        let page = JobResults::from_slice(body).unwrap();

        let texts: Vec<_> = page
            .conversations
            .iter()
            .map(|record| record.get())
            .collect();
        assert_eq!(texts, [r#"{"x": 1e400}"#, "7"]);
        assert_eq!(page.cursor.as_deref(), Some("a+/=A"));
        assert_eq!(
            page.data_availability_date,
            Some("2026-03-02T00:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn a_last_page_may_lack_everything() {
        for body in [
            "{}",
            r#"{"conversations":null,"cursor":null,"dataAvailabilityDate":null}"#,
        ] {
            let page = JobResults::from_slice(body.as_bytes()).unwrap();

            assert!(page.conversations.is_empty());
            assert!(page.cursor.is_none());
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
        ];

        let errors = bodies.map(|body| {
            JobResults::from_slice(body.as_bytes())
                .unwrap_err()
                .to_string()
        });

        insta::assert_snapshot!(errors.join("\n"), @r"
        the body is not an object
        the body is not an object
        `conversations` is not an array
        `cursor` is not a string
        `dataAvailabilityDate` is not an ISO-8601 timestamp
        ");
    }

    #[test]
    fn a_body_that_was_cut_off_or_goes_on_is_refused_as_such() {
        let body = r#"{"conversations":[{"a":1}],"cursor":"c"}"#;

        for length in 0..body.len() {
            assert!(
                JobResults::from_slice(&body.as_bytes()[..length])
                    .unwrap_err()
                    .is_eof()
            );
        }
        assert!(
            JobResults::from_slice(format!("{body}x").as_bytes())
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

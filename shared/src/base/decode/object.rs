//! Reads JSON objects member by member: a member may be absent or of any type, and makes at most its own element
//! unreadable.
//!
//! A member without content counts as absent if its type is unexpected. An element whose content cannot be read is
//! returned raw.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::DecodeError;

/// An object's members. Of members with the same name, which RFC 8259 leaves undefined (section 4), the last one
/// counts; if the member carries content, none counts.
#[derive(Debug)]
pub(crate) struct Object<'a>(HashMap<String, Member<'a>>);

#[derive(Clone, Copy, Debug)]
struct Member<'a> {
    value: &'a RawValue,
    /// Whether a member with the same name has another value.
    is_ambiguous: bool,
}

/// An element lacks the content that its list is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotReadable;

/// A list that was read element by element.
#[derive(Debug)]
pub struct ParsedList<T> {
    pub read: Vec<T>,
    pub unreadable: Vec<UnreadableElement>,
}

/// An element of a list that could not be read.
#[derive(Clone, Debug)]
pub struct UnreadableElement {
    /// Its `id`, or otherwise its `messageId`.
    pub id: Option<String>,
    pub raw: Box<RawValue>,
}

/// Numeric timestamps below this are seconds, all others milliseconds: 1973 in milliseconds, the year 5138 in
/// seconds.
const FIRST_MILLISECONDS: f64 = 1e11;
/// In seconds: 1973. A smaller number is not a timestamp.
const FIRST_SECONDS: f64 = 1e8;

impl<'a> Object<'a> {
    pub(crate) fn read(value: &'a RawValue) -> Result<Self, NotReadable> {
        serde_json::from_str(value.get()).map_err(|_| NotReadable)
    }

    /// The member's value; `None` if it is absent or null.
    pub(crate) fn member(&self, name: &str) -> Option<&'a RawValue> {
        let value = self.0.get(name).map(|member| member.value);
        value.filter(|value| value.get() != "null")
    }

    /// A member that carries content.
    pub(crate) fn content(&self, name: &str) -> Result<Option<&'a RawValue>, NotReadable> {
        if self.is_ambiguous(name) {
            return Err(NotReadable);
        }
        Ok(self.member(name))
    }

    /// Whether two members with this name have different values.
    pub(crate) fn is_ambiguous(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|member| member.is_ambiguous)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.member(name)?.get()).ok()
    }

    /// A text that carries content; fails for any other type.
    pub(crate) fn content_text(&self, name: &str) -> Result<Option<String>, NotReadable> {
        let text = |value: &RawValue| serde_json::from_str(value.get()).map_err(|_| NotReadable);
        self.content(name)?.map(text).transpose()
    }

    /// An id: a non-empty text or an integer.
    pub(crate) fn id(&self, name: &str) -> Option<String> {
        let value = self.member(name)?;
        let is_integer = || value.get().bytes().all(|byte| byte.is_ascii_digit());
        let id = self
            .text(name)
            .or_else(|| is_integer().then(|| value.get().to_owned()));
        id.filter(|id| !id.is_empty())
    }

    /// The id of a message, under either name.
    pub(crate) fn message_id(&self) -> Option<String> {
        self.id("messageId").or_else(|| self.id("id"))
    }

    /// An integer, or a text that contains one.
    pub(crate) fn integer<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        let text = scalar_text(self.member(name)?)?;
        let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let whole: i64 = whole.parse().ok()?;
        let is_whole = fraction.bytes().all(|digit| digit == b'0');
        T::try_from(whole).ok().filter(|_| is_whole)
    }

    /// A timestamp: a text, or milliseconds or seconds since 1970.
    pub(crate) fn timestamp(&self, name: &str) -> Option<Timestamp> {
        parse_timestamp(scalar_text(self.member(name)?)?.trim())
    }

    /// The members except those named, as a JSON object with sorted names; `None` if there are no others.
    pub(crate) fn others(&self, read: &[&str]) -> Option<Box<RawValue>> {
        let members = self.0.iter();
        let others: BTreeMap<&str, &RawValue> = members
            .filter(|(name, _)| !read.contains(&name.as_str()))
            .map(|(name, member)| (name.as_str(), member.value))
            .collect();
        (!others.is_empty()).then(|| raw_object(&others))
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        Self::read(self.member(name)?).ok()
    }

    /// An object that carries content; fails for any other type.
    pub(crate) fn content_object(&self, name: &str) -> Result<Option<Self>, NotReadable> {
        self.content(name)?.map(Self::read).transpose()
    }

    /// The elements of a list that may be absent. `Err` holds the value if it is not a list or is ambiguous.
    pub(crate) fn elements(&self, name: &str) -> Result<Vec<&'a RawValue>, &'a RawValue> {
        match self.member(name) {
            Some(value) if self.is_ambiguous(name) => Err(value),
            Some(value) => list(value).ok_or(value),
            None => Ok(Vec::new()),
        }
    }

    /// Reads the elements of a list that may be absent. A value that is not a list becomes one unreadable element.
    pub(crate) fn parse_list<T>(
        &self,
        name: &str,
        read: impl Fn(Object<'a>) -> Result<T, NotReadable>,
    ) -> ParsedList<T> {
        match self.elements(name) {
            Ok(elements) => ParsedList::of(elements, read),
            Err(value) => ParsedList {
                read: Vec::new(),
                unreadable: vec![UnreadableElement::of(value)],
            },
        }
    }

    /// The elements of a list that the document must have.
    pub(crate) fn required_list(&self, name: &str) -> Result<Vec<&'a RawValue>, DecodeError> {
        let member = self.0.get(name).ok_or_else(|| DecodeError::missing(name))?;
        if member.is_ambiguous {
            return Err(DecodeError::Shape(
                format!("`{name}` occurs twice with different values").into(),
            ));
        }
        list(member.value).ok_or_else(|| DecodeError::not_a(name, "a list"))
    }

    /// Fails unless the document repeats the requested id.
    pub(crate) fn require_id(&self, requested: &str) -> Result<(), DecodeError> {
        let id = self.id("id").or_else(|| self.id("conversationId"));
        let id = id.ok_or_else(|| DecodeError::missing("id"))?;
        let is_same = id.eq_ignore_ascii_case(requested);
        is_same
            .then_some(())
            .ok_or_else(|| DecodeError::not_a("id", "the one that was requested"))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: HashMap<String, Member<'de>> = HashMap::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            let differs = |it: &Member<'_>| it.is_ambiguous || it.value.get() != value.get();
            let is_ambiguous = members.get(&name).is_some_and(differs);
            members.insert(
                name,
                Member {
                    value,
                    is_ambiguous,
                },
            );
        }
        Ok(Object(members))
    }
}

impl<T> ParsedList<T> {
    pub(crate) fn of<'a>(
        elements: Vec<&'a RawValue>,
        read: impl Fn(Object<'a>) -> Result<T, NotReadable>,
    ) -> Self {
        let mut listed = Self::default();
        for element in elements {
            match Object::read(element).and_then(&read) {
                Ok(element) => listed.read.push(element),
                Err(NotReadable) => listed.unreadable.push(UnreadableElement::of(element)),
            }
        }
        listed
    }
}

impl<T> Default for ParsedList<T> {
    fn default() -> Self {
        Self {
            read: Vec::new(),
            unreadable: Vec::new(),
        }
    }
}

impl UnreadableElement {
    pub fn of(element: &RawValue) -> Self {
        let object = Object::read(element).ok();
        Self {
            id: object.and_then(|object| object.id("id").or_else(|| object.id("messageId"))),
            raw: element.to_owned(),
        }
    }
}

/// An object of these members.
#[expect(clippy::expect_used, reason = "names and JSON values make an object")]
fn raw_object(members: &BTreeMap<&str, &RawValue>) -> Box<RawValue> {
    serde_json::value::to_raw_value(members).expect("an object")
}

/// The elements of a document, which must be a list.
pub(crate) fn required_elements(document: &RawValue) -> Result<Vec<&RawValue>, DecodeError> {
    list(document).ok_or(DecodeError::Shape("the body is not a list".into()))
}

/// A document, which must be an object.
pub(crate) fn required_object(document: &RawValue) -> Result<Object<'_>, DecodeError> {
    Object::read(document)
        .map_err(|NotReadable| DecodeError::Shape("the body is not an object".into()))
}

fn list(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// The content of a string, or a number as written.
fn scalar_text(value: &RawValue) -> Option<String> {
    match value.get().as_bytes() {
        [b'"', ..] => serde_json::from_str(value.get()).ok(),
        [b'-' | b'0'..=b'9', ..] => Some(value.get().to_owned()),
        _ => None,
    }
}

fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let iso = || text.parse().ok();
    iso()
        .or_else(|| parse_epoch(text))
        .or_else(|| parse_without_zone(text))
}

/// Reads a timestamp without a zone: the API writes timestamps in UTC.
fn parse_without_zone(text: &str) -> Option<Timestamp> {
    let moment: DateTime = text.parse().ok()?;
    Some(moment.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn parse_epoch(text: &str) -> Option<Timestamp> {
    let number: f64 = text.parse().ok()?;
    let seconds = match number {
        _ if number >= FIRST_MILLISECONDS => number / 1_000.0,
        _ if number >= FIRST_SECONDS => number,
        _ => return None,
    };
    let since_1970 = Duration::try_from_secs_f64(seconds).ok()?;
    let moment = Timestamp::UNIX_EPOCH.checked_add(since_1970).ok()?;
    moment.round(Unit::Millisecond).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn member<T>(value: &str, read: impl Fn(&Object<'_>) -> T) -> T {
        let document = raw(&format!(r#"{{"x":{value}}}"#));
        read(&Object::read(&document).unwrap())
    }

    #[test]
    fn a_timestamp_is_read_in_every_format_and_other_values_are_none() {
        let spellings = [
            r#""2026-03-02T14:03:10.112Z""#,
            r#""2026-03-02T14:03:10.112+00:00""#,
            r#""2026-03-02T15:03:10.112+0100""#,
            r#"" 2026-03-02 14:03:10.112Z ""#,
            r#""2026-03-02T14:03:10.112""#,
            "1772460190112",
            r#""1772460190112""#,
            "1772460190.112",
            "1.772460190112E12",
            "1772460190112.0",
        ];
        for spelling in spellings {
            let at = member(spelling, |it| it.timestamp("x"));
            assert_eq!(at, "2026-03-02T14:03:10.112Z".parse().ok(), "{spelling}");
        }
        for nonsense in [
            r#""""#,
            r#""  ""#,
            r#""yesterday""#,
            "0",
            "-1",
            "7",
            "1e400",
            "99999999999999999999",
            r#""NaN""#,
            r#""inf""#,
            "true",
            "null",
            "{}",
            "[]",
            r#"["2026-03-02T14:03:10.112Z"]"#,
        ] {
            assert_eq!(member(nonsense, |it| it.timestamp("x")), None, "{nonsense}");
        }
    }

    #[test]
    fn an_integer_is_read_from_text_too_and_never_rounded() {
        for spelling in ["7", r#""7""#, r#"" 7 ""#, "7.0", r#""7.00""#] {
            assert_eq!(
                member(spelling, |it| it.integer::<u64>("x")),
                Some(7),
                "{spelling}"
            );
        }
        for other in [
            "7.5",
            "-7",
            r#""""#,
            r#""seven""#,
            "true",
            "1e3",
            "99999999999999999999",
            "{}",
            "[7]",
            "null",
        ] {
            assert_eq!(member(other, |it| it.integer::<u64>("x")), None, "{other}");
        }
        assert_eq!(member("-7", |it| it.integer::<i64>("x")), Some(-7));
    }

    #[test]
    fn an_id_is_a_text_or_an_integer() {
        for (value, id) in [
            (r#""a""#, Some("a")),
            ("17", Some("17")),
            (r#""""#, None),
            ("1.5", None),
            ("-1", None),
            ("true", None),
            ("{}", None),
            ("null", None),
        ] {
            assert_eq!(member(value, |it| it.id("x")).as_deref(), id, "{value}");
        }
    }

    #[test]
    fn content_other_than_text_is_not_readable() {
        for (value, text) in [
            (r#""Hi""#, Ok(Some("Hi"))),
            (r#""""#, Ok(Some(""))),
            ("null", Ok(None)),
            ("5", Err(NotReadable)),
            ("true", Err(NotReadable)),
            ("{}", Err(NotReadable)),
            (r#"["Hi"]"#, Err(NotReadable)),
        ] {
            let read = member(value, |it| it.content_text("x"));
            assert_eq!(
                read.as_ref().map(Option::as_deref),
                text.as_ref().copied(),
                "{value}"
            );
        }
    }

    #[test]
    fn the_last_of_repeated_members_is_used() {
        let document = raw(r#"{"x":1,"x":"b","\u0078":"c"}"#);

        let object = Object::read(&document).unwrap();

        assert_eq!(object.text("x").as_deref(), Some("c"));
    }

    #[test]
    fn repeated_content_is_read_only_if_it_is_equal() {
        let document = raw(r#"{"x":[1],"x":[],"y":"a","\u0079":"a","z":"a","z":"b","z":"a"}"#);

        let object = Object::read(&document).unwrap();

        assert_eq!(object.elements("x").unwrap_err().get(), "[]");
        let error = object.required_list("x").unwrap_err();
        assert_eq!(error.to_string(), "`x` occurs twice with different values");
        assert_eq!(object.content_text("y"), Ok(Some("a".to_owned())));
        assert_eq!(object.content_text("z"), Err(NotReadable));
    }

    #[test]
    fn a_list_is_read_by_element_and_other_values_are_not_readable() {
        let ids = |value: &str| {
            member(value, |it| {
                let listed = it.parse_list("x", |it| it.id("id").ok_or(NotReadable));
                let unreadable = listed.unreadable.iter().map(|it| it.raw.get().to_owned());
                (listed.read, unreadable.collect::<Vec<_>>())
            })
        };
        let text = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();

        assert_eq!(
            ids(r#"[{"id":"a"}, null, {"id":{}}, "b", {"id":7}]"#),
            (text(&["a", "7"]), text(&["null", r#"{"id":{}}"#, r#""b""#]))
        );
        assert_eq!(ids(r#"{"id":"a"}"#), (text(&[]), text(&[r#"{"id":"a"}"#])));
        assert_eq!(ids(r#""broken""#), (text(&[]), text(&[r#""broken""#])));
        assert_eq!(ids("[]"), ids("null"));
    }

    #[test]
    fn a_document_must_repeat_the_requested_id() {
        let is_same = |document: &str| {
            Object::read(&raw(document))
                .unwrap()
                .require_id("Ab-1")
                .is_ok()
        };

        for document in [
            r#"{"id":"Ab-1"}"#,
            r#"{"id":"aB-1"}"#,
            r#"{"conversationId":"Ab-1"}"#,
        ] {
            assert!(is_same(document), "{document}");
        }
        for document in [
            "{}",
            r#"{"id":null}"#,
            r#"{"id":"Ab-2"}"#,
            r#"{"id":"Ab-2","conversationId":"Ab-1"}"#,
            r#"{"id":["Ab-1"]}"#,
        ] {
            assert!(!is_same(document), "{document}");
        }
        assert!(
            Object::read(&raw(r#"{"id":17}"#))
                .unwrap()
                .require_id("17")
                .is_ok()
        );
    }
}

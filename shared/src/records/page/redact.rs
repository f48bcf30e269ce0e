//! Removes personal data from a record, which is JSON text: values that can be proved from every string, other values
//! from text that people typed, and with the strict profile also fields that identify a person.
//!
//! The text is walked once, whatever its depth, and copied in runs that are as long as possible. Strings without
//! personal data keep their escapes. Keys, numbers, and the id and the start of the record are unchanged. The bodies of
//! live events are redacted in the same way.

use serde_json::value::RawValue;

use super::RecordShape;
use super::codec::infallible;
use super::walk::Cursor;
use crate::records::redaction::{Profile, Redactor, Tally};

mod field_class;
mod live_fields;
#[cfg(test)]
mod stored;
mod strings;

use field_class::{FieldClass, Subject};
use live_fields::WORDS;
pub(crate) use live_fields::{holds_list_of_words, is_list_of_words};
use strings::{decode_string, string_end};
pub(crate) use strings::{escape_controls, text_of_bytes};

/// Redacts a line of a page and counts the redacted values. `None` when there are none. `shape` is that of the record,
/// `stored` that of the line, which differs in the names of id and start.
pub(super) fn redact(
    record: &str,
    shape: RecordShape,
    stored: RecordShape,
    redactor: &Redactor,
    tally: &mut Tally,
) -> Option<String> {
    let subject = Subject::line(stored, record);
    let class = FieldClass::of_record(record, shape);
    redact_with_class(class, subject, record, redactor, tally)
}

/// Redacts a record that is not archived: its id too, since nothing refers to it.
pub(super) fn redact_rejected(
    record: &str,
    redactor: &Redactor,
    tally: &mut Tally,
) -> Option<String> {
    let class = FieldClass::of_unknown(record);
    redact_with_class(class, Subject::RejectedRecord, record, redactor, tally)
}

/// Redacts bytes that are not JSON.
pub(super) fn redact_unreadable(bytes: &[u8], redactor: &Redactor, tally: &mut Tally) -> String {
    redact_any_text(
        &text_of_bytes(bytes),
        Subject::RejectedRecord,
        redactor,
        tally,
    )
}

/// Redacts the body of a live event, except for the conversation's id in the member of this name.
pub(crate) fn redact_live_event(
    body: &RawValue,
    conversation_id: Option<&'static str>,
    redactor: &Redactor,
    tally: &mut Tally,
) -> Box<RawValue> {
    let class = FieldClass::of_unknown(body.get());
    let subject = Subject::LiveEvent(conversation_id);
    let redacted = redact_with_class(class, subject, body.get(), redactor, tally);
    redacted.map_or_else(|| body.to_owned(), to_raw_json)
}

/// Redacts a live event that is quarantined, which may be any text.
pub(crate) fn redact_rejected_event(text: &str, redactor: &Redactor, tally: &mut Tally) -> String {
    redact_any_text(text, Subject::RejectedEvent, redactor, tally)
}

/// If replacing characters in the text's strings makes it JSON, it is redacted as JSON. Otherwise the whole is also
/// searched for values as one text.
fn redact_any_text(text: &str, subject: Subject, redactor: &Redactor, tally: &mut Tally) -> String {
    let repaired = escape_controls(text);
    let is_json = serde_json::from_str::<&RawValue>(&repaired).is_ok();
    // The walk redacts what it can attribute to a field.
    let class = FieldClass::of_unknown(&repaired);
    let walked = redact_with_class(class, subject, &repaired, redactor, tally);
    let walked = walked.unwrap_or(repaired);
    if is_json {
        return walked;
    }
    // The rest is searched as plain text.
    redactor.redact(&walked, tally).into_owned()
}

/// Redacts a JSON value whose strings may all have been typed by people.
pub(crate) fn redact_free_text(
    value: &RawValue,
    redactor: &Redactor,
    tally: &mut Tally,
) -> Box<RawValue> {
    let class = FieldClass::FreeText;
    let redacted = redact_with_class(class, Subject::RejectedRecord, value.get(), redactor, tally);
    redacted.map_or_else(|| value.to_owned(), to_raw_json)
}

/// Redacted JSON is still JSON. If it is not, all of it is dropped.
fn to_raw_json(redacted: String) -> Box<RawValue> {
    RawValue::from_string(redacted).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn redact_with_class(
    class: FieldClass,
    subject: Subject,
    record: &str,
    redactor: &Redactor,
    tally: &mut Tally,
) -> Option<String> {
    let mut walker = JsonRedactor {
        record,
        subject,
        redactor,
        tally,
        copied: 0,
        out: String::new(),
    };
    walker.redact_value(class);
    if walker.copied == 0 {
        return None;
    }
    walker.out.push_str(&record[walker.copied..]);
    Some(walker.out)
}

struct JsonRedactor<'a, 't> {
    record: &'a str,
    subject: Subject,
    redactor: &'a Redactor,
    tally: &'t mut Tally,
    /// Everything before this offset has been copied or replaced.
    copied: usize,
    out: String,
}

/// An object or array that contains the current position.
struct Container {
    is_object: bool,
    class: FieldClass,
}

impl JsonRedactor<'_, '_> {
    fn redact_value(&mut self, mut class: FieldClass) {
        let bytes = self.record.as_bytes();
        let mut containers: Vec<Container> = Vec::new();
        let mut key = "";
        let mut key_is_next = false;
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    let end = string_end(bytes, at);
                    if key_is_next {
                        key = &self.record[at..end];
                        let parent = containers
                            .last()
                            .map_or(FieldClass::Data, |container| container.class);
                        let name = decode_string(key);
                        class = self.class_of_member(&name, parent, containers.len());
                        key_is_next = false;
                        at = self.leave_out_value(&name, end);
                    } else {
                        self.redact_string(at, end, class, key);
                        at = end;
                    }
                    continue;
                }
                b'{' | b'[' => {
                    let is_object = *byte == b'{';
                    // An id or a start is a string.
                    if class == FieldClass::Identity {
                        class = FieldClass::FreeText;
                    }
                    containers.push(Container { is_object, class });
                    key_is_next = is_object;
                }
                b'}' | b']' => _ = containers.pop(),
                b',' => {
                    let container = containers.last();
                    key_is_next = container.is_some_and(|container| container.is_object);
                    class = container.map_or(class, |container| container.class);
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn class_of_member(&self, name: &str, parent: FieldClass, depth: usize) -> FieldClass {
        if depth == 1 && self.subject.keeps(name) {
            return FieldClass::Identity;
        }
        self.subject.class_of_member(parent, name)
    }

    /// Writes an empty list in place of the value after the key that ends at `key_end`, if the value is left out. Returns
    /// the offset at which to continue.
    fn leave_out_value(&mut self, name: &str, key_end: usize) -> usize {
        if !self.subject.leaves_out(name) {
            return key_end;
        }
        let rest = &self.record[key_end..];
        let value = rest
            .trim_ascii_start()
            .trim_start_matches(':')
            .trim_ascii_start();
        if !value.starts_with(['[', '{']) {
            return key_end;
        }
        let start = self.record.len() - value.len();
        self.out.push_str(&self.record[self.copied..start]);
        self.out.push_str("[]");
        // To the end of a text that is cut off.
        self.copied = start + Cursor::new(value).skip().len();
        self.copied
    }

    /// Redacts the string from `at` to `end`, including its quotes.
    fn redact_string(&mut self, at: usize, end: usize, class: FieldClass, key: &str) {
        let quoted = &self.record[at..end];
        let text = decode_string(quoted);
        let (redactor, profile) = (self.redactor, self.redactor.profile());
        let redacted = match (class, profile) {
            (FieldClass::Identity, _) => return,
            _ if self.subject.replaces(&text) => {
                self.tally.count(WORDS);
                format!("[REDACTED:{WORDS}]").into()
            }
            (FieldClass::Person(person) | FieldClass::FreeTextPerson(person), Profile::Strict) => {
                redactor.redact_person(person, &text, self.tally)
            }
            (
                FieldClass::Data
                | FieldClass::Participants
                | FieldClass::Plain
                | FieldClass::Person(_),
                _,
            ) => redactor.redact_proved(&text, self.tally),
            (FieldClass::Attribute | FieldClass::Gateway, _) => {
                redactor.redact_named(&decode_string(key), &text, self.tally)
            }
            (FieldClass::FreeText | FieldClass::FreeTextPerson(_) | FieldClass::Attributes, _) => {
                redactor.redact(&text, self.tally)
            }
        };
        if redacted != text {
            let quoted = infallible(serde_json::to_string(&redacted));
            self.out.push_str(&self.record[self.copied..at]);
            self.out.push_str(&quoted);
            self.copied = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::records::redaction::Rules;

    fn redactor(profile: Profile) -> Redactor {
        Redactor::new(Rules {
            profile,
            ..Rules::default()
        })
    }

    const ANALYTICS: RecordShape = RecordShape::Analytics;
    const GATEWAY: RecordShape = RecordShape::Gateway;

    fn redacted(profile: Profile, shape: RecordShape, record: &str) -> (String, u64) {
        let mut tally = Tally::default();
        let redacted = redact(record, shape, shape, &redactor(profile), &mut tally);
        let redacted = redacted.unwrap_or_else(|| record.to_owned());
        assert!(serde_json::from_str::<Value>(&redacted).is_ok() || record.contains("\\ud"));
        (redacted, tally.total())
    }

    fn redact_standard(record: &str) -> String {
        redacted(Profile::Standard, ANALYTICS, record).0
    }

    fn redact_gateway(profile: Profile, record: &str) -> String {
        redacted(profile, GATEWAY, record).0
    }

    #[test]
    fn only_typed_fields_are_redacted() {
        let analytics = r#"{ "conversationId":"a","participants":[{"participantName":"Mary Roe","attributes":{"mail":"mary@example.com","n":1.50},
            "sessions":[{"ani":"tel:+4915123456789","metrics":[{"name":"tTalk"}],"segments":[{"wrapUpNote":"card 4111 1111 1111 1111","subject":"\u0049P 10.0.0.1","queueId":"q"}]}]}]}"#;

        let (redacted, values) = redacted(Profile::Standard, ANALYTICS, analytics);

        assert_eq!(values, 3);
        insta::assert_snapshot!(redacted, @r#"
        { "conversationId":"a","participants":[{"participantName":"Mary Roe","attributes":{"mail":"[REDACTED:EMAIL]","n":1.50},
                    "sessions":[{"ani":"tel:+4915123456789","metrics":[{"name":"tTalk"}],"segments":[{"wrapUpNote":"card [REDACTED:CARD]","subject":"IP [REDACTED:IP]","queueId":"q"}]}]}]}
        "#);
    }

    #[test]
    fn the_strict_profile_redacts_names_and_numbers_of_people() {
        let gateway = r#"{"id":"a","participants":[{"id":"p","name":"Mary Roe","type":"customer"}],"interactions":[{"from":"Mary Roe","to":"Bot","text":"Hi from Mary","ani":"tel:+4915123456789","sequenceId":1}]}"#;
        let analytics = r#"{"participants":[{"participantName":"Mary Roe","sessions":[{"ani":"tel:+4915123456789","cc":["Mary <m@example.com>"],"remote":"","metrics":[{"name":"tTalk"}],"flow":{"entryReason":"tel:+4915123456789"}}]}]}"#;

        insta::assert_snapshot!(redacted(Profile::Strict, GATEWAY, gateway).0, @r#"{"id":"a","participants":[{"id":"p","name":"[REDACTED:NAME]","type":"customer"}],"interactions":[{"from":"[REDACTED:NAME]","to":"[REDACTED:NAME]","text":"Hi from Mary","ani":"tel:[REDACTED:PHONE]","sequenceId":1}]}"#);
        insta::assert_snapshot!(redacted(Profile::Strict, ANALYTICS, analytics).0, @r#"{"participants":[{"participantName":"[REDACTED:NAME]","sessions":[{"ani":"tel:[REDACTED:PHONE]","cc":["[REDACTED:ADDRESS]"],"remote":"","metrics":[{"name":"tTalk"}],"flow":{"entryReason":"tel:[REDACTED:PHONE]"}}]}]}"#);
    }

    #[test]
    fn unknown_fields_of_a_gateway_are_redacted_as_typed_text() {
        let record = r#"{"id":"4111 1111 1111 1111","summary":"of mary@example.com","messages":[{"text":"4111 1111 1111 1111","senderId":"4111111111111111","timestamp":"x","parts":["IP 10.0.0.1"]}],
            "customer":{"dateOfBirth":"1980-05-17","emailId":"mary@example.com"},"status":{"code":"4111111111111111","comment":"mary@example.com"},"score":4111111111111111}"#;

        insta::assert_snapshot!(redact_gateway(Profile::Standard, record), @r#"
        {"id":"4111 1111 1111 1111","summary":"of [REDACTED:EMAIL]","messages":[{"text":"[REDACTED:CARD]","senderId":"[REDACTED:CARD]","timestamp":"x","parts":["IP [REDACTED:IP]"]}],
                    "customer":{"dateOfBirth":"[REDACTED:BIRTH_DATE]","emailId":"[REDACTED:EMAIL]"},"status":{"code":"[REDACTED:CARD]","comment":"[REDACTED:EMAIL]"},"score":4111111111111111}
        "#);
    }

    #[test]
    fn people_in_gateway_records_are_redacted_only_by_the_strict_profile() {
        let record = r#"{"from":"Mary Roe","ani":"tel:+4915123456789","messages":[{"to":"Mary Roe","from":{"name":"Mary Roe","about":"mary@example.com"}}],
            "participants":[{"name":"Mary Roe","queue":{"name":"Billing"},"skills":[{"name":"French"}]}],"metrics":[{"name":"tTalk"}]}"#;

        insta::assert_snapshot!(redact_gateway(Profile::Standard, record), @r#"
        {"from":"Mary Roe","ani":"tel:+4915123456789","messages":[{"to":"Mary Roe","from":{"name":"Mary Roe","about":"[REDACTED:EMAIL]"}}],
                    "participants":[{"name":"Mary Roe","queue":{"name":"Billing"},"skills":[{"name":"French"}]}],"metrics":[{"name":"tTalk"}]}
        "#);
        insta::assert_snapshot!(redact_gateway(Profile::Strict, record), @r#"
        {"from":"[REDACTED:NAME]","ani":"tel:[REDACTED:PHONE]","messages":[{"to":"[REDACTED:NAME]","from":{"name":"[REDACTED:NAME]","about":"[REDACTED:NAME]"}}],
                    "participants":[{"name":"[REDACTED:NAME]","queue":{"name":"Billing"},"skills":[{"name":"French"}]}],"metrics":[{"name":"tTalk"}]}
        "#);
    }

    /// Values of each kind that is proved.
    const PROVED: [(&str, &str); 6] = [
        ("mary.roe@example.com", "[REDACTED:EMAIL]"),
        ("4111 1111 1111 1111", "[REDACTED:CARD]"),
        ("DE89370400440532013000", "[REDACTED:IBAN]"),
        ("529.982.247-25", "[REDACTED:TAX_ID]"),
        (
            "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
            "[REDACTED:PASSPORT]",
        ),
        ("https://x.example/?token=abc", "[REDACTED:URL]"),
    ];

    #[test]
    fn proved_values_are_redacted_in_every_field_of_every_record() {
        let fields = [
            "journeyCustomerId",
            "externalContactId",
            "dispositionName",
            "exitReason",
            "surveys",
            "evaluations",
            "customerId",
            "loginId",
            "passportId",
            "queueName",
            "status",
            "code",
            "conversationEnd",
            "participantName",
            "ani",
            "addressFrom",
            "aFieldOfTomorrow",
        ];
        for shape in [ANALYTICS, GATEWAY, RecordShape::Transcript] {
            for field in fields {
                for (value, label) in PROVED {
                    for (before, after) in [("", ""), (r#"[{"id":"#, "}]"), (r#"{"x":["#, "]}")] {
                        let record = format!(r#"{{"{field}":{before}"{value}"{after}}}"#);

                        let redacted = redacted(Profile::Standard, shape, &record).0;

                        assert_eq!(redacted, record.replace(value, label));
                    }
                }
            }
        }
    }

    #[test]
    fn the_name_of_a_field_does_not_hide_values_in_a_sentence() {
        for (text, redacted) in [
            (
                "erst 01515 0560853 probieren",
                "erst [REDACTED:PHONE] probieren",
            ),
            ("女儿2001.12.31出生", "女儿[REDACTED:BIRTH_DATE]出生"),
            ("うちのIPは172.26.43.189です", "うちのIPは[REDACTED:IP]です"),
        ] {
            for name in ["customerId", "flowVersion", "orderCode"] {
                let record = format!(r#"{{"{name}":"{text}"}}"#);
                let redactor = Redactor::new(Rules {
                    regions: vec!["DE".parse().unwrap()],
                    ..Rules::default()
                });

                let found = redact(&record, GATEWAY, GATEWAY, &redactor, &mut Tally::default());

                assert_eq!(found.unwrap(), record.replace(text, redacted));
            }
        }
    }

    #[test]
    fn a_gateway_field_is_searched_however_its_name_ends() {
        for name in [
            "customerId",
            "customerID",
            "customer_id",
            "loginId",
            "passportIds",
            "callerId",
        ] {
            for (value, label) in [
                ("+4915123456789", "[REDACTED:PHONE]"),
                ("10.0.0.1", "[REDACTED:IP]"),
                ("3015123456789", "3015123456789"),
                (
                    "0f8fad5b-d9cb-469f-a165-70867728950e",
                    "0f8fad5b-d9cb-469f-a165-70867728950e",
                ),
            ] {
                let record = format!(r#"{{"participants":[{{"{name}":"{value}"}}]}}"#);

                let redacted = redact_gateway(Profile::Standard, &record);

                assert_eq!(redacted, record.replace(value, label));
            }
        }
    }

    #[test]
    fn only_the_id_of_the_record_itself_is_kept() {
        for (shape, key) in [
            (ANALYTICS, "conversationId"),
            (GATEWAY, "id"),
            (RecordShape::Transcript, "conversationId"),
            (RecordShape::Normalized, "recordId"),
        ] {
            let id = format!(r#"{{"{key}":"4111111111111111"}}"#);
            assert_eq!(redacted(Profile::Strict, shape, &id).0, id);

            let nested = format!(r#"{{"x":{{"{key}":"4111111111111111"}}}}"#);
            let list = format!(r#"{{"{key}":["mary.roe@example.com"]}}"#);
            assert_eq!(redacted(Profile::Standard, shape, &nested).1, 1);
            assert_eq!(redacted(Profile::Standard, shape, &list).1, 1);
        }
    }

    #[test]
    fn only_the_field_that_identifies_an_entity_is_kept() {
        let entity = r#"{"id":"4111111111111111","interactionId":"mary.roe@example.com","startTimestamp":"2026-03-02T14:00:00Z","queueName":"of mary.roe@example.com","attributes":{"phone":"+49 151 23456789"}}"#;

        let by_id = redacted(Profile::Standard, RecordShape::EntityById, entity).0;
        let by_interaction =
            redacted(Profile::Standard, RecordShape::EntityByInteraction, entity).0;

        insta::assert_snapshot!(by_id, @r#"{"id":"4111111111111111","interactionId":"[REDACTED:EMAIL]","startTimestamp":"2026-03-02T14:00:00Z","queueName":"of [REDACTED:EMAIL]","attributes":{"phone":"[REDACTED:PHONE]"}}"#);
        insta::assert_snapshot!(by_interaction, @r#"{"id":"[REDACTED:CARD]","interactionId":"mary.roe@example.com","startTimestamp":"2026-03-02T14:00:00Z","queueName":"of [REDACTED:EMAIL]","attributes":{"phone":"[REDACTED:PHONE]"}}"#);
    }

    #[test]
    fn a_rejected_record_is_redacted_with_its_id() {
        let record = r#"{"id":"mary.roe@example.com","conversationId":"4111111111111111","startTime":"+4915123456789","conversationStart":"10.0.0.1"}"#;
        let mut tally = Tally::default();

        let redacted = redact_rejected(record, &redactor(Profile::Standard), &mut tally);

        insta::assert_snapshot!(redacted.unwrap(), @r#"{"id":"[REDACTED:EMAIL]","conversationId":"[REDACTED:CARD]","startTime":"[REDACTED:PHONE]","conversationStart":"[REDACTED:IP]"}"#);
    }

    #[test]
    fn a_normalized_row_of_a_gateway_is_redacted_like_its_record() {
        let row = r#"{"recordId":"4111111111111111","interactionId":"4111111111111111","channelType":"WEBCHAT","startTime":1772460190112,"queueName":"Hotline +49 151 23456789","wrapUpCode":"4111111111111111","wrapUpName":"x","attributes":{"phone":"+4915123456789"}}"#;

        let mut tally = Tally::default();
        let redacted = redact(
            row,
            GATEWAY,
            RecordShape::Normalized,
            &redactor(Profile::Strict),
            &mut tally,
        );

        insta::assert_snapshot!(redacted.unwrap(), @r#"{"recordId":"4111111111111111","interactionId":"[REDACTED:CARD]","channelType":"WEBCHAT","startTime":1772460190112,"queueName":"Hotline +49 151 23456789","wrapUpCode":"[REDACTED:CARD]","wrapUpName":"x","attributes":{"phone":"[REDACTED:PHONE]"}}"#);
    }

    #[test]
    fn segment_properties_and_delivery_statuses_are_redacted() {
        let record = r#"{"participants":[{"sessions":[{"extendedDeliveryStatus":"+4915123456789 is unknown","segments":[{"properties":[{"property":"mail","propertyType":"string","value":"mary@example.com"}]}]}]}]}"#;

        insta::assert_snapshot!(redact_standard(record), @r#"{"participants":[{"sessions":[{"extendedDeliveryStatus":"[REDACTED:PHONE] is unknown","segments":[{"properties":[{"property":"mail","propertyType":"string","value":"[REDACTED:EMAIL]"}]}]}]}]}"#);
    }

    #[test]
    fn an_attribute_key_can_identify_the_kind_of_its_value() {
        let record = r#"{"participants":[{"attributes":{"customer.dateOfBirth":"1980-05-17","orderDate":"2026-05-17","SSN":"219099999"}}]}"#;

        insta::assert_snapshot!(redact_standard(record), @r#"{"participants":[{"attributes":{"customer.dateOfBirth":"[REDACTED:BIRTH_DATE]","orderDate":"2026-05-17","SSN":"[REDACTED:SSN]"}}]}"#);
    }

    #[test]
    fn an_attribute_key_does_not_exempt_values_within_a_sentence() {
        let record = r#"{"attributes":{"appVersion":"10.0.0.1","appVersionNote":"mary@example.com is at 10.0.0.1"}}"#;

        insta::assert_snapshot!(redact_standard(record), @r#"{"attributes":{"appVersion":"10.0.0.1","appVersionNote":"[REDACTED:EMAIL] is at [REDACTED:IP]"}}"#);
    }

    #[test]
    fn escaped_values_and_values_after_lone_surrogates_are_redacted() {
        let escaped =
            r#"{"interactions":[{"text":"mary\u0040example.com\n\u0034111 1111 1111 1111"}]}"#;
        let half = r#"{"interactions":[{"text":"\ud83d mary@example.com"},{"text":"\ud83d"}]}"#;

        insta::assert_snapshot!(redact_standard(escaped), @r#"{"interactions":[{"text":"[REDACTED:EMAIL]\n[REDACTED:CARD]"}]}"#);
        insta::assert_snapshot!(redact_standard(half), @r#"{"interactions":[{"text":"��� [REDACTED:EMAIL]"},{"text":"\ud83d"}]}"#);
    }

    #[test]
    fn values_outside_of_records_are_redacted() {
        assert_eq!(
            redact_standard(r#""mary@example.com""#),
            r#""[REDACTED:EMAIL]""#
        );
        assert_eq!(
            redact_standard(r#"[{"a":["mary@example.com"]}]"#),
            r#"[{"a":["[REDACTED:EMAIL]"]}]"#
        );
    }

    #[test]
    fn a_deeply_nested_record_is_redacted() {
        let deep = format!(
            r#"{{"attributes":{}"mary@example.com"{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let mut tally = Tally::default();

        let redacted = redact(
            &deep,
            ANALYTICS,
            ANALYTICS,
            &redactor(Profile::Standard),
            &mut tally,
        )
        .unwrap();

        assert!(redacted.contains(r#""[REDACTED:EMAIL]""#));
        assert_eq!(redacted.len(), deep.len());
    }

    proptest! {
        #[test]
        fn redacting_text_that_is_not_json_does_not_panic(text in r#"[{}\[\]",:\\ a1@.\u{e9}]{0,40}"#) {
            let mut tally = Tally::default();
            redact(&text, GATEWAY, GATEWAY, &redactor(Profile::Strict), &mut tally);
        }

        #[test]
        fn texts_without_personal_values_are_unchanged(text in "[a-z \\\\n\"]{0,40}") {
            let record = serde_json::json!({"id": "x", "interactions": [{"text": text}], "comment": text}).to_string();
            prop_assert_eq!(redact_gateway(Profile::Standard, &record), record);
        }
    }
}

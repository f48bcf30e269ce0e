//! Redacted pages match their indexes, in every projection and whatever the organisation's patterns match.

use serde_json::value::RawValue;

use crate::records::page::check::check_index;
use crate::records::page::codec::page_text;
use crate::records::page::index::read_index;
use crate::records::page::{PageBody, PageRules, Projection, RawRecord, RecordShape, encode};
use crate::records::redaction::{CustomPattern, Redactor, Rules};

/// The id is a card number, and the start a date.
const ANALYTICS: &str = r#"{"conversationId":"4111111111111111","conversationStart":"2026-03-02T14:00:00Z",
    "participants":[{"participantId":"12345678-1234-4234-8234-123412341234","purpose":"customer",
    "sessions":[{"mediaType":"chat","segments":[{"queueId":"12345678-0000-4000-8000-000000000051",
    "wrapUpNote":"on 2026-03-02 for 12345678"}]}]}]}"#;
const GATEWAY: &str = r#"{"id":"4111111111111111","startTime":"2026-03-02T14:00:00Z","type":"CHAT",
    "queueName":"12345678","interactions":[{"text":"on 2026-03-02 for 12345678"}]}"#;
const TRANSCRIPT: &str = r#"{"conversationId":"4111111111111111","conversationStart":"2026-03-02T14:00:00Z",
    "messages":[{"text":"on 2026-03-02 for 12345678"}]}"#;

const ENTITY: &str = r#"{"interactionId":"4111111111111111","id":"e","startTimestamp":"2026-03-02T14:00:00Z",
    "channelType":"chat","attributes":{"note":"on 2026-03-02 for 12345678"}}"#;
const OTHER_ENTITY: &str = r#"{"interactionId":null,"id":4111111111111111,"startTime":"2026-03-02T14:00:00Z",
    "channelType":"chat","attributes":{"note":"on 2026-03-02 for 12345678"}}"#;

const PAGES: [(&str, RecordShape, Projection); 15] = [
    (ANALYTICS, RecordShape::Analytics, Projection::Minimal),
    (ANALYTICS, RecordShape::Analytics, Projection::Standard),
    (ANALYTICS, RecordShape::Analytics, Projection::Full),
    (ANALYTICS, RecordShape::Analytics, Projection::Normalized),
    (GATEWAY, RecordShape::Gateway, Projection::Minimal),
    (GATEWAY, RecordShape::Gateway, Projection::Standard),
    (GATEWAY, RecordShape::Gateway, Projection::Full),
    (GATEWAY, RecordShape::Gateway, Projection::Normalized),
    (TRANSCRIPT, RecordShape::Transcript, Projection::Transcript),
    (ENTITY, BY_INTERACTION, Projection::Minimal),
    (ENTITY, BY_INTERACTION, Projection::Standard),
    (ENTITY, BY_INTERACTION, Projection::Normalized),
    (OTHER_ENTITY, BY_INTERACTION, Projection::Full),
    (OTHER_ENTITY, BY_INTERACTION, Projection::Normalized),
    (ENTITY, RecordShape::EntityById, Projection::Full),
];

const BY_INTERACTION: RecordShape = RecordShape::EntityByInteraction;

fn page(record: &str, shape: RecordShape, projection: Projection, patterns: &[&str]) -> PageBody {
    let custom = patterns
        .iter()
        .map(|pattern| CustomPattern::new("OURS", pattern).unwrap());
    let redactor = Redactor::new(Rules {
        custom: custom.collect(),
        ..Rules::default()
    });
    let record: &RawValue = serde_json::from_str(record).unwrap();
    let rules = PageRules {
        shape,
        projection,
        membership: None,
        planned_at: jiff::Timestamp::UNIX_EPOCH,
        known: None,
        names: None,
        redactor: Some(&redactor),
    };
    encode(&[RawRecord::Json(record)], &rules)
}

fn assert_matches_index(page: &PageBody, shape: RecordShape, projection: Projection) -> String {
    let lines = page_text(page.object.as_ref().unwrap()).unwrap();
    let index = read_index(page.index.as_ref().unwrap());
    let checked = check_index(lines.as_bytes(), index, shape, projection);
    assert!(checked.is_ok(), "{shape:?} {projection:?}: {checked:?}");
    lines
}

#[test]
fn the_id_in_a_redacted_line_is_that_of_its_index() {
    for (record, shape, projection) in PAGES {
        let page = page(record, shape, projection, &[]);

        assert_matches_index(&page, shape, projection);
    }
}

#[test]
fn patterns_of_an_organisation_change_no_id_and_no_start() {
    for (record, shape, projection) in PAGES {
        let patterns = [r"\d{4}-\d{2}-\d{2}", r"\b\d{8}\b", r"\d{2}:\d{2}:\d{2}Z"];
        let page = page(record, shape, projection, &patterns);

        let line = assert_matches_index(&page, shape, projection);
        let record_names_queue = line.contains("queueId\":\"");
        assert_eq!(
            record_names_queue,
            line.contains("12345678-0000-4000-8000-000000000051")
        );
    }
}

#[test]
fn patterns_of_an_organisation_apply_to_text_that_people_typed() {
    let patterns = [r"\d{4}-\d{2}-\d{2}", r"\b\d{8}\b"];
    for (record, shape, projection) in [PAGES[2], PAGES[6]] {
        let page = page(record, shape, projection, &patterns);

        let line = assert_matches_index(&page, shape, projection);
        assert!(
            line.contains("on [REDACTED:OURS] for [REDACTED:OURS]"),
            "{line}"
        );
    }
}

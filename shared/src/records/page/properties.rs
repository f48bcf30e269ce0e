//! Property tests over generated pages, against a slow and simple implementation that shares no code.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{
    CodecError, IndexEntry, KnownVersions, PageBody, PageRules, Projection, RawRecord, RecordShape,
    check_index, decode_lines, dropped_paths, encode, for_each_indexed_id, page_text, read_index,
    textual_conversation_id,
};
use crate::records::medium::Medium;
use crate::records::redaction::{Profile, Redactor, Rules};

mod generate;
mod plain;

use plain::Json;

const LIMIT: u64 = 1 << 26;
const SHAPES: [RecordShape; 2] = [RecordShape::Gateway, RecordShape::Analytics];
const PROJECTIONS: [Projection; 4] = [
    Projection::Minimal,
    Projection::Standard,
    Projection::Full,
    Projection::Normalized,
];

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

fn page(records: &[String], shape: RecordShape, projection: Projection) -> PageBody {
    redacted_page(records, shape, projection, None)
}

fn redacted_page(
    records: &[String],
    shape: RecordShape,
    projection: Projection,
    redactor: Option<&Redactor>,
) -> PageBody {
    let raw: Vec<_> = records
        .iter()
        .map(|record| RawRecord::Json(serde_json::from_str(record).unwrap()))
        .collect();
    encode(
        &raw,
        &PageRules {
            shape,
            projection,
            membership: None,
            planned_at: jiff::Timestamp::UNIX_EPOCH,
            known: None,
            names: None,
            redactor,
        },
    )
}

fn strict_redactor() -> Redactor {
    Redactor::new(Rules {
        profile: Profile::Strict,
        ..Rules::default()
    })
}

fn lines(page: &PageBody) -> Vec<String> {
    let bytes = page
        .object
        .as_deref()
        .map(|object| decode_lines(object, LIMIT).unwrap());
    let text = String::from_utf8(bytes.unwrap_or_default()).unwrap();
    text.split_terminator('\n').map(str::to_owned).collect()
}

/// The records that were not rejected.
fn archived<'a>(records: &'a [String], page: &PageBody) -> Vec<Json<'a>> {
    let is_rejected = |position: usize| page.rejects.iter().any(|r| r.position == position as u64);
    let kept = records
        .iter()
        .enumerate()
        .filter(|(position, _)| !is_rejected(*position));
    kept.map(|(_, record)| Json::read(record)).collect()
}

fn entries(page: &PageBody) -> Vec<Result<IndexEntry<'static>, CodecError>> {
    page.index
        .as_deref()
        .map(|index| read_index(index).collect())
        .unwrap_or_default()
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_minimal_gateway_record_matches_a_plain_json_projection(records in generate::page()) {
        let page = page(&records, RecordShape::Gateway, Projection::Minimal);

        let expected: Vec<_> = archived(&records, &page).iter().map(plain::minimal).collect();
        prop_assert_eq!(lines(&page), expected);
    }

    #[test]
    fn a_minimal_analytics_record_matches_a_plain_json_mapping(records in generate::page()) {
        let page = page(&records, RecordShape::Analytics, Projection::Minimal);

        let expected: Vec<_> =
            archived(&records, &page).iter().map(plain::minimal_of_analytics).collect();
        prop_assert_eq!(lines(&page), expected);
    }

    #[test]
    fn a_normalized_record_matches_a_plain_json_mapping(records in generate::page()) {
        for shape in SHAPES {
            let page = page(&records, shape, Projection::Normalized);

            let expected: Vec<_> =
                archived(&records, &page).iter().map(|record| plain::normalized(record, shape)).collect();
            prop_assert_eq!(lines(&page), expected);
        }
    }

    #[test]
    fn a_standard_record_is_the_record_without_the_listed_paths(records in generate::page()) {
        let page = page(&records, RecordShape::Analytics, Projection::Standard);

        let dropped = dropped_paths();
        let expected: Vec<_> =
            archived(&records, &page).iter().map(|record| record.without(&dropped)).collect();
        let actual: Vec<_> =
            lines(&page).iter().map(|line| Json::read(line).without(&[])).collect();
        prop_assert_eq!(actual, expected);
    }

    #[test]
    fn a_full_record_loses_nothing_but_line_breaks(records in generate::page()) {
        for shape in SHAPES {
            let page = page(&records, shape, Projection::Full);

            let expected: Vec<_> =
                archived(&records, &page).iter().map(|record| plain::one_line(record.text)).collect();
            prop_assert_eq!(lines(&page), expected);
        }
    }

    #[test]
    fn exactly_the_records_with_an_id_and_a_start_are_archived(records in generate::page()) {
        for shape in SHAPES {
            let page = page(&records, shape, Projection::Full);

            let identified = records.iter().filter(|record| plain::is_identified(record, shape));
            prop_assert_eq!(page.counts.archived, identified.count() as u64);
            prop_assert_eq!(page.counts.rejected, page.rejects.len() as u64);
            prop_assert_eq!(page.counts.archived + page.counts.rejected, records.len() as u64);
            for reject in &page.rejects {
                let record = &records[usize::try_from(reject.position).unwrap()];
                prop_assert_eq!(&*reject.raw, record.as_bytes());
            }
        }
    }

    #[test]
    fn any_valid_json_is_encoded_with_a_matching_index(records in prop::collection::vec(generate::json(), 0..6)) {
        for (shape, projection) in SHAPES.into_iter().flat_map(|s| PROJECTIONS.map(|p| (s, p))) {
            check_encoded_page(&page(&records, shape, projection), shape, projection)?;
        }
    }
}

// Fewer cases, because each of these does the work of many.
proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn an_index_matches_its_object(records in generate::page()) {
        for (shape, projection) in SHAPES.into_iter().flat_map(|s| PROJECTIONS.map(|p| (s, p))) {
            check_encoded_page(&page(&records, shape, projection), shape, projection)?;
        }
    }

    #[test]
    fn stored_pages_are_read_by_every_reader_redacted_or_not(records in generate::page()) {
        for (shape, projection) in SHAPES.into_iter().flat_map(|s| PROJECTIONS.map(|p| (s, p))) {
            for redactor in [None, Some(&strict_redactor())] {
                let page = redacted_page(&records, shape, projection, redactor);

                check_encoded_page(&page, shape, projection)?;
                check_all_readers(&page, shape, projection)?;
            }
        }
    }

    #[test]
    fn the_same_records_give_the_same_bytes(records in generate::page()) {
        let [first, second] = [(); 2].map(|()| page(&records, RecordShape::Gateway, Projection::Standard));

        prop_assert_eq!(first.object, second.object);
        prop_assert_eq!(first.index, second.index);
    }

    #[test]
    fn a_damaged_object_is_refused_or_reads_the_same(
        records in generate::page(), offset in any::<prop::sample::Index>(), flip in 1u8..,
    ) {
        let page = page(&records, RecordShape::Gateway, Projection::Full);
        prop_assume!(page.object.is_some());
        let object = page.object.unwrap();
        let lines = decode_lines(&object, LIMIT).unwrap();
        let offset = offset.index(object.len());

        let mut flipped = object.clone();
        flipped[offset] ^= flip;

        prop_assert!(decode_lines(&object[..offset], LIMIT).is_err());
        prop_assert!(decode_lines(&flipped, LIMIT).map_or(true, |read| read == lines));
        prop_assert!(decode_lines(&[object, vec![flip]].concat(), LIMIT).is_err());
    }
}

fn check_encoded_page(
    page: &PageBody,
    shape: RecordShape,
    projection: Projection,
) -> Result<(), TestCaseError> {
    let object = page
        .object
        .as_deref()
        .map(|object| decode_lines(object, LIMIT).unwrap());
    let object = object.unwrap_or_default();

    let lines = check_index(&object, entries(page), shape, projection);

    prop_assert_eq!(object.len() as u64, page.ndjson_bytes);
    prop_assert_eq!(lines.unwrap(), page.counts.archived);
    prop_assert!(!object.contains(&b'\r'));
    Ok(())
}

/// Readers that use the index get each line whole, and each line is JSON of the conversation that the index names.
fn check_all_readers(
    page: &PageBody,
    shape: RecordShape,
    projection: Projection,
) -> Result<(), TestCaseError> {
    let text = page.object.as_deref().map_or(Ok(String::new()), page_text);
    let text = text.unwrap();
    let mut ids = Vec::new();
    if let Some(index) = &page.index {
        for_each_indexed_id(index, |id| ids.push(id.to_owned())).unwrap();
        KnownVersions::default().add_index(index).unwrap();
    }
    prop_assert_eq!(text.lines().count(), ids.len());
    for ((entry, line), id) in entries(page).into_iter().zip(text.lines()).zip(&ids) {
        let entry = entry.unwrap();
        let offset = |at: u64| usize::try_from(at).unwrap();
        let found = text.get(offset(entry.offset)..offset(entry.offset + entry.length));
        prop_assert_eq!(found, Some(line));
        prop_assert_eq!(&entry.id, id);
        prop_assert!(serde_json::from_str::<&RawValue>(line).is_ok());
        let text_id = textual_conversation_id(line, shape, projection, Medium::DEFAULT);
        prop_assert!(text_id.is_none_or(|text_id| text_id == *id));
    }
    for reject in &page.rejects {
        prop_assert!(serde_json::from_slice::<&RawValue>(&reject.raw).is_ok());
    }
    Ok(())
}

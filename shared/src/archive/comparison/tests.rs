//! Repeated lines, counted in memory and in buckets of any size.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::scratch::compare;
use super::*;
use crate::base::hash::Sha256;
use crate::export::outcome::{PageEntry, SliceContent};
use crate::export::page_record::{PageObjects, StoredObject};
use crate::export::plan::SliceRange;
use crate::records::page::{
    Counts, PageBody, PageRules, Projection, RecordShape, encode, gateway_records,
};
use crate::storage::store::{ArchiveStore, FolderStore, Object};

/// A line: its id, and a number that distinguishes its versions.
type Line = (u8, u8);

/// Slices of pages of lines.
type Slices = Vec<Vec<Vec<Line>>>;

/// A limit that keeps all lines in memory.
const AT_ONCE: u64 = 1_000;

async fn count_repeated(slices: &Slices, lines: u64) -> Option<RepeatedRecords> {
    comparison(slices, &[], lines).await.repeated
}

/// The comparison with this many lines in memory.
async fn comparison(slices: &Slices, requested_ids: &[String], lines: u64) -> Comparison {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(FolderStore::open_without_sync(folder.path()).unwrap());
    let mut content = Content::default();
    for (slice, pages) in (1..).zip(slices) {
        let mut entries = Vec::new();
        for (page, lines) in (1..).zip(pages) {
            entries.push(entry(store.as_ref(), slice, page, lines).await);
        }
        let counts = entries.iter().map(|entry| entry.counts);
        let counts = counts.fold(Counts::default(), |sum, counts| sum + counts);
        content.counts = content.counts + counts;
        content.slices.push(SliceContent {
            slice,
            range: SliceRange::Interval(
                "2026-03-01T00:00:00Z/2026-03-02T00:00:00Z".parse().unwrap(),
            ),
            counts,
            pages: entries,
        });
    }
    let limits = PortionLimits {
        lines,
        ..PortionLimits::default()
    };
    let archive = Archive::new(store);
    compare(&archive, requested_ids, &content, limits)
        .await
        .unwrap()
}

async fn entry(store: &dyn ArchiveStore, slice: u32, page: u32, lines: &[Line]) -> PageEntry {
    let lines: Vec<_> = lines
        .iter()
        .map(|(id, version)| (id_of(*id), *version))
        .collect();
    let body = body_of(lines.iter().map(|(id, version)| (id.as_str(), *version)));
    let key = format!("{slice}-{page}");
    let objects = match body.index {
        Some(index) => Some(PageObjects {
            page: stored(store, format!("{key}.ndjson.gz"), body.object.unwrap()).await,
            index: stored(store, format!("{key}.index.gz"), index).await,
        }),
        None => None,
    };
    PageEntry {
        run: 1,
        page,
        counts: body.counts,
        objects,
    }
}

/// A page index of these ids and versions.
pub(super) fn index_of<'a>(lines: impl Iterator<Item = (&'a str, u8)>) -> Vec<u8> {
    body_of(lines).index.unwrap()
}

fn body_of<'a>(lines: impl Iterator<Item = (&'a str, u8)>) -> PageBody {
    let record = |(id, version)| json!({"conversationId": id, "conversationStart": "2026-03-01T10:00:00Z", "v": version});
    let text = json!(lines.map(record).collect::<Vec<_>>()).to_string();
    encode(&gateway_records(text.as_bytes()).unwrap(), &rules())
}

fn rules() -> PageRules<'static> {
    PageRules {
        shape: RecordShape::Analytics,
        projection: Projection::Full,
        membership: None,
        planned_at: jiff::Timestamp::UNIX_EPOCH,
        known: None,
        names: None,
        redactor: None,
    }
}

async fn stored(store: &dyn ArchiveStore, key: String, bytes: Vec<u8>) -> StoredObject {
    let (size_bytes, sha256) = (bytes.len() as u64, Sha256::of(&bytes));
    let object = Object {
        key: key.clone(),
        body: bytes.into(),
        content_type: "application/x-ndjson",
        content_encoding: Some("gzip"),
    };
    store.create(object).await.unwrap();
    StoredObject {
        key,
        size_bytes,
        sha256,
    }
}

fn id_of(id: u8) -> String {
    format!("c{id:03}")
}

fn named(versions: &[(u8, u64)]) -> Vec<IdVersions> {
    let named = versions.iter().map(|(id, versions)| IdVersions {
        id: id_of(*id),
        versions: *versions,
    });
    named.collect()
}

/// The expected result of [`compare`], computed with one map of all lines.
fn expected(slices: &Slices) -> Option<RepeatedRecords> {
    let lines: Vec<Line> = slices.iter().flatten().flatten().copied().collect();
    let mut by_id = BTreeMap::<u8, BTreeSet<u8>>::new();
    for (id, version) in &lines {
        by_id.entry(*id).or_default().insert(*version);
    }
    let distinct_lines: usize = by_id.values().map(BTreeSet::len).sum();
    let several = by_id.iter().filter(|(_, versions)| versions.len() > 1);
    let versions: Vec<_> = several
        .map(|(id, versions)| (*id, versions.len() as u64))
        .collect();
    (by_id.len() < lines.len()).then(|| RepeatedRecords {
        identical_lines: (lines.len() - distinct_lines) as u64,
        distinct_ids: by_id.len() as u64,
        ids_with_versions: versions.len() as u64,
        versions: named(&versions),
    })
}

#[tokio::test]
async fn unique_ids_are_not_counted_as_repeated() {
    let slices = vec![vec![vec![(1, 0), (2, 0)], vec![]], vec![vec![(3, 0)]]];

    assert_eq!(count_repeated(&slices, AT_ONCE).await, None);
    assert_eq!(count_repeated(&Vec::new(), AT_ONCE).await, None);
}

#[tokio::test]
async fn an_identical_line_is_counted_in_any_page_or_slice() {
    for again in [
        vec![vec![vec![(1, 0), (2, 0), (1, 0)]]],
        vec![vec![vec![(1, 0), (2, 0)], vec![(1, 0)]]],
        vec![vec![vec![(1, 0), (2, 0)]], vec![vec![(1, 0)]]],
    ] {
        let repeated = count_repeated(&again, AT_ONCE).await.unwrap();

        assert_eq!(
            (repeated.identical_lines, repeated.distinct_ids),
            (1, 2),
            "{again:?}"
        );
        assert_eq!((repeated.ids_with_versions, repeated.versions), (0, vec![]));
    }
}

#[tokio::test]
async fn versions_are_counted_and_named_in_any_page_or_slice() {
    for versions in [
        vec![vec![vec![(1, 0), (2, 0), (1, 1), (1, 0)]]],
        vec![vec![vec![(1, 0), (2, 0)], vec![(1, 0)], vec![(1, 1)]]],
        vec![vec![vec![(1, 0)]], vec![vec![(1, 1), (2, 0)], vec![(1, 0)]]],
    ] {
        let repeated = count_repeated(&versions, AT_ONCE).await.unwrap();

        assert_eq!(
            (repeated.identical_lines, repeated.distinct_ids),
            (1, 2),
            "{versions:?}"
        );
        assert_eq!(
            (repeated.ids_with_versions, repeated.versions),
            (1, named(&[(1, 2)]))
        );
    }
}

#[tokio::test]
async fn three_versions_of_an_id_are_counted_as_three() {
    let slices = vec![vec![vec![(7, 0), (7, 1)], vec![(7, 2), (8, 0), (8, 1)]]];

    let repeated = count_repeated(&slices, AT_ONCE).await.unwrap();

    assert_eq!(repeated.identical_lines, 0);
    assert_eq!(repeated.versions, named(&[(7, 3), (8, 2)]));
}

#[tokio::test]
async fn a_single_id_with_more_versions_than_fit_into_memory_is_counted() {
    let lines: Vec<Line> = (0..100)
        .flat_map(|version| [(1, version), (1, version)])
        .collect();

    let repeated = count_repeated(&vec![vec![lines]], 10).await.unwrap();

    assert_eq!((repeated.identical_lines, repeated.distinct_ids), (100, 1));
    assert_eq!(repeated.versions, named(&[(1, 100)]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_counts_do_not_depend_on_the_bucket_size(
        slices in prop::collection::vec(
            prop::collection::vec(prop::collection::vec((0..12_u8, 0..4_u8), 0..8), 0..4),
            0..3,
        ),
        in_memory in 1..20_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

        let repeated = runtime.block_on(count_repeated(&slices, in_memory));

        prop_assert_eq!(repeated, expected(&slices));
    }
}

#[tokio::test]
async fn missing_ids_are_listed_in_the_order_requested() {
    let slices = vec![
        vec![vec![(1, 0), (2, 0), (3, 0)]],
        vec![vec![(3, 0), (4, 0)]],
    ];
    let requested_ids = [9, 4, 8, 1].map(id_of);

    for lines in [AT_ONCE, 2] {
        let found = comparison(&slices, &requested_ids, lines).await;

        assert_eq!(found.missing, [id_of(9), id_of(8)]);
    }
}

#[test]
fn fewer_ids_than_a_gateway_announced_are_a_warning() {
    let content = |received, repeated: Option<RepeatedRecords>| Content {
        counts: Counts {
            received,
            archived: received,
            ..Counts::default()
        },
        repeated,
        ..Content::default()
    };
    let repeated = |distinct_ids| {
        Some(RepeatedRecords {
            distinct_ids,
            ..RepeatedRecords::default()
        })
    };
    let query = GatewayQuery {
        query_id: "q".to_owned(),
        total_records: 10,
    };

    let warning = repeated_warning(Some(&query), &content(10, repeated(9)));

    insta::assert_snapshot!(warning.unwrap(), @"the source announced 10 records and gave 9 different ones; the others repeat an id");
    for (query, content) in [
        (Some(&query), content(9, None)),
        (Some(&query), content(11, repeated(10))),
        (None, content(10, repeated(9))),
    ] {
        assert_eq!(repeated_warning(query, &content), None);
    }
}

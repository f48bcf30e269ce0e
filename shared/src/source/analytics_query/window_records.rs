//! The records read of a window, and whether they are complete. Pure.
//!
//! A query also finds conversations that began before the window, on a day that it touches, and continued in it.
//! Sorted by start, newest first, these come last and need not be read. So the cost of a window depends on the
//! conversations that begin in it, not on those that continue.
//! <https://github.com/MyPureCloud/platform-client-sdk-python/blob/master/build/docs/ConversationQuery.md>

use std::collections::HashSet;

use jiff::Timestamp;

use super::windows;
use crate::base::decode::DecodeError;
use crate::base::hash::Sha256;
use crate::base::time::Interval;
use crate::export::checkpoint::Checkpoint;
use crate::records::page::{
    DETAILS_FIELDS, OwnedRecord, RawRecord, RecordIdentity, RecordShape, ResultsReader,
};
use crate::source::fetched_page::{FetchedPage, Stability};

/// Number of query pages that make one page of the archive: two seconds' worth at 300 requests a minute.
pub(super) const MAX_PAGES: u32 = 10;
/// The same for a window that cannot be made smaller: limited by memory, and twenty seconds' worth.
const MAX_PAGES_OF_SMALLEST: u32 = 100;

/// One page of the query.
pub(super) struct QueryResults {
    records: Vec<OwnedRecord>,
    hits: u64,
}

/// Number of consecutive records that began before the window, after which the rest of a response is not read. A single
/// one could be out of order, with more records of the window after it.
const RECORDS_BEFORE_WINDOW: u32 = 2;

/// The records read so far.
pub(super) struct WindowRecords {
    window: Interval,
    pages: u32,
    page_size: u32,
    /// As received: newest first, including duplicates.
    records: Vec<OwnedRecord>,
    /// Digests of the distinct conversations among them.
    seen: HashSet<Sha256>,
    /// The number of conversations that began in the window.
    started: u64,
    /// The total that the first page announced.
    hits: Option<u64>,
    /// Number of records on the first page, and on the last one.
    lengths: Option<(u64, u64)>,
    /// Start of the last record received.
    oldest: Option<Timestamp>,
    /// Number of consecutive last records that began before the window.
    before_window: u32,
    order: SortOrder,
}

/// The outcome of reading a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WindowOutcome {
    /// All conversations that began in it were received.
    Complete,
    /// As `Complete`, with a conversation received more than once: either in a single response, within which no record
    /// moves between pages, or in a window that cannot be made smaller.
    Repeated,
    /// The results changed meanwhile, or a conversation is on more than one page.
    Changed,
    /// More pages than are read for one window.
    TooMany { hits: u64 },
}

/// Whether the records arrive in the requested order. If not, all of them have to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SortOrder {
    AsRequested,
    Other,
}

impl QueryResults {
    /// Reads a query page. It must announce the total. Its list may be absent, as it is after the last page.
    pub(super) fn read(reader: &mut ResultsReader, body: &[u8]) -> Result<Self, DecodeError> {
        let results = reader.read_page(body, DETAILS_FIELDS)?;
        let hits = results
            .total_hits
            .ok_or_else(|| DecodeError::missing("totalHits"))?;
        let records = reader.records_of(results, DETAILS_FIELDS, true)?;
        let records = records.unwrap_or_default().into_iter();
        let records = records.map(RawRecord::into_owned).collect();
        Ok(Self { records, hits })
    }
}

impl WindowRecords {
    pub(super) fn new(window: Interval, page_size: u32) -> Self {
        Self {
            window,
            pages: 0,
            page_size,
            records: Vec::new(),
            seen: HashSet::new(),
            started: 0,
            hits: None,
            lengths: None,
            oldest: None,
            before_window: 0,
            order: SortOrder::AsRequested,
        }
    }

    pub(super) fn pages(&self) -> u32 {
        self.pages
    }

    pub(super) fn started(&self) -> u64 {
        self.started
    }

    /// Whether there are records, but none that began in the window.
    pub(super) fn is_all_before(&self) -> bool {
        self.started == 0 && !self.records.is_empty()
    }

    /// Adds a page. Returns `None` when the next page is needed.
    pub(super) fn add(&mut self, page: QueryResults) -> Option<WindowOutcome> {
        self.pages += 1;
        let is_empty = page.records.is_empty();
        // A page that is not full lacks records, unless it is the last one. A page that announces no more than a full
        // page may have counted only itself.
        let page_length = page.records.len() as u64;
        let is_full = page_length >= self.page_size.into();
        let is_smallest = windows::first_half(self.window).is_none();
        // A smallest window is not read in another way.
        let has_expected_length = self.has_expected_length(page_length) || is_smallest;
        for record in page.records {
            self.add_record(record);
        }
        let hits = *self.hits.get_or_insert(page.hits);
        let (received, distinct) = (self.records.len() as u64, self.seen.len() as u64);
        let is_past_window = is_full && self.is_before_window();
        if hits != page.hits || !has_expected_length {
            Some(WindowOutcome::Changed)
        } else if distinct < received {
            // On a later page, a duplicate may have displaced a record that is not received at all.
            let is_all = is_past_window || (!is_full && [received, distinct].contains(&hits));
            if is_all && (self.pages == 1 || is_smallest) {
                Some(WindowOutcome::Repeated)
            } else if is_smallest && !is_empty && self.pages < self.max_pages() {
                None
            } else {
                Some(WindowOutcome::Changed)
            }
        } else if received > hits {
            Some(WindowOutcome::Changed)
        } else if is_past_window || (received == hits && !is_full) {
            Some(WindowOutcome::Complete)
        } else if received == hits {
            None
        } else if is_empty {
            Some(WindowOutcome::Changed)
        } else if self.pages == self.max_pages() {
            Some(WindowOutcome::TooMany { hits })
        } else {
            None
        }
    }

    /// Whether a page of `page_length` records may follow the pages before. All pages except the last must be as long
    /// as the first: too many records on one could hide too few on another. The first page may be shorter than
    /// requested.
    fn has_expected_length(&mut self, page_length: u64) -> bool {
        let (first, last) = *self.lengths.get_or_insert((page_length, page_length));
        self.lengths = Some((first, page_length));
        let is_after_short = last < first && page_length > 0;
        page_length <= first.min(self.page_size.into()) && !is_after_short
    }

    fn max_pages(&self) -> u32 {
        if windows::is_smallest(self.window) {
            MAX_PAGES_OF_SMALLEST
        } else {
            MAX_PAGES
        }
    }

    /// Whether all records that are still to be read began before the window.
    fn is_before_window(&self) -> bool {
        self.order == SortOrder::AsRequested && self.before_window >= RECORDS_BEFORE_WINDOW
    }

    /// Keeps the record. A record without a readable id is identified by its bytes.
    fn add_record(&mut self, record: OwnedRecord) {
        let raw = record.raw();
        let identity = raw
            .json()
            .map(|record| RecordIdentity::of(record, RecordShape::Analytics));
        let identity = identity.and_then(Result::ok);
        let is_new = match &identity {
            Some(identity) => self.seen.insert(Sha256::of(&*identity.id)),
            None => self.seen.insert(Sha256::of(raw.bytes())),
        };
        if let Some(RecordIdentity { start, .. }) = identity {
            if self.oldest.is_some_and(|oldest| oldest < start) {
                self.order = SortOrder::Other;
            }
            self.oldest = Some(start);
            self.before_window = if start < self.window.start() {
                self.before_window + u32::from(is_new)
            } else {
                0
            };
            self.started += u64::from(is_new && self.window.contains(start));
        }
        self.records.push(record);
    }

    /// Converts the records to an archive page, oldest first.
    pub(super) fn into_page(mut self, next: Option<Checkpoint>) -> FetchedPage {
        self.records.reverse();
        FetchedPage {
            records: self.records,
            window: Some(self.window),
            next,
            // No more conversations begin in a window that was closed before it was read. Those that began in it may
            // continue, which the next read shows once the cached page has expired.
            stability: Stability::Stable,
            warnings: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: &str = "2026-03-01T10:00:00Z/2026-03-01T11:00:00Z";

    /// A conversation that began the given number of minutes after ten o'clock on the test day.
    fn record_at(id: &str, minutes: i64) -> String {
        let start = Timestamp::from_second(1_772_359_200 + minutes * 60).unwrap();
        format!(r#"{{"conversationId":"{id}","conversationStart":"{start:.3}"}}"#)
    }

    fn results(records: &[String], hits: u64) -> QueryResults {
        let body = format!(
            r#"{{"conversations":[{}],"totalHits":{hits}}}"#,
            records.join(",")
        );
        QueryResults::read(&mut ResultsReader::default(), body.as_bytes()).unwrap()
    }

    fn empty_window() -> WindowRecords {
        WindowRecords::new(WINDOW.parse().unwrap(), 3)
    }

    #[test]
    fn a_window_is_complete_when_all_hits_were_received() {
        let mut window_records = empty_window();

        assert_eq!(
            window_records.add(results(&[record_at("a", 50), record_at("b", 40)], 3)),
            None
        );
        assert_eq!(
            window_records.add(results(&[record_at("c", 30)], 3)),
            Some(WindowOutcome::Complete)
        );
        assert_eq!(window_records.started(), 3);
    }

    #[test]
    fn conversations_begun_before_the_window_are_not_counted() {
        let mut window_records = empty_window();

        let page = [record_at("a", 50), record_at("b", -1), record_at("c", -2)];
        let outcome = window_records.add(results(&page, 5_000));

        assert_eq!(outcome, Some(WindowOutcome::Complete));
        assert_eq!(window_records.started(), 1);
    }

    #[test]
    fn one_record_from_before_the_window_does_not_prove_the_order() {
        let mut window_records = empty_window();

        let first = window_records.add(results(&[record_at("a", 50), record_at("b", -1)], 4));
        let second = window_records.add(results(&[record_at("c", 40), record_at("d", 30)], 4));

        assert_eq!((first, second), (None, Some(WindowOutcome::Complete)));
        assert_eq!(window_records.started(), 3);
    }

    #[test]
    fn a_full_page_with_all_hits_is_followed_by_another_request() {
        let all = [record_at("a", 50), record_at("b", 40), record_at("c", 30)];
        let (mut complete, mut with_more) = (empty_window(), empty_window());

        let first = [&mut complete, &mut with_more]
            .map(|window_records| window_records.add(results(&all, 3)));

        assert_eq!(first, [None, None]);
        assert_eq!(complete.add(results(&[], 3)), Some(WindowOutcome::Complete));
        assert_eq!(
            with_more.add(results(&[record_at("d", 20)], 3)),
            Some(WindowOutcome::Changed)
        );
    }

    #[test]
    fn a_response_without_a_list_is_accepted_the_second_time() {
        let mut reader = ResultsReader::default();
        let nothing = br#"{"totalHits":0}"#;

        assert!(QueryResults::read(&mut reader, nothing).is_err());
        assert!(QueryResults::read(&mut reader, nothing).is_ok());
    }

    #[test]
    fn a_response_without_a_valid_total_is_refused() {
        for body in [
            "{}",
            r#"{"conversations":[]}"#,
            r#"{"totalHits":null}"#,
            r#"{"totalHits":-5}"#,
        ] {
            let page = QueryResults::read(&mut ResultsReader::default(), body.as_bytes());

            assert!(page.is_err(), "{body}");
        }
    }

    #[test]
    fn a_page_that_lacks_records_does_not_end_a_window() {
        let mut window_records = empty_window();

        let first = window_records.add(results(&[record_at("a", -1), record_at("b", -2)], 4));
        let second = window_records.add(results(&[], 4));

        assert_eq!((first, second), (None, Some(WindowOutcome::Changed)));
    }

    #[test]
    fn a_surplus_on_one_page_does_not_offset_a_lack_on_another() {
        let outcome_of = |pages: &[&[&str]], hits| {
            let mut window_records = empty_window();
            let mut minutes = 59;
            let outcome = pages.iter().map(|ids| {
                let records = ids.iter().map(|id| {
                    minutes -= 1;
                    record_at(id, minutes)
                });
                window_records.add(results(&records.collect::<Vec<_>>(), hits))
            });
            outcome.last().flatten()
        };
        let changed = Some(WindowOutcome::Changed);

        assert_eq!(outcome_of(&[&["a", "b", "c", "x"]], 5), changed);
        assert_eq!(outcome_of(&[&["a", "b"], &["d", "e", "x"]], 5), changed);
        let later = [&["a", "b", "c"][..], &["d", "e"], &["g", "x"]];
        assert_eq!(outcome_of(&later, 7), changed);
        let shorter = [&["a", "b"][..], &["c", "d"], &["e"]];
        assert_eq!(outcome_of(&shorter, 5), Some(WindowOutcome::Complete));
    }

    #[test]
    fn an_unordered_response_is_read_to_its_end() {
        let mut window_records = empty_window();

        assert_eq!(
            window_records.add(results(&[record_at("b", -1), record_at("a", 50)], 4)),
            None
        );
        assert_eq!(
            window_records.add(results(&[record_at("c", -2), record_at("d", 20)], 4)),
            Some(WindowOutcome::Complete)
        );
        assert_eq!(window_records.started(), 2);
    }

    #[test]
    fn a_changed_total_or_a_missing_page_means_the_window_moved() {
        let mut more = empty_window();
        let mut fewer = empty_window();

        assert_eq!(more.add(results(&[record_at("b", 50)], 3)), None);
        assert_eq!(fewer.add(results(&[record_at("b", 50)], 3)), None);

        assert_eq!(
            more.add(results(&[record_at("b", 50)], 4)),
            Some(WindowOutcome::Changed)
        );
        assert_eq!(fewer.add(results(&[], 3)), Some(WindowOutcome::Changed));
    }

    #[test]
    fn a_window_over_the_page_limit_holds_too_many() {
        let mut window_records = empty_window();
        let pages: Vec<_> = (0..MAX_PAGES)
            .map(|page| window_records.add(results(&[record_at(&page.to_string(), 50)], 11)))
            .collect();

        assert!(pages[..9].iter().all(Option::is_none));
        assert_eq!(pages[9], Some(WindowOutcome::TooMany { hits: 11 }));
    }

    #[test]
    fn the_smallest_window_has_a_higher_page_limit() {
        let smallest = "2026-03-01T10:00:00Z/2026-03-01T10:00:00.001Z";
        let mut window_records = WindowRecords::new(smallest.parse().unwrap(), 3);

        let pages: Vec<_> = (0..MAX_PAGES_OF_SMALLEST)
            .map(|page| window_records.add(results(&[record_at(&page.to_string(), 0)], 101)))
            .collect();

        assert!(pages[..99].iter().all(Option::is_none));
        assert_eq!(pages[99], Some(WindowOutcome::TooMany { hits: 101 }));
    }

    #[test]
    fn a_record_on_two_pages_means_the_window_moved() {
        let mut window_records = empty_window();

        assert_eq!(
            window_records.add(results(&[record_at("a", 50), record_at("b", 40)], 4)),
            None
        );
        assert_eq!(
            window_records.add(results(&[record_at("b", 40), record_at("d", 30)], 4)),
            Some(WindowOutcome::Changed)
        );
    }

    #[test]
    fn a_conversation_twice_in_a_complete_response_is_repeated() {
        for hits in [2, 3] {
            let mut window_records = WindowRecords::new(WINDOW.parse().unwrap(), 4);
            let page = [record_at("a", 50), record_at("b", 40), record_at("b", 40)];

            let outcome = window_records.add(results(&page, hits));

            assert_eq!(outcome, Some(WindowOutcome::Repeated), "{hits}");
            assert_eq!(window_records.started(), 2);
            assert_eq!(window_records.into_page(None).records.len(), 3);
        }
    }

    #[test]
    fn a_conversation_on_two_pages_of_the_smallest_window_is_repeated() {
        let second = "2026-03-01T10:00:00Z/2026-03-01T10:00:01Z";
        for hits in [1, 2] {
            let mut window_records = WindowRecords::new(second.parse().unwrap(), 1);

            let outcome = [&[record_at("a", 0)][..], &[record_at("a", 0)], &[]]
                .map(|page| window_records.add(results(page, hits)));

            assert_eq!(outcome[2], Some(WindowOutcome::Repeated), "{hits}");
            assert_eq!(window_records.started(), 1);
        }
    }

    #[test]
    fn a_conversation_twice_in_an_incomplete_response_has_moved() {
        let mut window_records = empty_window();

        let outcome = window_records.add(results(
            &[record_at("a", 50), record_at("a", 50), record_at("b", 40)],
            5,
        ));

        assert_eq!(outcome, Some(WindowOutcome::Changed));
    }

    #[test]
    fn a_repeated_record_from_before_the_window_counts_once() {
        let mut window_records = empty_window();

        let outcome = window_records.add(results(
            &[record_at("a", 50), record_at("b", -1), record_at("b", -1)],
            5,
        ));

        assert_eq!(outcome, Some(WindowOutcome::Changed));
    }

    #[test]
    fn more_records_than_total_hits_means_the_window_moved() {
        let mut window_records = empty_window();

        let outcome = window_records.add(results(&[record_at("a", 50), record_at("b", 40)], 1));

        assert_eq!(outcome, Some(WindowOutcome::Changed));
    }

    #[test]
    fn records_are_ordered_oldest_first_even_without_an_id() {
        let mut window_records = empty_window();
        let bad = r#"{"conversationStart":"2026-03-01T10:50:00Z"}"#.to_owned();
        window_records.add(results(&[record_at("a", 50), bad], 4));
        window_records.add(results(&[record_at("b", 40), record_at("c", 30)], 4));
        let started = window_records.started();
        let page = window_records.into_page(None);

        let ids: Vec<_> = page
            .records
            .iter()
            .map(|record| RecordIdentity::of(record.raw().json().unwrap(), RecordShape::Analytics))
            .map(|identity| identity.map_or("bad".into(), |identity| identity.id))
            .collect();
        assert_eq!(ids, ["c", "b", "bad", "a"]);
        assert_eq!(started, 3);
    }
}

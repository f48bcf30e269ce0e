//! Differences for which the archive is not responsible, given the responses that replaced the genuine ones.
//!
//! A response that is a page by its contract (see `page`) is believed. The archive is therefore excused for:
//!
//! - a record that such a page omits or whose start it changed: that record;
//! - a record that such a page contains in another form: it must be archived under one of the ids that it names, or be
//!   quarantined;
//! - an end that such a page claims although there are more records: every record of the chain that no earlier page
//!   contained;
//! - a smaller `totalHits` that is consistent with its page, or a record that began before a query's interval, after
//!   which a client expects only older ones: every record of the query's interval that the page does not contain;
//! - an id that the response to details by ids omits: it must be listed in `missingIds`.
//!
//! A response that is not a page excuses nothing.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use conversation_archive::base::time::Interval;
use genesys_simulator::{ApiResponse, Route, ServedRequest, Simulator};
use serde_json::Value;

use super::page::{Element, Page, all_ids, complete_body, parse_page};
use super::scenario::Source;
use super::transcript_excuses::TranscriptExcuses;

#[derive(Clone, Debug)]
pub(super) struct Excuses {
    source: Source,
    /// The bytes of each record in the genuine responses, by id.
    pub(super) genuine: BTreeMap<String, BTreeSet<Bytes>>,
    /// Ids of records that some page contained in another form or omitted.
    pub(super) touched: BTreeSet<String>,
    /// Ids of records that may be absent.
    lost: BTreeSet<String>,
    /// The elements that replaced records, by id of the record.
    pub(super) replaced: BTreeMap<String, Vec<Element>>,
    /// Conversations that were missing from a response to a request for their ids.
    pub(super) unlisted: BTreeSet<String>,
    /// Every id in any response that was sent.
    pub(super) named_ids: BTreeSet<String>,
    /// Ids that each chain of pages has contained, genuine or not.
    seen_ids: BTreeMap<String, BTreeSet<String>>,
    ends: Vec<End>,
    /// `totalRecords` of each gateway query, as sent.
    announced: BTreeMap<String, Option<u64>>,
    pub(super) transcripts: TranscriptExcuses,
    pub(super) auxiliary: AuxiliaryAlterations,
}

/// A claim by a page that there are no more records, with the ids that its chain had contained until then.
#[derive(Clone, Debug)]
struct End {
    extent: Extent,
    seen_ids: BTreeSet<String>,
}

/// The records that an end hides.
#[derive(Clone, Debug)]
enum Extent {
    Export,
    /// All records of this job.
    Job(String),
    Interval(Interval),
}

/// Alterations of the responses to auxiliary requests (retention and names).
#[derive(Clone, Debug, Default)]
pub(super) struct AuxiliaryAlterations {
    /// An altered response stated the retention period.
    pub(super) states_retention: bool,
    /// An altered listing of names was valid by its contract.
    pub(super) lists_names: bool,
}

impl Excuses {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            genuine: BTreeMap::new(),
            touched: BTreeSet::new(),
            lost: BTreeSet::new(),
            replaced: BTreeMap::new(),
            unlisted: BTreeSet::new(),
            named_ids: BTreeSet::new(),
            seen_ids: BTreeMap::new(),
            ends: Vec::new(),
            announced: BTreeMap::new(),
            transcripts: TranscriptExcuses::default(),
            auxiliary: AuxiliaryAlterations::default(),
        }
    }

    /// Records a genuine response and the response that was sent, which are equal unless `is_altered`.
    pub(super) fn record(
        &mut self,
        request: &ServedRequest<'_>,
        genuine: &ApiResponse,
        sent: &ApiResponse,
        is_altered: bool,
    ) {
        self.transcripts.record(request, genuine, sent, is_altered);
        match request.route {
            Route::ExportQuery => self.record_announcement(sent),
            Route::JobSubmit if is_altered => self.record_submission(genuine, sent),
            Route::Retention if is_altered => {
                self.auxiliary.states_retention |= states_retention(sent);
            }
            Route::DetailsById if is_altered && genuine.status == 200 => {
                // Ids that appear unknown in a listing are requested one by one.
                self.unlisted.extend(self.genuine.keys().cloned());
            }
            Route::Queues | Route::WrapUpCodes if is_altered => {
                self.auxiliary.lists_names |= lists_names(sent);
            }
            _ => self.record_page(request, genuine, sent, is_altered),
        }
    }

    fn record_page(
        &mut self,
        request: &ServedRequest<'_>,
        genuine: &ApiResponse,
        sent: &ApiResponse,
        is_altered: bool,
    ) {
        self.named_ids.extend(all_ids(self.source, &sent.body));
        let Some(genuine_page) = parse_page(self.source, request, genuine) else {
            return;
        };
        for element in &genuine_page.elements {
            for id in &element.ids {
                let known = self.genuine.entry(id.clone()).or_default();
                known.insert(element.bytes.clone());
            }
        }
        if is_altered && request.route == Route::ExportResults && self.is_at_end(request) {
            // At the announced end, any response except a page with records is an end.
            self.ends
                .extend(self.export_end(request, &genuine_page, sent));
        }
        let Some(sent_content) = parse_page(self.source, request, sent) else {
            return;
        };
        let seen_ids = sent_content
            .elements
            .iter()
            .flat_map(|element| &element.ids);
        let chain = chain(request);
        if is_first(request) {
            self.seen_ids.remove(&chain);
        }
        self.seen_ids
            .entry(chain.clone())
            .or_default()
            .extend(seen_ids.cloned());
        if is_altered {
            self.compare(request, &genuine_page, &sent_content);
            self.ends
                .extend(self.end(request, &chain, &genuine_page, &sent_content));
        }
    }

    fn compare(&mut self, request: &ServedRequest<'_>, genuine_page: &Page, sent_content: &Page) {
        for (place, element) in genuine_page.elements.iter().enumerate() {
            if sent_content.contains(element) {
                continue;
            }
            let [id] = &element.ids[..] else { continue };
            self.touched.insert(id.clone());
            if request.route == Route::DetailsByIds && !sent_content.contains_id(id) {
                self.unlisted.insert(id.clone());
            }
            let same_id = sent_content
                .elements
                .iter()
                .find(|it| it.ids == element.ids);
            let same_place = sent_content.elements.get(place);
            let same_place =
                same_place.filter(|_| sent_content.elements.len() == genuine_page.elements.len());
            match same_id.or(same_place) {
                Some(it) if it.starts == element.starts || !it.has_a_start() => {
                    self.replaced
                        .entry(id.clone())
                        .or_default()
                        .push(it.clone());
                }
                None if request.route == Route::DetailsByIds => {}
                _ => {
                    self.lost.insert(id.clone());
                }
            }
        }
    }

    fn export_end(
        &self,
        request: &ServedRequest<'_>,
        genuine_page: &Page,
        sent: &ApiResponse,
    ) -> Option<End> {
        let sent_content = parse_page(self.source, request, sent);
        let is_end = sent_content.is_none_or(|sent_content| sent_content.elements.is_empty())
            && !genuine_page.elements.is_empty();
        let seen_ids = self
            .seen_ids
            .get(&chain(request))
            .cloned()
            .unwrap_or_default();
        let extent = Extent::Export;
        is_end.then_some(End { extent, seen_ids })
    }

    /// Returns the end that an altered page claims and the genuine one does not.
    fn end(
        &self,
        request: &ServedRequest<'_>,
        chain: &str,
        genuine_page: &Page,
        sent_content: &Page,
    ) -> Option<End> {
        let is_last = genuine_page.next.is_some() && sent_content.next.is_none();
        let extent = match request.route {
            Route::DetailsQuery if sent_content.hits.is_some() => {
                let window = window(request)?;
                let mut foreign = sent_content
                    .elements
                    .iter()
                    .filter(|it| !genuine_page.contains(it));
                let goes_back = foreign.any(|it| it.starts_before(window.start()));
                if sent_content.hits >= genuine_page.hits && !goes_back {
                    return None;
                }
                let seen_ids = sent_content
                    .elements
                    .iter()
                    .flat_map(|it| it.ids.clone())
                    .collect();
                let extent = Extent::Interval(window);
                return Some(End { extent, seen_ids });
            }
            Route::DetailsQuery if is_last => Extent::Export,
            Route::JobResults if is_last => Extent::Job(chain.to_owned()),
            _ => return None,
        };
        let seen_ids = self.seen_ids.get(chain).cloned().unwrap_or_default();
        Some(End { extent, seen_ids })
    }

    /// Whether the page begins at or after the end that the gateway announced.
    fn is_at_end(&self, request: &ServedRequest<'_>) -> bool {
        let announced = self.announced.get(&chain(request)).copied().flatten();
        let offset = request.query.iter().find(|(name, _)| name == "offset");
        let offset = offset.and_then(|(_, value)| value.parse::<u64>().ok());
        announced.is_some_and(|announced| offset.is_some_and(|offset| announced <= offset))
    }

    fn record_announcement(&mut self, sent: &ApiResponse) {
        let sent_content =
            complete_body(sent, 200).and_then(|body| serde_json::from_slice::<Value>(body).ok());
        let Some(sent_content) = sent_content else {
            return;
        };
        let total = &sent_content["totalRecords"];
        let total = total.as_u64().or_else(|| total.as_str()?.parse().ok());
        if let Some(query) = sent_content["queryId"].as_str() {
            self.announced.insert(query.to_owned(), total);
        }
    }

    /// If the job id was altered, the client reads another job, so the genuine job ends before its first record.
    fn record_submission(&mut self, genuine: &ApiResponse, sent: &ApiResponse) {
        let job = |body: &[u8]| {
            let sent_content: Value = serde_json::from_slice(body).ok()?;
            sent_content["jobId"].as_str().map(ToOwned::to_owned)
        };
        let (Some(job), Some(sent_job)) = (job(&genuine.body), job(&sent.body)) else {
            return;
        };
        if job != sent_job {
            let (extent, seen_ids) = (Extent::Job(job), BTreeSet::new());
            self.ends.push(End { extent, seen_ids });
        }
    }

    /// Returns the ids that may be absent, according to the starts in the simulator's data.
    pub(super) fn absent_ids(&self, simulator: &Simulator) -> BTreeSet<String> {
        let mut absent = self.lost.clone();
        let truth = simulator.truth();
        let starts: Vec<_> = if self.source.is_gateway() {
            let records = truth.gateway.into_iter();
            records.map(|it| (it.id, it.start)).collect()
        } else {
            let conversations = truth.conversations.into_iter();
            conversations.map(|it| (it.id, it.start)).collect()
        };
        for End { extent, seen_ids } in &self.ends {
            let window = match extent {
                Extent::Export => None,
                Extent::Job(job) => {
                    let jobs = simulator.jobs();
                    let view = jobs.iter().find(|view| view.id == *job);
                    view.map(|view| view.interval)
                }
                Extent::Interval(interval) => Some((interval.start(), interval.end())),
            };
            let is_within = |start| window.is_none_or(|(from, to)| from <= start && start < to);
            let hidden = starts
                .iter()
                .filter(|(id, start)| is_within(*start) && !seen_ids.contains(id));
            absent.extend(hidden.map(|(id, _)| id.clone()));
        }
        absent
    }
}

/// Returns the key of the chain of pages: a job, a gateway query, or the whole export.
fn chain(request: &ServedRequest<'_>) -> String {
    let mut segments = request.path.rsplit('/');
    match request.route {
        Route::JobResults | Route::ExportResults => segments.nth(1).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

/// Whether the request is the first of its chain.
fn is_first(request: &ServedRequest<'_>) -> bool {
    let mut query = request.query.iter();
    let has_page_token = query.any(|(name, _)| name == "nextPageToken");
    let body: Value = serde_json::from_slice(request.body).unwrap_or_default();
    let has_token = has_page_token || body["continuationToken"].is_string();
    request.route == Route::DetailsQuery && !has_token
}

fn window(request: &ServedRequest<'_>) -> Option<Interval> {
    let request_body: Value = serde_json::from_slice(request.body).ok()?;
    request_body["interval"].as_str()?.parse().ok()
}

fn states_retention(sent: &ApiResponse) -> bool {
    let sent_content =
        complete_body(sent, 200).and_then(|body| serde_json::from_slice::<Value>(body).ok());
    sent_content.is_some_and(|sent_content| {
        let days = &sent_content["retentionDays"];
        days.is_u64()
            || days
                .as_str()
                .is_some_and(|days| days.parse::<u64>().is_ok())
    })
}

fn lists_names(sent: &ApiResponse) -> bool {
    let sent_content =
        complete_body(sent, 200).and_then(|body| serde_json::from_slice::<Value>(body).ok());
    sent_content.is_some_and(|sent_content| {
        let entities = sent_content["entities"].as_array();
        entities.is_some_and(|entities| entities.iter().all(Value::is_object))
    })
}

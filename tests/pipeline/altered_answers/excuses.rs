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
use genesys_simulator::{Answer, Route, ServedRequest, Simulator};
use serde_json::Value;

use super::page::{Element, Page, named, page, received};
use super::story::Source;
use super::writings::Writings;

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
    pub(super) named: BTreeSet<String>,
    /// Ids that each chain of pages has contained, genuine or not.
    shown: BTreeMap<String, BTreeSet<String>>,
    ends: Vec<End>,
    /// `totalRecords` of each gateway query, as sent.
    announced: BTreeMap<String, Option<u64>>,
    pub(super) writings: Writings,
    pub(super) helpers: Helpers,
}

/// A claim by a page that there are no more records, with the ids that its chain had contained until then.
#[derive(Clone, Debug)]
struct End {
    of: Extent,
    shown: BTreeSet<String>,
}

/// The records that an end hides.
#[derive(Clone, Debug)]
enum Extent {
    Export,
    /// All records of this job.
    Job(String),
    Interval(Interval),
}

/// Alterations of the auxiliary requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Helpers {
    /// An altered response stated the retention period.
    pub(super) retention_told: bool,
    /// An altered listing of names was valid by its contract.
    pub(super) names_told: bool,
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
            named: BTreeSet::new(),
            shown: BTreeMap::new(),
            ends: Vec::new(),
            announced: BTreeMap::new(),
            writings: Writings::default(),
            helpers: Helpers::default(),
        }
    }

    /// Records a genuine response and the response that was sent, which are equal unless `is_altered`.
    pub(super) fn note(
        &mut self,
        request: &ServedRequest<'_>,
        genuine: &Answer,
        sent: &Answer,
        is_altered: bool,
    ) {
        self.writings.note(request, genuine, sent, is_altered);
        match request.route {
            Route::ExportQuery => self.note_announcement(sent),
            Route::JobSubmit if is_altered => self.note_submission(genuine, sent),
            Route::Retention if is_altered => self.helpers.retention_told |= tells_retention(sent),
            Route::DetailsById if is_altered && genuine.status == 200 => {
                // Ids that appear unknown in a listing are requested one by one.
                self.unlisted.extend(self.genuine.keys().cloned());
            }
            Route::Queues | Route::WrapUpCodes if is_altered => {
                self.helpers.names_told |= tells_names(sent);
            }
            _ => self.note_page(request, genuine, sent, is_altered),
        }
    }

    fn note_page(
        &mut self,
        request: &ServedRequest<'_>,
        genuine: &Answer,
        sent: &Answer,
        is_altered: bool,
    ) {
        self.named.extend(named(self.source, &sent.body));
        let Some(good) = page(self.source, request, genuine) else {
            return;
        };
        for element in &good.elements {
            for id in &element.ids {
                let known = self.genuine.entry(id.clone()).or_default();
                known.insert(element.bytes.clone());
            }
        }
        if is_altered && request.route == Route::ExportResults && self.is_at_end(request) {
            // At the announced end, any response except a page with records is an end.
            self.ends.extend(self.export_end(request, &good, sent));
        }
        let Some(told) = page(self.source, request, sent) else {
            return;
        };
        let shown = told.elements.iter().flat_map(|element| &element.ids);
        let chain = chain(request);
        if is_first(request) {
            self.shown.remove(&chain);
        }
        self.shown
            .entry(chain.clone())
            .or_default()
            .extend(shown.cloned());
        if is_altered {
            self.compare(request, &good, &told);
            self.ends.extend(self.end(request, &chain, &good, &told));
        }
    }

    fn compare(&mut self, request: &ServedRequest<'_>, good: &Page, told: &Page) {
        for (place, element) in good.elements.iter().enumerate() {
            if told.holds(element) {
                continue;
            }
            let [id] = &element.ids[..] else { continue };
            self.touched.insert(id.clone());
            if request.route == Route::DetailsByIds && !told.names(id) {
                self.unlisted.insert(id.clone());
            }
            let same_id = told.elements.iter().find(|it| it.ids == element.ids);
            let same_place = told.elements.get(place);
            let same_place = same_place.filter(|_| told.elements.len() == good.elements.len());
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

    fn export_end(&self, request: &ServedRequest<'_>, good: &Page, sent: &Answer) -> Option<End> {
        let told = page(self.source, request, sent);
        let is_end = told.is_none_or(|told| told.elements.is_empty()) && !good.elements.is_empty();
        let shown = self.shown.get(&chain(request)).cloned().unwrap_or_default();
        let of = Extent::Export;
        is_end.then_some(End { of, shown })
    }

    /// Returns the end that an altered page claims and the genuine one does not.
    fn end(
        &self,
        request: &ServedRequest<'_>,
        chain: &str,
        good: &Page,
        told: &Page,
    ) -> Option<End> {
        let is_last = good.next.is_some() && told.next.is_none();
        let of = match request.route {
            Route::DetailsQuery if told.hits.is_some() => {
                let window = window(request)?;
                let mut foreign = told.elements.iter().filter(|it| !good.holds(it));
                let goes_back = foreign.any(|it| it.starts_before(window.start()));
                if told.hits >= good.hits && !goes_back {
                    return None;
                }
                let shown = told.elements.iter().flat_map(|it| it.ids.clone()).collect();
                let of = Extent::Interval(window);
                return Some(End { of, shown });
            }
            Route::DetailsQuery if is_last => Extent::Export,
            Route::JobResults if is_last => Extent::Job(chain.to_owned()),
            _ => return None,
        };
        let shown = self.shown.get(chain).cloned().unwrap_or_default();
        Some(End { of, shown })
    }

    /// Whether the page begins at or after the end that the gateway announced.
    fn is_at_end(&self, request: &ServedRequest<'_>) -> bool {
        let announced = self.announced.get(&chain(request)).copied().flatten();
        let offset = request.query.iter().find(|(name, _)| name == "offset");
        let offset = offset.and_then(|(_, value)| value.parse::<u64>().ok());
        announced.is_some_and(|announced| offset.is_some_and(|offset| announced <= offset))
    }

    fn note_announcement(&mut self, sent: &Answer) {
        let told = received(sent, 200).and_then(|body| serde_json::from_slice::<Value>(body).ok());
        let Some(told) = told else { return };
        let total = &told["totalRecords"];
        let total = total.as_u64().or_else(|| total.as_str()?.parse().ok());
        if let Some(query) = told["queryId"].as_str() {
            self.announced.insert(query.to_owned(), total);
        }
    }

    /// If the job id was altered, the client reads another job, so the genuine job ends before its first record.
    fn note_submission(&mut self, genuine: &Answer, sent: &Answer) {
        let job = |body: &[u8]| {
            let told: Value = serde_json::from_slice(body).ok()?;
            told["jobId"].as_str().map(ToOwned::to_owned)
        };
        let (Some(job), Some(told)) = (job(&genuine.body), job(&sent.body)) else {
            return;
        };
        if job != told {
            let (of, shown) = (Extent::Job(job), BTreeSet::new());
            self.ends.push(End { of, shown });
        }
    }

    /// Returns the ids that may be absent, according to the starts in the simulator's data.
    pub(super) fn absent(&self, simulator: &Simulator) -> BTreeSet<String> {
        let mut absent = self.lost.clone();
        let starts: Vec<_> = match self.source.id_field() {
            "id" => simulator
                .truth()
                .gateway
                .into_iter()
                .map(|it| (it.id, it.start))
                .collect(),
            _ => simulator
                .truth()
                .conversations
                .into_iter()
                .map(|it| (it.id, it.start))
                .collect(),
        };
        for End { of, shown } in &self.ends {
            let window = match of {
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
                .filter(|(id, start)| is_within(*start) && !shown.contains(id));
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
    let has_token = request
        .query
        .iter()
        .any(|(name, _)| name == "nextPageToken")
        || request
            .body
            .windows(17)
            .any(|it| it == b"continuationToken");
    request.route == Route::DetailsQuery && !has_token
}

fn window(request: &ServedRequest<'_>) -> Option<Interval> {
    let asked: Value = serde_json::from_slice(request.body).ok()?;
    asked["interval"].as_str()?.parse().ok()
}

fn tells_retention(sent: &Answer) -> bool {
    let told = received(sent, 200).and_then(|body| serde_json::from_slice::<Value>(body).ok());
    told.is_some_and(|told| {
        let days = &told["retentionDays"];
        days.is_u64()
            || days
                .as_str()
                .is_some_and(|days| days.parse::<u64>().is_ok())
    })
}

fn tells_names(sent: &Answer) -> bool {
    let told = received(sent, 200).and_then(|body| serde_json::from_slice::<Value>(body).ok());
    told.is_some_and(|told| {
        let entities = told["entities"].as_array();
        entities.is_some_and(|entities| entities.iter().all(Value::is_object))
    })
}

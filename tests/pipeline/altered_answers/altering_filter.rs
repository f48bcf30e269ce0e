//! The filter between the simulated organisation and the wire: alters responses by a schedule, and records the
//! alterations and the excuses that follow from them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fastrand::Rng;
use genesys_simulator::{ApiResponse, ResponseFilter, Route, ServedRequest};

use super::alteration::{alter, any_kind};
use super::excuses::Excuses;
use super::scenario::Scenario;
use super::schedule::Schedule;

#[derive(Debug)]
pub(super) struct AlteringFilter {
    seed: u64,
    schedule: Schedule,
    /// If set, only these of the responses picked by the schedule are altered.
    only: Option<BTreeSet<Pick>>,
    is_enabled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Number of occurrences of each request.
    request_counts: HashMap<u64, u64>,
    /// Ids of jobs and queries, and cursors, in the order of first occurrence.
    handles: Vec<String>,
    /// Number of requests that the schedule could have picked.
    eligible: u32,
    earlier: BTreeMap<Route, Vec<Bytes>>,
    entries: Vec<Entry>,
    excuses: Excuses,
}

/// Identifies a response: the key of its request, and the occurrence of that request.
pub(super) type Pick = (u64, u64);

/// An altered response.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) pick: Pick,
    pub(super) route: Route,
    /// Path, query and the beginning of the body.
    pub(super) request: String,
    pub(super) status: u16,
    pub(super) sent: u16,
    /// Whether the response is evidently invalid, so that a retry is justified.
    pub(super) is_transient: bool,
    pub(super) description: String,
}

impl AlteringFilter {
    pub(super) fn new(
        seed: u64,
        scenario: &Scenario,
        schedule: Schedule,
        only: Option<BTreeSet<Pick>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            seed,
            only,
            is_enabled: AtomicBool::new(!schedule.after_start),
            schedule,
            state: Mutex::new(State {
                request_counts: HashMap::new(),
                handles: Vec::new(),
                eligible: 0,
                earlier: BTreeMap::new(),
                entries: Vec::new(),
                excuses: Excuses::new(scenario.source),
            }),
        })
    }

    pub(super) fn filter(self: &Arc<Self>) -> ResponseFilter {
        let altering_filter = Arc::clone(self);
        Arc::new(move |request, response| altering_filter.filter_response(request, response))
    }

    pub(super) fn set_enabled(&self, is_enabled: bool) {
        self.is_enabled.store(is_enabled, Ordering::SeqCst);
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.state().entries.clone()
    }

    /// Whether only a few responses were altered and all are evidently invalid: fewer than the retry limit of a call.
    pub(super) fn is_transient(&self) -> bool {
        const FEW: usize = 5;
        let state = self.state();
        let entries = &state.entries;
        (1..=FEW).contains(&entries.len()) && entries.iter().all(|entry| entry.is_transient)
    }

    pub(super) fn excuses(&self) -> Excuses {
        self.state().excuses.clone()
    }

    fn filter_response(&self, request: &ServedRequest<'_>, response: ApiResponse) -> ApiResponse {
        let mut state = self.state();
        let genuine = response.clone();
        let drawn = self.draw_alteration(&mut state, request);
        let is_altered = drawn.is_some();
        let sent = match drawn {
            Some((pick, rng)) => self.alter(&mut state, request, response, pick, rng),
            None => response,
        };
        if genuine.status == 200 {
            let earlier = state.earlier.entry(request.route).or_default();
            earlier.push(genuine.body.clone());
        }
        state.excuses.record(request, &genuine, &sent, is_altered);
        sent
    }

    /// Returns a generator for this request if its response is to be altered. The generator depends on the request
    /// only, so that the order of concurrent requests does not matter.
    fn draw_alteration(
        &self,
        state: &mut State,
        request: &ServedRequest<'_>,
    ) -> Option<(Pick, Rng)> {
        let key = request_key(request, &mut state.handles);
        let times = state.request_counts.entry(key).or_default();
        *times += 1;
        let pick = (key, *times);
        let mut rng = Rng::with_seed(self.seed ^ key.wrapping_add(*times));
        let is_eligible = self.is_enabled.load(Ordering::SeqCst)
            && self
                .schedule
                .route
                .is_none_or(|route| route == request.route);
        if !is_eligible {
            return None;
        }
        state.eligible += 1;
        let in_time = self
            .schedule
            .first
            .is_none_or(|first| state.eligible <= first);
        let is_drawn = rng.f64() < self.schedule.probability;
        let is_picked = match &self.only {
            Some(only) => only.contains(&pick),
            None => in_time && is_drawn,
        };
        is_picked.then_some((pick, rng))
    }

    fn alter(
        &self,
        state: &mut State,
        request: &ServedRequest<'_>,
        response: ApiResponse,
        pick: Pick,
        mut rng: Rng,
    ) -> ApiResponse {
        let kind = self.schedule.kind.unwrap_or_else(|| any_kind(&mut rng));
        let earlier = state.earlier.get(&request.route);
        let earlier = earlier.map_or(&[][..], Vec::as_slice);
        let status = response.status;
        let altered = alter(response, kind, request, earlier, &mut rng);
        state.entries.push(Entry {
            pick,
            route: request.route,
            request: describe_request(request),
            status,
            sent: altered.response.status,
            is_transient: altered.is_transient(),
            description: altered.description,
        });
        altered.response
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe_request(request: &ServedRequest<'_>) -> String {
    let query = request.query.iter();
    let query: Vec<_> = query
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let body = String::from_utf8_lossy(request.body);
    let rest = format!("{} {body}", query.join("&"));
    let rest: String = rest.trim().chars().take(200).collect();
    format!("{} {rest}", request.path)
}

/// A key that is equal for equal requests. Ids of jobs and queries and cursors are replaced by their order of first
/// occurrence, because they change with every earlier request.
fn request_key(request: &ServedRequest<'_>, handles: &mut Vec<String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (request.method.as_str(), request.body).hash(&mut hasher);
    let parts = request.path.split('/').map(|part| ("", part));
    let query = request.query.iter();
    for (name, value) in parts.chain(query.map(|(name, value)| (&**name, &**value))) {
        if has_handles(request.route) && value.len() > 20 {
            let known = handles.iter().position(|handle| handle == value);
            let number = known.unwrap_or_else(|| {
                handles.push(value.to_owned());
                handles.len() - 1
            });
            (name, number).hash(&mut hasher);
        } else {
            (name, value).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Whether long path segments on this route are ids of jobs or queries, or cursors.
fn has_handles(route: Route) -> bool {
    matches!(
        route,
        Route::JobStatus | Route::JobResults | Route::JobDelete | Route::ExportResults
    )
}

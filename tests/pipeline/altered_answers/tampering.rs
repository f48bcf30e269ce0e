//! The filter between the simulated organisation and the wire: alters responses by a schedule, and records the
//! alterations and the excuses that follow from them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fastrand::Rng;
use genesys_simulator::{Answer, AnswerFilter, Route, ServedRequest};

use super::alteration::{alter, any_kind};
use super::excuses::Excuses;
use super::schedule::Schedule;
use super::story::Story;

#[derive(Debug)]
pub(super) struct Tampering {
    seed: u64,
    schedule: Schedule,
    /// If set, only these of the responses picked by the schedule are altered.
    only: Option<BTreeSet<Pick>>,
    is_on: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Number of occurrences of each request.
    asked: HashMap<u64, u64>,
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
    pub(super) asked: String,
    pub(super) status: u16,
    pub(super) sent: u16,
    /// Whether the response is evidently invalid, so that a retry is justified.
    pub(super) is_passing: bool,
    pub(super) what: String,
}

impl Tampering {
    pub(super) fn new(
        seed: u64,
        story: &Story,
        schedule: Schedule,
        only: Option<BTreeSet<Pick>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            seed,
            only,
            is_on: AtomicBool::new(!schedule.after_start),
            schedule,
            state: Mutex::new(State {
                asked: HashMap::new(),
                handles: Vec::new(),
                eligible: 0,
                earlier: BTreeMap::new(),
                entries: Vec::new(),
                excuses: Excuses::new(story.source),
            }),
        })
    }

    pub(super) fn filter(self: &Arc<Self>) -> AnswerFilter {
        let tampering = Arc::clone(self);
        Arc::new(move |request, answer| tampering.pass(request, answer))
    }

    pub(super) fn set_on(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::SeqCst);
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.state().entries.clone()
    }

    /// Whether only a few responses were altered and all are evidently invalid: fewer than the retry limit of a call.
    pub(super) fn is_passing(&self) -> bool {
        const FEW: usize = 5;
        let state = self.state();
        let entries = &state.entries;
        (1..=FEW).contains(&entries.len()) && entries.iter().all(|entry| entry.is_passing)
    }

    pub(super) fn excuses(&self) -> Excuses {
        self.state().excuses.clone()
    }

    fn pass(&self, request: &ServedRequest<'_>, answer: Answer) -> Answer {
        let mut state = self.state();
        let genuine = answer.clone();
        let chance = self.chance(&mut state, request);
        let is_altered = chance.is_some();
        let sent = match chance {
            Some((pick, rng)) => self.alter(&mut state, request, answer, pick, rng),
            None => answer,
        };
        if genuine.status == 200 {
            let earlier = state.earlier.entry(request.route).or_default();
            earlier.push(genuine.body.clone());
        }
        state.excuses.note(request, &genuine, &sent, is_altered);
        sent
    }

    /// Returns a generator for this request if its response is to be altered. The generator depends on the request
    /// only, so that the order of concurrent requests does not matter.
    fn chance(&self, state: &mut State, request: &ServedRequest<'_>) -> Option<(Pick, Rng)> {
        let key = key(request, &mut state.handles);
        let times = state.asked.entry(key).or_default();
        *times += 1;
        let pick = (key, *times);
        let mut rng = Rng::with_seed(self.seed ^ key.wrapping_add(*times));
        let is_eligible = self.is_on.load(Ordering::SeqCst)
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
        answer: Answer,
        pick: Pick,
        mut rng: Rng,
    ) -> Answer {
        let kind = self.schedule.kind.unwrap_or_else(|| any_kind(&mut rng));
        let earlier = state.earlier.get(&request.route);
        let earlier = earlier.map_or(&[][..], Vec::as_slice);
        let status = answer.status;
        let altered = alter(answer, kind, request, earlier, &mut rng);
        state.entries.push(Entry {
            pick,
            route: request.route,
            asked: asked(request),
            status,
            sent: altered.answer.status,
            is_passing: altered.is_passing(),
            what: altered.what,
        });
        altered.answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn asked(request: &ServedRequest<'_>) -> String {
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
fn key(request: &ServedRequest<'_>, handles: &mut Vec<String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (request.method.as_str(), request.body).hash(&mut hasher);
    let parts = request.path.split('/').map(|part| ("", part));
    let query = request.query.iter();
    for (name, value) in parts.chain(query.map(|(name, value)| (&**name, &**value))) {
        if is_of_a_handle(request.route) && value.len() > 20 {
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
fn is_of_a_handle(route: Route) -> bool {
    matches!(
        route,
        Route::JobStatus | Route::JobResults | Route::JobDelete | Route::ExportResults
    )
}

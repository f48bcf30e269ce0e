//! The filter between the simulated organisation and the wire: alters answers by a schedule, and notes what was altered
//! and what that excuses.

use std::collections::{BTreeMap, HashMap};
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
    is_on: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How often each request came.
    asked: HashMap<u64, u64>,
    /// Requests that the schedule could have picked.
    eligible: u32,
    earlier: BTreeMap<Route, Vec<Bytes>>,
    entries: Vec<Entry>,
    excuses: Excuses,
}

/// An answer that was altered.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) route: Route,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) sent: u16,
    pub(super) what: String,
}

impl Tampering {
    pub(super) fn new(seed: u64, story: &Story, schedule: Schedule) -> Arc<Self> {
        Arc::new(Self {
            seed,
            is_on: AtomicBool::new(!schedule.after_start),
            schedule,
            state: Mutex::new(State {
                asked: HashMap::new(),
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

    pub(super) fn excuses(&self) -> Excuses {
        self.state().excuses.clone()
    }

    fn pass(&self, request: &ServedRequest<'_>, answer: Answer) -> Answer {
        let mut state = self.state();
        let genuine = answer.clone();
        let sent = match self.chance(&mut state, request) {
            Some(mut rng) => self.alter(&mut state, request, answer, &mut rng),
            None => answer,
        };
        if genuine.status == 200 {
            let earlier = state.earlier.entry(request.route).or_default();
            earlier.push(genuine.body.clone());
        }
        state.excuses.note(request, &genuine, &sent);
        sent
    }

    /// A generator of this request's own if its answer is to be altered: what becomes of an answer does not depend on the
    /// order in which several requests come at a time.
    fn chance(&self, state: &mut State, request: &ServedRequest<'_>) -> Option<Rng> {
        let key = key(request);
        let times = state.asked.entry(key).or_default();
        *times += 1;
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
        (in_time && rng.f64() < self.schedule.probability).then_some(rng)
    }

    fn alter(
        &self,
        state: &mut State,
        request: &ServedRequest<'_>,
        answer: Answer,
        rng: &mut Rng,
    ) -> Answer {
        let kind = self.schedule.kind.unwrap_or_else(|| any_kind(rng));
        let earlier = state.earlier.get(&request.route);
        let earlier = earlier.map_or(&[][..], Vec::as_slice);
        let status = answer.status;
        let altered = alter(answer, kind, request, earlier, rng);
        state.entries.push(Entry {
            route: request.route,
            path: request.path.to_owned(),
            status,
            sent: altered.answer.status,
            what: altered.what,
        });
        altered.answer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same for the same request, whenever it comes.
fn key(request: &ServedRequest<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    request.method.as_str().hash(&mut hasher);
    (request.path, request.query, request.body).hash(&mut hasher);
    hasher.finish()
}

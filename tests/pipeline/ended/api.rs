//! What the API says about the ends of conversations, as a test sets it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use genesys_simulator::{ResponseFilter, Route};
use serde_json::{Value, json};

/// Changes the responses of the simulated organisation.
#[derive(Clone, Debug, Default)]
pub(super) struct Api(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    shown: BTreeMap<String, Shown>,
    /// Status of each lookup, if it is refused.
    refusal: Option<u16>,
    requested: Vec<String>,
}

/// How a lookup shows a conversation, in place of what it is.
#[derive(Clone, Debug)]
enum Shown {
    Unknown,
    InProgress,
    EndedAt(String),
}

impl Api {
    /// Lookups do not find the conversation.
    pub(super) fn hide(&self, id: &str) {
        self.show(id, Shown::Unknown);
    }

    pub(super) fn show_in_progress(&self, id: &str) {
        self.show(id, Shown::InProgress);
    }

    pub(super) fn show_end(&self, id: &str, end: &str) {
        self.show(id, Shown::EndedAt(end.to_owned()));
    }

    /// Lookups show the conversation as it is.
    pub(super) fn show_as_it_is(&self, id: &str) {
        self.lock().shown.remove(id);
    }

    /// Refuses lookups with this status from now on, or no more.
    pub(super) fn refuse(&self, status: Option<u16>) {
        self.lock().refusal = status;
    }

    /// The ids that were looked up.
    pub(super) fn requested(&self) -> Vec<String> {
        self.lock().requested.clone()
    }

    pub(super) fn filter(&self) -> ResponseFilter {
        let api = self.clone();
        Arc::new(move |request, mut response| {
            if request.route == Route::DetailsByIds {
                let ids = request.query.iter().filter(|(name, _)| name == "id");
                let ids = ids.flat_map(|(_, ids)| ids.split(',').map(str::to_owned));
                (response.status, response.body) =
                    match api.respond(ids, response.status, &response.body) {
                        (status, Some(body)) => (status, body.to_string().into()),
                        (status, None) => (status, response.body),
                    };
            }
            response
        })
    }

    /// The status and, if it differs, the body of a response.
    fn respond(
        &self,
        ids: impl Iterator<Item = String>,
        status: u16,
        body: &[u8],
    ) -> (u16, Option<Value>) {
        let mut state = self.lock();
        state.requested.extend(ids);
        if let Some(status) = state.refusal {
            let body = json!({"message": "refused", "code": "refused", "status": status});
            return (status, Some(body));
        }
        let Ok(mut body) = serde_json::from_slice::<Value>(body) else {
            return (status, None);
        };
        if let Some(conversations) = body["conversations"].as_array_mut() {
            conversations.retain_mut(|it| state.shows(it));
        }
        (status, Some(body))
    }

    fn show(&self, id: &str, shown: Shown) {
        self.lock().shown.insert(id.to_owned(), shown);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Changes the conversation; returns whether it is found.
    fn shows(&self, conversation: &mut Value) -> bool {
        let id = conversation["conversationId"].as_str().unwrap_or_default();
        match self.shown.get(id) {
            None => {}
            Some(Shown::Unknown) => return false,
            Some(Shown::InProgress) => {
                let fields = conversation.as_object_mut().expect("a conversation");
                fields.remove("conversationEnd");
            }
            Some(Shown::EndedAt(end)) => conversation["conversationEnd"] = json!(end),
        }
        true
    }
}

//! The history gateway in its two forms: settings of both sides, and requests for everything that it has.

use conversation_archive::export::request::HistoryForm as Form;
use conversation_archive::source::SourceSettings;
use conversation_archive::storage::store::ArchiveStore;
use genesys_simulator::{HistoryForm, Settings, TruthRecord};
use serde_json::json;

use crate::world::World;

pub const FORMS: [HistoryForm; 2] = [HistoryForm::PageToken, HistoryForm::Continuation];

/// Creates a world with a history gateway of this form.
pub async fn history_world(form: HistoryForm, settings: Settings) -> World {
    let settings = Settings {
        history: Some(form),
        ..settings
    };
    World::new(settings).await.with_history_form(form)
}

impl<S: ArchiveStore + 'static> World<S> {
    /// Returns the same world with this form of the history gateway in the settings of its processes.
    #[must_use]
    pub fn with_history_form(self, form: HistoryForm) -> Self {
        self.with_source_settings(SourceSettings {
            history_form: form_of(form),
            ..SourceSettings::default()
        })
    }

    /// Returns a request for all entities of the world's days, with its webhook.
    pub fn history_request(&self, form: HistoryForm, more_fields: &str) -> String {
        let filters = filters_of_all(form, &self.simulator.truth().gateway);
        self.request("history-gateway", &format!("{filters}{more_fields}"))
    }
}

/// Returns the filters with which a gateway of this form returns all of its entities, as another field of a request.
pub fn filters_of_all(form: HistoryForm, entities: &[TruthRecord]) -> String {
    let ids: Vec<_> = entities.iter().map(|entity| &entity.id).collect();
    let filters = match form {
        HistoryForm::PageToken => json!({"mediaTypes": ["webchat"]}),
        HistoryForm::Continuation => json!({"conversationIds": ids}),
    };
    format!(r#","filters":{filters}"#)
}

/// The form in the product's settings.
pub fn form_of(form: HistoryForm) -> Form {
    match form {
        HistoryForm::PageToken => Form::PageToken,
        HistoryForm::Continuation => Form::Continuation,
    }
}

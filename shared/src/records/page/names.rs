//! Names of the queues and wrap-up codes that records reference by id.

use std::collections::HashMap;

use super::walk::unquoted;

/// Names by id, each as JSON text.
#[derive(Clone, Debug, Default)]
pub struct Names {
    queues: HashMap<String, String>,
    wrap_up_codes: HashMap<String, String>,
}

impl Names {
    /// Creates the names from pairs of id and name.
    pub fn new(
        queues: impl IntoIterator<Item = (String, String)>,
        wrap_up_codes: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let quoted = |(id, name): (String, String)| (id, serde_json::Value::from(name).to_string());
        Self {
            queues: queues.into_iter().map(quoted).collect(),
            wrap_up_codes: wrap_up_codes.into_iter().map(quoted).collect(),
        }
    }

    pub(super) fn queue(&self, id: &str) -> Option<&str> {
        self.queues.get(&*unquoted(id)).map(String::as_str)
    }

    pub(super) fn wrap_up_code(&self, id: &str) -> Option<&str> {
        self.wrap_up_codes.get(&*unquoted(id)).map(String::as_str)
    }
}

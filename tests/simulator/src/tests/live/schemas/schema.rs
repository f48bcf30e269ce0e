//! Reads `live-schemas.txt`, which was extracted from the official Python SDK, and compares values with it.

use std::collections::HashMap;

use serde_json::Value;

const PUBLISHED: &str = include_str!("../../../../live-schemas.txt");

/// The fields of each model, with their types.
pub(super) struct Schemas(HashMap<&'static str, HashMap<&'static str, &'static str>>);

impl Schemas {
    /// A line without a colon names a model; the lines after it are its fields.
    pub(super) fn published() -> Self {
        let mut models: HashMap<_, HashMap<_, _>> = HashMap::new();
        let mut current = "";
        for line in PUBLISHED.lines().map(str::trim).filter(|it| !it.is_empty()) {
            if let Some((name, kind)) = line.split_once(": ") {
                models.entry(current).or_default().insert(name, kind);
            } else {
                current = line;
                models.entry(current).or_default();
            }
        }
        Self(models)
    }

    /// The differences between the value and the model.
    pub(super) fn violations(&self, model: &str, value: &Value) -> Vec<String> {
        let mut violations = Vec::new();
        self.check(model, value, model, &mut violations);
        violations
    }

    fn check(&self, kind: &str, value: &Value, path: &str, violations: &mut Vec<String>) {
        if let Some(element) = kind
            .strip_prefix("list[")
            .and_then(|it| it.strip_suffix(']'))
        {
            match value.as_array() {
                Some(elements) => elements
                    .iter()
                    .for_each(|it| self.check(element, it, path, violations)),
                None => violations.push(format!("{path} is not a list: {value}")),
            }
            return;
        }
        if let Some(is_right) = is_of_type(kind, value) {
            if !is_right {
                violations.push(format!("{path} is not {kind}: {value}"));
            }
            return;
        }
        match (self.model(kind), value.as_object()) {
            (None, _) => violations.push(format!("{path}: the model {kind} is not published")),
            (_, None) => violations.push(format!("{path} is not an object: {value}")),
            (Some(fields), Some(object)) => {
                for (name, value) in object {
                    let path = format!("{path}.{name}");
                    match fields.get(name.as_str()) {
                        Some(kind) => self.check(kind, value, &path, violations),
                        None => violations.push(format!("{path} is not published")),
                    }
                }
            }
        }
    }

    /// The file shortens models that other topics have in the same form.
    fn model(&self, name: &str) -> Option<&HashMap<&'static str, &'static str>> {
        let similar = || {
            let (_, end) = name.split_once("EventTopic")?;
            self.0
                .get(format!("QueueConversationMessageEventTopic{end}").as_str())
        };
        self.0.get(name).or_else(similar)
    }
}

/// `None` for the name of a model.
fn is_of_type(kind: &str, value: &Value) -> Option<bool> {
    if let Some(allowed) = kind
        .strip_prefix("str {")
        .and_then(|it| it.strip_suffix('}'))
    {
        let is_allowed = |text: &str| allowed.split(',').any(|it| it == text);
        return Some(value.as_str().is_some_and(is_allowed));
    }
    let is_text_map = |value: &Value| {
        let object = value.as_object();
        object.is_some_and(|it| it.values().all(Value::is_string))
    };
    Some(match kind {
        "str" => value.is_string(),
        "int" => value.is_i64(),
        "float" => value.is_f64(),
        "bool" => value.is_boolean(),
        "datetime" => value
            .as_str()
            .is_some_and(|it| it.parse::<jiff::Timestamp>().is_ok()),
        "dict(str, str)" => is_text_map(value),
        "dict(str, object)" => value.is_object(),
        _ => return None,
    })
}

#[test]
fn a_violation_names_the_field() {
    let schemas = Schemas::published();
    let body = serde_json::json!({
        "eventTime": "soon", "queueId": 1, "mediaType": "message", "surprise": true,
        "flowMilestones": [{ "milestoneTime": 0.5 }],
    });

    let mut violations = schemas.violations("FlowOutcomeDetailEventTopicFlowOutcomeEvent", &body);

    violations.sort();
    let fields: Vec<&str> = violations
        .iter()
        .map(|it| it.split([' ', '.']).nth(1).unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "eventTime",
            "flowMilestones",
            "mediaType",
            "queueId",
            "surprise"
        ]
    );
}

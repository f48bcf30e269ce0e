//! The organisation's limits: the documented defaults, and the values in force here.

use serde_json::{Value, json};

use super::request::REQUEST_BODY_MAX_BYTES;
use super::response::{ApiError, ApiResponse};
use crate::settings::Settings;

/// One limit, as named by a 429 that says which limit was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) namespace: &'static str,
    pub(crate) key: &'static str,
    pub(crate) value: u64,
}

const PLATFORM: &str = "platform.api";

impl Limit {
    pub(crate) fn of_token(value: u32) -> Self {
        Self {
            namespace: PLATFORM,
            key: "client.credentials.token.rate.per.minute",
            value: value.into(),
        }
    }

    pub(crate) fn of_client(value: u32) -> Self {
        Self {
            namespace: PLATFORM,
            key: "org.app.user.rate.per.minute",
            value: value.into(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "key": self.key, "namespace": self.namespace, "value": self.value })
    }
}

/// The simulated limits with these settings.
fn limits(settings: &Settings) -> [Limit; 5] {
    [
        Limit::of_token(settings.rate_per_minute),
        Limit {
            key: "token.rate.per.minute",
            ..Limit::of_token(settings.rate_per_minute)
        },
        Limit::of_client(settings.client_rate_per_minute),
        Limit {
            namespace: PLATFORM,
            key: "request.bytes.max",
            value: REQUEST_BODY_MAX_BYTES as u64,
        },
        // The key is in the limits catalogue; its full name, namespace and value are unverified.
        Limit {
            namespace: "analytics",
            key: "conversations.details.jobs.concurrent.access.max",
            value: settings.concurrent_jobs as u64,
        },
    ]
}

/// The limits of an organisation that requested no change.
fn defaults() -> [Limit; 5] {
    limits(&Settings::default())
}

pub(crate) fn current_limits(
    namespace: &str,
    settings: &Settings,
) -> Result<ApiResponse, ApiError> {
    listing(namespace, &limits(settings))
}

pub(crate) fn default_limits(namespace: &str) -> Result<ApiResponse, ApiError> {
    listing(namespace, &defaults())
}

/// The API's response for a namespace that is unknown or has no limits is unverified.
fn listing(namespace: &str, limits: &[Limit]) -> Result<ApiResponse, ApiError> {
    let of_namespace = limits.iter().filter(|it| it.namespace == namespace);
    let entities: Vec<_> = of_namespace.map(Limit::json).collect();
    if entities.is_empty() {
        return Err(ApiError::not_found("The namespace was not found."));
    }
    Ok(ApiResponse::json(200, &json!({ "entities": entities })))
}

pub(crate) fn docs() -> ApiResponse {
    let defaults = defaults();
    let namespace = |name: &str, friendly: &str| {
        let of_namespace = defaults.iter().filter(|it| it.namespace == name);
        let limits: Vec<_> = of_namespace
            .map(|it| json!({ "key": it.key, "defaultValue": it.value, "configurable": true }))
            .collect();
        json!({ "name": name, "friendlyName": friendly, "limits": limits })
    };
    let namespaces = [
        namespace(PLATFORM, "Platform API"),
        namespace("analytics", "Analytics"),
    ];
    ApiResponse::json(200, &json!({ "namespaces": namespaces }))
}

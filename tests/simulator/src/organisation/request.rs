//! A request as the organisation receives it.

use http::Method;

use super::response::ApiError;

/// The API refuses longer request bodies.
pub(crate) const REQUEST_BODY_MAX_BYTES: usize = 512_000;

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The `Host` header: host and port.
    pub(crate) host: String,
    pub(crate) path: String,
    /// Decoded as form data: an unescaped `+` has become a space.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) authorization: Option<String>,
    pub(crate) content_type: String,
    /// The body, or the reason why it was not read.
    pub(crate) body: Result<bytes::Bytes, ApiError>,
}

impl Request {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The values of a parameter that may be given several times.
    pub(crate) fn parameters_named(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.parameters.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Parses an optional whole number. Another value is an error.
    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, ApiError> {
        self.parameter(name)
            .map(|value| {
                value
                    .parse()
                    .map_err(|_| ApiError::bad_request(&format!("{name} is not a whole number")))
            })
            .transpose()
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, ApiError> {
        if !self.content_type.starts_with("application/json") {
            return Err(ApiError::new(
                415,
                "unsupported.media.type",
                "The request body must be application/json.",
            ));
        }
        let body = self.body.as_ref().map_err(Clone::clone)?;
        serde_json::from_slice(body).map_err(|error| {
            ApiError::bad_request(&format!("The request could not be parsed: {error}"))
        })
    }
}

//! A request as it arrived, with checks of its method, content type, query string and body.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

use super::json::Checked;

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The names and values of the query string, decoded, in their order.
    pub(crate) query: Vec<(String, String)>,
    /// Names in lower case, with their values.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Request {
    /// Reads a request as it arrived.
    pub(super) async fn read(request: hyper::Request<Incoming>) -> Self {
        let (head, body) = request.into_parts();
        let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
            (
                name.as_str().to_owned(),
                value.to_str().unwrap_or_default().to_owned(),
            )
        };
        Request {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: pairs(head.uri.query().unwrap_or_default()),
            headers: head.headers.iter().map(header).collect(),
            body: body
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn must_be(&self, method: &str) -> Checked<()> {
        if self.method == method {
            return Ok(());
        }
        Err(format!("{} takes {method}, not {}", self.path, self.method))
    }

    pub(crate) fn must_have_content_type(&self, expected: &str) -> Checked<()> {
        let value = self.header("content-type").unwrap_or_default();
        // Parameters, such as the charset, are left open.
        if value.split(';').next().unwrap_or_default().trim() == expected {
            return Ok(());
        }
        Err(format!("content-type is `{value}`, not {expected}"))
    }

    pub(crate) fn must_have_no_query(&self) -> Checked<()> {
        if self.query.is_empty() {
            return Ok(());
        }
        Err(format!("a query string: {:?}", self.query))
    }

    pub(crate) fn must_have_no_body(&self) -> Checked<()> {
        if self.body.is_empty() {
            return Ok(());
        }
        Err(format!("{} {} with a body", self.method, self.path))
    }

    /// The body of a POST request with a JSON body.
    pub(crate) fn json(&self) -> Checked<Value> {
        self.must_be("POST")?;
        self.must_have_content_type("application/json")?;
        serde_json::from_slice(&self.body).map_err(|error| format!("the body is not JSON: {error}"))
    }
}

/// The names and values of a query string or of a form body.
pub(crate) fn pairs(encoded: &str) -> Vec<(String, String)> {
    let pairs = encoded.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// The text that a part of `application/x-www-form-urlencoded` stands for; a malformed escape is kept as it is.
pub(crate) fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%').then(|| escaped(after)).flatten();
        let plain = if first == b'+' { b' ' } else { first };
        bytes.push(escaped.unwrap_or(plain));
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that two hexadecimal digits stand for.
fn escaped(after: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(after.get(..2)?).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

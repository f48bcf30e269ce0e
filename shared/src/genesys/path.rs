//! Paths below the API's host. An id becomes exactly one segment, whatever it contains: ids come from responses, from
//! requests and from the bucket, and must not lead a request to another path.

use std::fmt::Write as _;

use crate::records::foreign::{ForeignId, Secrets};

/// A path below the API's host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiPath {
    path: String,
    /// The path as errors and log lines show it: an id that could be anything else is `{id}`.
    route: String,
}

/// The text cannot be one segment of a path: it is empty, too long, or contains `..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id cannot be part of a path: it is empty, longer than {MAX_SEGMENT_BYTES} bytes, or contains `..`"
)]
pub struct InvalidSegment;

/// Ids of the API have 36 characters. A gateway's may be longer.
const MAX_SEGMENT_BYTES: usize = 128;

impl ApiPath {
    /// Appends a slash and the id, percent-encoded as one segment. `.` and `..` are refused: they would be resolved as
    /// parts of the path, even percent-encoded (<https://url.spec.whatwg.org/#double-dot-path-segment>).
    pub fn segment(mut self, id: &str) -> Result<Self, InvalidSegment> {
        if !(1..=MAX_SEGMENT_BYTES).contains(&id.len()) || id == "." || id.contains("..") {
            return Err(InvalidSegment);
        }
        self.path.push('/');
        for byte in id.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    self.path.push(byte.into());
                }
                _ => _ = write!(self.path, "%{byte:02X}"),
            }
        }
        let shown = ForeignId::new(id, &Secrets::default());
        let shown = shown.as_ref().map_or("{id}", ForeignId::as_str);
        self.route.extend(["/", shown]);
        Ok(self)
    }

    /// Appends a constant part of the path.
    #[must_use]
    pub fn then(mut self, part: &'static str) -> Self {
        self.path.push_str(part);
        self.route.push_str(part);
        self
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.path
    }

    pub(crate) fn route(&self) -> &str {
        &self.route
    }
}

impl From<&'static str> for ApiPath {
    fn from(path: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            route: path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::genesys::Call;

    fn path(id: &str) -> Result<String, InvalidSegment> {
        let path = ApiPath::from("/api/v2/jobs").segment(id)?.then("/results");
        let url = Call::get(path).url(&Url::parse("https://api.mypurecloud.de").unwrap());
        Ok(url.as_str().to_owned())
    }

    #[test]
    fn an_id_is_one_segment_whatever_it_contains() {
        let ids = [
            "0f8fad5b-d9cb",
            "a/b",
            "7?x=1#y",
            "a%2F..",
            "%2e%2e",
            "é\n",
            "a;b=c",
            "\\..\\x",
            ".hidden",
        ];

        let paths = ids.map(|id| match path(id) {
            Ok(url) => url,
            Err(error) => format!("{id:?}: {error}"),
        });

        insta::assert_snapshot!(paths.join("\n"), @r#"
        https://api.mypurecloud.de/api/v2/jobs/0f8fad5b-d9cb/results
        https://api.mypurecloud.de/api/v2/jobs/a%2Fb/results
        https://api.mypurecloud.de/api/v2/jobs/7%3Fx%3D1%23y/results
        "a%2F..": an id cannot be part of a path: it is empty, longer than 128 bytes, or contains `..`
        https://api.mypurecloud.de/api/v2/jobs/%252e%252e/results
        https://api.mypurecloud.de/api/v2/jobs/%C3%A9%0A/results
        https://api.mypurecloud.de/api/v2/jobs/a%3Bb%3Dc/results
        "\\..\\x": an id cannot be part of a path: it is empty, longer than 128 bytes, or contains `..`
        https://api.mypurecloud.de/api/v2/jobs/.hidden/results
        "#);
    }

    #[test]
    fn an_id_that_leads_to_another_path_is_refused() {
        let long = "a".repeat(MAX_SEGMENT_BYTES + 1);
        for id in [
            "",
            ".",
            "..",
            "../../../../users/x",
            "x/../../y",
            "a..b",
            &long,
        ] {
            assert_eq!(path(id), Err(InvalidSegment), "{id}");
        }
        assert!(path(&long[1..]).is_ok());
    }
}

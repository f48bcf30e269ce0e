//! The URL of a stream, whose path and query may hold a token.

use std::fmt;

use url::Url;

use crate::net::transport::is_loopback;

/// A `wss` URL, or a `ws` URL of this machine. Only its host is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamUrl(Url);

/// Why a URL is not that of a stream. The error does not reveal its path or query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamUrlError {
    #[error("the URL of the stream is not of the form wss://host[:port]/path")]
    Malformed,
    #[error(
        "the URL of the stream must be wss: ws is allowed only for this machine, and `{host}` is another host"
    )]
    NotEncrypted { host: String },
    #[error("the URL of the stream is on `{host}`, which does not belong to the API")]
    ForeignHost { host: String },
}

impl StreamUrl {
    pub fn parse(text: &str) -> Result<Self, StreamUrlError> {
        Self::try_from(Url::parse(text).map_err(|_| StreamUrlError::Malformed)?)
    }

    /// The same URL for the HTTP client, which knows no WebSocket schemes.
    pub(super) fn as_http(&self) -> Url {
        let mut url = self.0.clone();
        let scheme = if url.scheme() == "wss" {
            "https"
        } else {
            "http"
        };
        // Fails only for schemes without a host.
        let _ = url.set_scheme(scheme);
        url
    }

    pub(crate) fn as_url(&self) -> &Url {
        &self.0
    }

    #[expect(
        clippy::expect_used,
        reason = "the constructor refuses URLs without a host"
    )]
    pub fn host(&self) -> &str {
        self.0.host_str().expect("a URL with a host")
    }
}

impl TryFrom<Url> for StreamUrl {
    type Error = StreamUrlError;

    fn try_from(url: Url) -> Result<Self, StreamUrlError> {
        let is_plain =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        match (url.scheme(), url.host_str()) {
            ("wss", Some(_)) if is_plain => Ok(Self(url)),
            ("ws", Some(_)) if is_plain && is_loopback(&url) => Ok(Self(url)),
            ("ws", Some(host)) if is_plain => Err(StreamUrlError::NotEncrypted {
                host: host.to_owned(),
            }),
            _ => Err(StreamUrlError::Malformed),
        }
    }
}

impl fmt::Debug for StreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamUrl({})", self.host())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ws_is_allowed_only_for_this_machine() {
        for url in [
            "wss://streaming.mypurecloud.de/channels/streaming-1",
            "wss://gateway.example/stream?access_token=t0ken",
            "ws://127.0.0.1:8080/channels/1",
            "ws://[::1]/x",
            "ws://localhost/x",
        ] {
            assert!(StreamUrl::parse(url).is_ok(), "{url}");
        }
        assert_eq!(
            StreamUrl::parse("ws://gateway.example/?access_token=t0ken"),
            Err(StreamUrlError::NotEncrypted {
                host: "gateway.example".to_owned()
            })
        );
    }

    #[test]
    fn other_urls_are_refused_without_showing_them() {
        for url in [
            "",
            "https://gateway.example/t0ken",
            "wss://id:t0ken@gateway.example/",
            "wss://gateway.example/#t0ken",
            "file:///t0ken",
            "wss:",
        ] {
            let error = StreamUrl::parse(url).unwrap_err();

            assert!(!format!("{error} {error:?}").contains("t0ken"), "{url}");
        }
    }

    #[test]
    fn debug_output_of_a_url_hides_path_and_query() {
        let url = StreamUrl::parse("wss://gateway.example/a?access_token=t0ken").unwrap();

        assert_eq!(format!("{url:?}"), "StreamUrl(gateway.example)");
        assert_eq!(
            url.as_http().as_str(),
            "https://gateway.example/a?access_token=t0ken"
        );
    }
}

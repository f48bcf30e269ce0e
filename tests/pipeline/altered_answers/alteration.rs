//! Alterations of a complete response before it is sent; each draws one from a generator.

use bytes::Bytes;
use fastrand::Rng;
use genesys_simulator::{ApiResponse, ServedRequest};

use super::json::parse;
use super::mutation::mutate;
use super::page::complete_body;
use super::values::{ODD_BODIES, error_body};

/// The kinds of alteration. A schedule draws from all of them or from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A member or an element is removed, replaced, repeated or moved.
    Value,
    /// Another status, usually with another body.
    Status,
    /// The same status with another body.
    Body,
    ContentType,
    /// Other rate limit headers, or malformed ones.
    Limits,
    /// Fewer bytes than the original, or than `Content-Length` announces.
    Length,
    /// Bytes that are not text, or more than one JSON value.
    Bytes,
    /// The body of an earlier response on the same route.
    Earlier,
}

pub(super) const KINDS: [Kind; 8] = [
    Kind::Value,
    Kind::Status,
    Kind::Body,
    Kind::ContentType,
    Kind::Limits,
    Kind::Length,
    Kind::Bytes,
    Kind::Earlier,
];

/// The response that is sent, and a description of the alteration.
pub(super) struct Altered {
    pub(super) response: ApiResponse,
    pub(super) description: String,
}

impl Altered {
    /// Whether the response is evidently invalid, so that a retry is justified: a transient error status, a truncated
    /// body, a body that is not JSON, or a 2xx with an error body of such a status.
    pub(super) fn is_transient(&self) -> bool {
        let is_transient = |status| matches!(status, 408 | 409 | 421 | 423 | 425 | 429 | 500..=599);
        match self.response.status {
            status @ 200..=299 => {
                let body = complete_body(&self.response, status).and_then(parse);
                body.is_none_or(|body| {
                    let status = body.all(&self.response.body, "status");
                    let status = status.first().and_then(|it| it.count(&self.response.body));
                    status.is_some_and(|status| status == 200 || is_transient(status))
                })
            }
            status => is_transient(u64::from(status)),
        }
    }
}

/// Half of the alterations change one value, because that is where real responses differ most.
pub(super) fn any_kind(rng: &mut Rng) -> Kind {
    match rng.u8(..100) {
        0..50 => Kind::Value,
        50..68 => Kind::Status,
        68..78 => Kind::Body,
        78..81 => Kind::ContentType,
        81..83 => Kind::Limits,
        83..88 => Kind::Length,
        88..94 => Kind::Bytes,
        _ => Kind::Earlier,
    }
}

/// Alters a response. `earlier` holds the bodies of earlier responses on its route.
pub(super) fn alter(
    response: ApiResponse,
    kind: Kind,
    request: &ServedRequest<'_>,
    earlier: &[Bytes],
    rng: &mut Rng,
) -> Altered {
    match kind {
        Kind::Value => match mutate(&response.body, rng) {
            Some(mutation) => with_body(response, mutation.body, mutation.description),
            None => other_status(response, request, rng),
        },
        Kind::Status => other_status(response, request, rng),
        Kind::Body => other_body(response, rng),
        Kind::ContentType => other_content_type(response, rng),
        Kind::Limits => other_limits(response, rng),
        Kind::Length => other_length(response, rng),
        Kind::Bytes => odd_bytes(response, rng),
        Kind::Earlier if earlier.is_empty() => other_body(response, rng),
        Kind::Earlier => {
            let place = rng.usize(..earlier.len());
            let description = format!("earlier body {} of {}", place + 1, earlier.len());
            with_body(response, earlier[place].clone(), description)
        }
    }
}

fn with_body(response: ApiResponse, body: impl Into<Bytes>, description: String) -> Altered {
    let body = body.into();
    let response = ApiResponse { body, ..response };
    Altered {
        response,
        description,
    }
}

fn other_body(response: ApiResponse, rng: &mut Rng) -> Altered {
    if rng.u8(..3) == 0 {
        let status = *rng
            .choice(&[response.status, 200, 500, 404, 429])
            .unwrap_or(&500);
        let description = format!("an error body of {status}");
        return with_body(response, error_body(status), description);
    }
    let (name, body) = *rng.choice(&ODD_BODIES).unwrap_or(&ODD_BODIES[0]);
    with_body(response, body.as_bytes(), name.to_owned())
}

fn other_status(response: ApiResponse, request: &ServedRequest<'_>, rng: &mut Rng) -> Altered {
    let status = any_status(rng);
    let (mut response, body) = match rng.u8(..10) {
        0..4 => (
            with_body(response, error_body(status), String::new()).response,
            "an error body".to_owned(),
        ),
        4..7 => (response, "its own body".to_owned()),
        _ => {
            let altered = other_body(response, rng);
            (altered.response, altered.description)
        }
    };
    response.status = status;
    let mut description = format!("status {status} with {body}");
    if let Some((name, value)) = header_for(status, request, rng) {
        description.extend([", ", name, " ", &value]);
        response.headers.push((name, value));
    }
    Altered {
        response,
        description,
    }
}

fn any_status(rng: &mut Rng) -> u16 {
    const FREQUENT: [u16; 38] = [
        201, 202, 203, 204, 206, 207, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404,
        405, 406, 408, 409, 410, 413, 415, 421, 422, 423, 425, 429, 451, 500, 501, 503, 507, 520,
        529, 599,
    ];
    match rng.u8(..4) {
        0 => rng.u16(200..=599),
        _ => *rng.choice(&FREQUENT).unwrap_or(&500),
    }
}

fn header_for(
    status: u16,
    request: &ServedRequest<'_>,
    rng: &mut Rng,
) -> Option<(&'static str, String)> {
    const WAITS: [&str; 12] = [
        "0",
        "1",
        "30",
        "-1",
        "1.5",
        "",
        "soon",
        "99999999999",
        "1e3",
        " 7 ",
        "Wed, 21 Oct 2015 07:28:00 GMT",
        "Wed, 21 Oct 2099 07:28:00 GMT",
    ];
    let places = [
        "/elsewhere",
        "http://127.0.0.1:9/",
        "//",
        "",
        "mailto:nobody",
        request.path,
    ];
    match status {
        300..=399 => Some(("location", (*rng.choice(&places)?).to_owned())),
        // With any status, because a proxy may send it with any.
        425 | 429 | 503 => Some(("retry-after", (*rng.choice(&WAITS)?).to_owned())),
        401 | 407 => Some(("www-authenticate", "Basic realm=\"proxy\"".to_owned())),
        _ if rng.u8(..8) == 0 => Some(("retry-after", (*rng.choice(&WAITS)?).to_owned())),
        _ => None,
    }
}

fn other_content_type(mut response: ApiResponse, rng: &mut Rng) -> Altered {
    const TYPES: [&str; 7] = [
        "text/html",
        "text/plain; charset=iso-8859-1",
        "application/octet-stream",
        "application/json; charset=utf-16",
        "multipart/mixed",
        "json",
        "",
    ];
    response.headers.retain(|(name, _)| *name != "content-type");
    let description = match rng.choice(&TYPES) {
        Some(value) if !value.is_empty() => {
            response.headers.push(("content-type", (*value).to_owned()));
            format!("content type {value}")
        }
        _ => "no content type".to_owned(),
    };
    Altered {
        response,
        description,
    }
}

fn other_limits(mut response: ApiResponse, rng: &mut Rng) -> Altered {
    const HEADERS: [&str; 3] = [
        "inin-ratelimit-count",
        "inin-ratelimit-allowed",
        "inin-ratelimit-reset",
    ];
    const NUMBERS: [&str; 9] = [
        "0",
        "1",
        "59",
        "300",
        "86400",
        "4294967295",
        "99999999999",
        "-1",
        "many",
    ];
    let mut description = "limits".to_owned();
    for header in HEADERS {
        response.headers.retain(|(name, _)| *name != header);
        // Sometimes the header is absent.
        if let Some(number) = rng.choice(&NUMBERS).filter(|_| rng.u8(..8) > 0) {
            response.headers.push((header, (*number).to_owned()));
            description.extend([" ", number]);
        }
    }
    Altered {
        response,
        description,
    }
}

fn other_length(response: ApiResponse, rng: &mut Rng) -> Altered {
    let length = response.body.len();
    let kept = rng.usize(..length.max(1));
    match rng.u8(..3) {
        0 => {
            let body = response.body.slice(..kept.min(length));
            with_body(
                response,
                body,
                format!("the first {kept} of {length} bytes"),
            )
        }
        1 => {
            let content_length = Some(length + 1 + kept);
            let response = ApiResponse {
                content_length,
                ..response
            };
            let description = format!("{length} bytes announced as {}", length + 1 + kept);
            Altered {
                response,
                description,
            }
        }
        _ => {
            let content_length = Some(kept);
            let response = ApiResponse {
                content_length,
                ..response
            };
            Altered {
                response,
                description: format!("{length} bytes announced as {kept}"),
            }
        }
    }
}

fn odd_bytes(response: ApiResponse, rng: &mut Rng) -> Altered {
    let body = response.body.clone();
    let after = |rest: &[u8]| [&body, rest].concat();
    match rng.u8(..7) {
        0 => with_body(
            response,
            [b"\xef\xbb\xbf", &body[..]].concat(),
            "a byte order mark".to_owned(),
        ),
        1 => with_body(response, utf_16(&body), "UTF-16".to_owned()),
        2 => with_body(response, after(&body), "its body twice".to_owned()),
        3 => with_body(
            response,
            after(b"\n<!-- cached -->"),
            "a comment after it".to_owned(),
        ),
        4 => with_body(
            response,
            [b")]}',\n", &body[..]].concat(),
            "a prefix before it".to_owned(),
        ),
        5 => {
            let nested = ["[".repeat(200), "]".repeat(200)].concat();
            with_body(response, nested, "lists in lists".to_owned())
        }
        _ => {
            // Inside a string, if there is one, so that only one value is damaged.
            let quotes: Vec<_> = (0..body.len()).filter(|at| body[*at] == b'"').collect();
            let at = rng.choice(&quotes).map_or(0, |at| at + 1);
            let byte = *rng
                .choice(&[0xe9, 0xff, b'\n', b'\t', 0x00, 0x1f])
                .unwrap_or(&0);
            let body = [&body[..at], &[byte], &body[at..]].concat();
            with_body(response, body, format!("byte {byte:#04x} at {at}"))
        }
    }
}

/// Encodes the text as UTF-16 with a byte order mark.
fn utf_16(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

//! URLs that grant access: with a password before the host, or a token after it.

use std::ops::Range;

use super::fold::{Folded, IDEOGRAPH, is_word_byte};

/// The longest URL that is examined, in bytes.
const MAX_URL_BYTES: usize = 4096;

/// Names of parameters with secret values, or parts of such names.
const SECRET_NAME_PARTS: [&str; 23] = [
    "token",
    "secret",
    "password",
    "passwd",
    "pwd",
    "passcode",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "auth",
    "session",
    "sessid",
    "sid",
    "signature",
    "sig",
    "jwt",
    "otp",
    "credential",
    "ticket",
    "magic",
    "invite",
];
/// Matched only as whole names, because they are too short to search for within others.
const SECRET_NAMES: [&str; 6] = ["key", "code", "pass", "pw", "sas", "hash"];

/// The URL around the `://` at `at`.
pub(super) fn find_at(text: &Folded<'_>, at: usize) -> Option<Range<usize>> {
    let start = scheme_start(text, at)?;
    let end = url_end(text, at + 3);
    let url = &text.bytes()[at + 3..end];
    contains_secret(url).then_some(start..end)
}

fn scheme_start(text: &Folded<'_>, at: usize) -> Option<usize> {
    let mut start = at;
    while start > 0
        && (text.byte_before(start).is_ascii_alphanumeric()
            || b"+-.".contains(&text.byte_before(start)))
    {
        start -= 1;
    }
    (start < at).then_some(start)
}

fn url_end(text: &Folded<'_>, from: usize) -> usize {
    let is_part = |byte: u8| {
        byte.is_ascii_graphic() && !b"<>\"`{}|\\^[]".contains(&byte) || is_word_byte(byte)
    };
    let mut end = from;
    while end - from < MAX_URL_BYTES
        && (is_part(text.byte(end)) || is_host_bracket(text, from, end))
    {
        end += 1;
    }
    // Punctuation at the end of a sentence is not part of the URL.
    while end > from && b".,;:!?')*".contains(&text.byte_before(end)) {
        end -= 1;
    }
    end
}

/// Brackets are part of a URL only around an IPv6 address.
fn is_host_bracket(text: &Folded<'_>, from: usize, at: usize) -> bool {
    let bytes = &text.bytes()[from..at];
    match text.byte(at) {
        b'[' => bytes.is_empty() || bytes.ends_with(b"@"),
        b']' => bytes.contains(&b'['),
        _ => false,
    }
}

fn contains_secret(url: &[u8]) -> bool {
    debug_assert!(!url.contains(&IDEOGRAPH));
    let url = String::from_utf8_lossy(url).to_ascii_lowercase();
    let (host, rest) = url.split_at(url.find(['/', '?', '#']).unwrap_or(url.len()));
    let has_password = host
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.contains(':'));
    has_password || has_secret_parameter(rest) || has_web_token(rest)
}

fn has_secret_parameter(rest: &str) -> bool {
    let Some(from) = rest.find(['?', '#', ';']) else {
        return false;
    };
    let pairs = rest[from + 1..].split(['&', ';', '?', '#']);
    pairs
        .filter_map(|pair| pair.split_once('='))
        .any(|(name, value)| {
            let is_secret_name = SECRET_NAMES.contains(&name)
                || SECRET_NAME_PARTS.iter().any(|secret| name.contains(secret));
            is_secret_name && !value.is_empty()
        })
}

/// Whether the text contains a JSON Web Token, whose base64 header, a JSON object, begins with `eyJ`.
fn has_web_token(rest: &str) -> bool {
    rest.contains("eyj") && rest.split("eyj").skip(1).any(|token| token.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let folded = Folded::new(text);
        let sign = folded
            .bytes()
            .windows(3)
            .position(|bytes| bytes == b"://")?;
        find_at(&folded, sign).map(|range| &text[folded.original_range(&range)])
    }

    #[test]
    fn urls_with_credentials_or_tokens_are_found_whole() {
        for url in [
            "https://bob:pa55@example.com/x",
            "postgres://app:s3cret@db.internal:5432/main",
            "https://example.com/reset-password?token=abc123",
            "https://example.com/?a=1&access_token=x.y-z#top",
            "https://example.com/cb#id_token=eyJhbGciOi",
            "https://example.com/s/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "https://bucket.s3.amazonaws.com/k?X-Amz-Signature=abcdef",
            "http://u:p@[2001:db8::1]/",
        ] {
            for text in ["see {}.", "({})", "点击{}登录", "\"{}\"", "<{}>"] {
                assert_eq!(found(&text.replace("{}", url)), Some(url));
            }
        }
    }

    #[test]
    fn urls_without_credentials_are_kept() {
        for text in [
            "https://example.com/token",
            "https://example.com/?page=2&sort=asc",
            "https://example.com:8080/a?b=",
            "https://example.com/?token=",
            "https://me@example.com",
            "://x?token=1",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}

//! URLs that grant access: with a password before the host, or a token after it.

use std::ops::Range;

use super::fold::{REMOVED, is_word_byte};
use super::view::View;

const MAX_SCHEME_BYTES: usize = 32;

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

/// The part of the text that was examined as a URL without a secret. A URL in it can only add a password.
#[derive(Debug, Default)]
pub(super) struct Examined {
    to: usize,
}

/// The URL around the `://` at `at`.
pub(super) fn find_at(text: &View<'_>, at: usize, examined: &mut Examined) -> Option<Range<usize>> {
    let start = scheme_start(text, at)?;
    if at < examined.to && !has_password(text, at, host_end(text, at)) {
        return None;
    }
    let end = url_end(text, at);
    if contains_secret(text, at, end) {
        return Some(start..end);
    }
    examined.to = end;
    None
}

fn scheme_start(text: &View<'_>, at: usize) -> Option<usize> {
    let mut start = at;
    while start > 0
        && at - start < MAX_SCHEME_BYTES
        && (text.byte_before(start).is_ascii_alphanumeric()
            || b"+-.".contains(&text.byte_before(start)))
    {
        start -= 1;
    }
    (start < at).then_some(start)
}

/// The end of the URL after the `://` at `sign`.
fn url_end(text: &View<'_>, sign: usize) -> usize {
    let from = sign + 3;
    let is_part = |byte: u8| {
        byte.is_ascii_graphic() && !b"<>\"`{}|\\^[]".contains(&byte) || is_word_byte(byte)
    };
    let (mut end, mut is_bracket_open) = (from, false);
    loop {
        match text.byte(end) {
            // Brackets are part of a URL only around an IPv6 address.
            b'[' if end == from || text.byte_before(end) == b'@' => is_bracket_open = true,
            b']' if is_bracket_open => {}
            byte if is_part(byte) || is_data(text, sign, end) => {}
            _ => break,
        }
        end += 1;
    }
    // Punctuation at the end of a sentence is not part of the URL.
    while end > from
        && b".,;:!?')*".contains(&text.byte_before(end))
        && !is_data(text, sign, end - 1)
    {
        end -= 1;
    }
    end
}

/// Whether the URL contains the byte as a percent escape. If the URL as a whole is escaped in another one, its own
/// escapes are escaped once more.
fn is_data(text: &View<'_>, sign: usize, at: usize) -> bool {
    text.byte(at) != REMOVED && text.percent_depth(at) > text.percent_depth(sign + 1)
}

/// Whether the URL between the `://` at `sign` and `end` grants access.
fn contains_secret(text: &View<'_>, sign: usize, end: usize) -> bool {
    let host_end = host_end(text, sign).min(end);
    let rest = String::from_utf8_lossy(text.slice(host_end..end)).to_ascii_lowercase();
    has_password(text, sign, host_end) || has_secret_parameter(&rest) || has_web_token(&rest)
}

/// Whether a user name and a password stand before the host. Escaped signs are part of them.
fn has_password(text: &View<'_>, sign: usize, host_end: usize) -> bool {
    let host = sign + 3..host_end;
    let is_sign = |at: &usize, sign_byte| text.byte(*at) == sign_byte && !is_data(text, sign, *at);
    let at_sign = host.clone().rev().find(|at| is_sign(at, b'@'));
    at_sign.is_some_and(|end| (host.start..end).any(|at| is_sign(&at, b':')))
}

fn host_end(text: &View<'_>, sign: usize) -> usize {
    let mut end = sign + 3;
    while !matches!(text.byte(end), 0 | REMOVED)
        && (!b"/?#<>\" \t\r\n".contains(&text.byte(end)) || is_data(text, sign, end))
    {
        end += 1;
    }
    end
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
        let view = View::new(text);
        let sign = view.bytes().windows(3).position(|bytes| bytes == b"://")?;
        find_at(&view, sign, &mut Examined::default())
            .map(|range| &text[view.original_range(&range)])
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
    fn a_password_in_a_url_within_a_url_is_found() {
        let text = "https://x.example/https://bob:pa55@y.example/z";
        let view = View::new(text);
        let mut examined = Examined::default();

        assert_eq!(find_at(&view, 5, &mut examined), None);
        let found = find_at(&view, text.rfind("://").unwrap(), &mut examined);
        assert_eq!(&text[found.unwrap()], "https://bob:pa55@y.example/z");
    }

    #[test]
    fn a_secret_at_the_end_of_a_long_url_is_found() {
        let url = format!("https://x.example/{}?token=1", "a".repeat(10_000));

        assert_eq!(found(&url), Some(&*url));
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
            "https://example.com is fine, a:b@c.de",
            "https://example.com\na:b@c.de",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}

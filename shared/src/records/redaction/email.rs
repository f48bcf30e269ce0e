//! E-mail addresses: a local part as used in practice, an `@` and a domain.

use std::ops::Range;

use super::fold::{ID, IDEOGRAPH, LETTER};
use super::view::View;

mod broken;

/// RFC 5321: at most 64 octets before the `@` and 255 after it.
const MAX_LOCAL_BYTES: usize = 64;
const MAX_DOMAIN_BYTES: usize = 255;

/// File extensions, which distinguish a file name from a domain: `logo@2x.png`.
const FILE_EXTENSIONS: [&str; 14] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "bmp", "ico", "pdf", "html", "css", "js", "json",
    "mp4",
];

/// The address around the `@` at `at`.
pub(super) fn find_at(text: &View<'_>, at: usize) -> Option<Range<usize>> {
    find_in_one_word(text, at)
        .or_else(|| broken::find_with_broken_domain(text, at))
        .or_else(|| broken::find_with_blanks(text, at))
}

fn find_in_one_word(text: &View<'_>, at: usize) -> Option<Range<usize>> {
    let end = domain_end(text, at + 1)?;
    let start = local_part_start(text, at);
    (start < at).then_some(start..end)
}

fn local_part_start(text: &View<'_>, at: usize) -> usize {
    let is_part = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, LETTER | ID)
            || b".!#$%&'*+/=?^_`{|}~-".contains(&byte)
    };
    // In a script without spaces, such a letter belongs to the address only if one stands right before the `@`.
    let is_ideographic = text.byte_before(at) == IDEOGRAPH;
    let mut start = at;
    while at - start < MAX_LOCAL_BYTES
        && (is_part(text.byte_before(start))
            || is_ideographic && text.byte_before(start) == IDEOGRAPH)
    {
        start -= 1;
    }
    // Characters that an address may contain, but rarely begins with.
    while start < at && b".!#$%&'*+/=?^`{|}~-".contains(&text.byte(start)) {
        start += 1;
    }
    after_parameter_name(text, start..at)
}

/// In an address with escapes, these signs delimit the parameters of a URL: `https://example.com/?mail=mary%40example.com`.
fn after_parameter_name(text: &View<'_>, local_part: Range<usize>) -> usize {
    let start = local_part.start;
    if !text.is_escaped(local_part.start..local_part.end + 1) {
        return start;
    }
    let part = text.slice(local_part);
    let delimiter = part.iter().rposition(|byte| b"?&=/#".contains(byte));
    delimiter.map_or(start, |at| start + at + 1)
}

fn domain_end(text: &View<'_>, start: usize) -> Option<usize> {
    let is_ideographic = text.byte(start) == IDEOGRAPH;
    let is_letter = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, LETTER | ID)
            || is_ideographic && byte == IDEOGRAPH
    };
    let (mut at, mut label, mut end) = (start, start, None);
    while at - start <= MAX_DOMAIN_BYTES {
        match text.byte(at) {
            byte if is_letter(byte) => at += 1,
            byte @ (b'-' | b'_' | b'.') => {
                // The signs after an address are not part of it, unless the domain goes on.
                if label > start && is_top_level(text.slice(label..at)) {
                    end = Some(at);
                }
                at += 1;
                if byte == b'.' {
                    if at == label + 1 || !is_letter(text.byte(at)) {
                        return end;
                    }
                    label = at;
                }
            }
            _ => break,
        }
    }
    if label > start && is_top_level(text.slice(label..at)) {
        end = Some(at);
    }
    end
}

/// At least two letters, or a name in Punycode.
fn is_top_level(label: &[u8]) -> bool {
    let is_letters = label
        .iter()
        .all(|byte| byte.is_ascii_alphabetic() || matches!(*byte, LETTER | IDEOGRAPH));
    let is_file = FILE_EXTENSIONS
        .iter()
        .any(|file| label.eq_ignore_ascii_case(file.as_bytes()));
    let is_punycode = label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--");
    label.len() >= 2 && (is_letters || is_punycode) && !is_file
}

#[cfg(test)]
mod tests {
    use super::super::probe::found_at;
    use super::*;

    fn found(text: &str) -> Option<&str> {
        found_at(text, |byte| *byte == b'@', find_at)
    }

    #[test]
    fn addresses_are_found_in_any_surrounding_text() {
        for address in [
            "a@b.de",
            "Mary.Roe+shop@mail.example.co.uk",
            "o'neil_x-1@exa-mple.travel",
            "josé@exämple.fr",
            "user@xn--bcher-kva.xn--p1ai",
            "a%b@c.museum",
            "ｍａｒｙ＠ｅｘａｍｐｌｅ．ｃｏｍ",
            "mary\u{200b}.roe@example.com",
        ] {
            for text in [
                "<{}>, please",
                "({})",
                "邮箱是{}请",
                "mail:{}.",
                "이메일은 {}입니다",
                "'{}'",
            ] {
                assert_eq!(found(&text.replace("{}", address)), Some(address));
            }
        }
    }

    #[test]
    fn addresses_in_other_scripts_are_found() {
        assert_eq!(found("почта иван@пример.рф!"), Some("иван@пример.рф"));
        assert_eq!(found("发到 张三@例子.公司 谢谢"), Some("张三@例子.公司"));
    }

    #[test]
    fn addresses_in_escaped_text_are_found_without_the_parameter_name() {
        for (text, address) in [
            (
                "https://x.example/?email=mary.roe%40example.com&a=1",
                "mary.roe%40example.com",
            ),
            (
                "?a=1&e=mary%2Eroe%40example%2Ecom",
                "mary%2Eroe%40example%2Ecom",
            ),
            ("mary.roe&#64;example.com", "mary.roe&#64;example.com"),
            (
                "mary.roe&commat;example&period;com",
                "mary.roe&commat;example&period;com",
            ),
            (
                r#"{\"to\":\"mary.roe\u0040example.com\"}"#,
                r"mary.roe\u0040example.com",
            ),
            ("mary.roe=40example.com", "mary.roe=40example.com"),
            ("mary.roe@exam=\r\nple.com", "mary.roe@exam=\r\nple.com"),
            (
                "%6Dary%252eroe%2540example.com",
                "%6Dary%252eroe%2540example.com",
            ),
        ] {
            assert_eq!(found(text), Some(address), "{text}");
        }
    }

    #[test]
    fn handles_prices_and_file_names_are_not_addresses() {
        for text in [
            "@mary",
            "2@5.50",
            "logo@2x.png",
            "me@home",
            "a@b.c",
            "a@.com",
            "@b.com",
            "mary @b.com",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}

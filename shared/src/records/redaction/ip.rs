//! IP addresses as people write them: four numbers with dots, or hexadecimal groups with colons.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::digits::may_begin;
use super::fold::is_word_byte;
use super::labels::{self, Topic};
use super::view::View;

/// The maximum length of a written IPv6 address.
const MAX_LENGTH: usize = 45;

pub(super) fn find_at(text: &View<'_>, digit: usize) -> Option<Range<usize>> {
    find_ipv6(text, digit).or_else(|| find_ipv4(text, digit))
}

fn find_ipv4(text: &View<'_>, start: usize) -> Option<Range<usize>> {
    if !may_begin(text, start) && text.byte_before(start) != b'/' {
        return None;
    }
    let end = end_of(text, start, |byte| byte.is_ascii_digit() || byte == b'.');
    let candidate = ascii(text, &(start..end))?.trim_end_matches('.');
    let range = start..start + candidate.len();
    let is_address = candidate.parse::<Ipv4Addr>().is_ok() && !is_word_byte(text.edge(range.end));
    // `10.2.3.4` may be a software version.
    (is_address && labels::topic(text, &range) != Some(Topic::Version)).then_some(range)
}

fn find_ipv6(text: &View<'_>, digit: usize) -> Option<Range<usize>> {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let mut start = digit;
    while start > 0 && digit - start < MAX_LENGTH && is_part(text.byte_before(start)) {
        start -= 1;
    }
    let end = end_of(text, start, is_part);
    let candidate = ascii(text, &(start..end))?;
    // Other texts with digits have fewer colons.
    if candidate.bytes().filter(|byte| *byte == b':').count() < 2 {
        return None;
    }
    // The address may follow the end of a word with a colon, and be followed by a colon or a full stop.
    let after_colon = candidate.find(':').map_or(0, |colon| colon + 1);
    let endings = [
        candidate.len(),
        candidate.trim_end_matches([':', '.']).len(),
    ];
    [0, after_colon]
        .into_iter()
        .filter(|from| !is_word_byte(text.edge_before(start + from)))
        .flat_map(|from| endings.map(|to| from..to.max(from)))
        .find(|part| candidate[part.clone()].parse::<Ipv6Addr>().is_ok())
        .map(|part| start + part.start..start + part.end)
        .filter(|range| !is_word_byte(text.edge(range.end)))
}

fn end_of(text: &View<'_>, start: usize, is_part: impl Fn(u8) -> bool) -> usize {
    let mut end = start;
    while end - start <= MAX_LENGTH && is_part(text.byte(end)) {
        end += 1;
    }
    end
}

fn ascii<'a>(text: &'a View<'_>, range: &Range<usize>) -> Option<&'a str> {
    str::from_utf8(text.slice(range.clone())).ok()
}

#[cfg(test)]
mod tests {
    use super::super::probe::found_at_digit;
    use super::*;

    fn found(text: &str) -> Option<&str> {
        found_at_digit(text, find_at)
    }

    #[test]
    fn addresses_are_found_without_port_prefix_or_full_stop() {
        for (text, address) in [
            ("from 192.168.10.7.", "192.168.10.7"),
            ("at 10.0.0.1:8080", "10.0.0.1"),
            ("net 10.0.0.0/8", "10.0.0.0"),
            ("地址是8.8.8.8吗", "8.8.8.8"),
            ("ping 2001:db8::8a2e:370:7334!", "2001:db8::8a2e:370:7334"),
            ("fe80::1 is mine", "fe80::1"),
            ("adresse:2001:db8::1", "2001:db8::1"),
            (
                "ip:2001:0db8:0000:0000:0000:ff00:0042:8329",
                "2001:0db8:0000:0000:0000:ff00:0042:8329",
            ),
            ("::ffff:192.0.2.128", "::ffff:192.0.2.128"),
        ] {
            assert_eq!(found(text), Some(address), "{text}");
        }
    }

    #[test]
    fn versions_times_and_hardware_addresses_are_not_ip_addresses() {
        for text in [
            "firmware 10.2.3.4",
            "v10.2.3.4",
            "10.2.3.400",
            "10.2.3.4.5",
            "1.2.3",
            "12:34:56",
            "00:1B:44:11:3A:B7",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}

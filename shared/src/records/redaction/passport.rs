//! Passports: the second line of the machine-readable zone (ICAO 9303, TD3), by its four check digits.

use std::ops::Range;

use super::fold::is_word_byte;
use super::view::View;

const LENGTH: usize = 44;
/// Start and end of each checked field; its check digit follows it.
const FIELDS: [(usize, usize); 3] = [(0, 9), (13, 19), (21, 27)];

/// The line whose first digit is this one.
pub(super) fn find_at(text: &View<'_>, digit: usize) -> Option<Range<usize>> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'<';
    let mut start = digit;
    while digit - start < 9 && is_part(text.edge_before(start)) {
        start -= 1;
    }
    if start + LENGTH > text.len() || !is_part(text.byte(start + LENGTH - 1)) {
        return None;
    }
    let line = text.slice(start..start + LENGTH);
    let is_whole = line.iter().all(|byte| is_part(*byte))
        && !is_word_byte(text.edge(start + LENGTH))
        && !is_word_byte(text.edge_before(start));
    (is_whole && has_valid_check_digits(line)).then_some(start..start + LENGTH)
}

fn has_valid_check_digits(line: &[u8]) -> bool {
    let are_fields_valid = FIELDS
        .iter()
        .all(|(from, to)| check_digit(line[*from..*to].iter()) == Some(line[*to]));
    let all = line[0..10].iter().chain(&line[13..20]).chain(&line[21..43]);
    are_fields_valid && check_digit(all) == Some(line[43])
}

/// The check digit. Weights 7, 3, 1; letters count from ten, `<` counts zero.
fn check_digit<'b>(field: impl Iterator<Item = &'b u8>) -> Option<u8> {
    let mut sum = 0;
    for (byte, weight) in field.zip([7, 3, 1].into_iter().cycle()) {
        let value = match byte.to_ascii_uppercase() {
            digit @ b'0'..=b'9' => digit - b'0',
            letter @ b'A'..=b'Z' => letter - b'A' + 10,
            b'<' => 0,
            _ => return None,
        };
        sum += u32::from(value) * weight;
    }
    Some(b"0123456789"[(sum % 10) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passport_line_is_found_by_its_check_digits() {
        // The specimen of ICAO 9303.
        let line = "L898902C36UTO7408122F1204159ZE184226B<<<<<10";
        for (text, range) in [
            (format!("mrz {line}."), Some(4..48)),
            (line.replace("740812", "740813"), None),
        ] {
            let view = View::new(&text);
            let digit = view.bytes().iter().position(u8::is_ascii_digit).unwrap();

            assert_eq!(find_at(&view, digit), range);
        }
    }
}

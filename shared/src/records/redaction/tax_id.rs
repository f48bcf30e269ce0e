//! Personal tax and identity numbers with a check digit, by country.
//!
//! A number that is distinctive (by its length, a date in it, a letter, its punctuation) is recognised anywhere. A
//! number whose check every tenth number passes needs a label.

use std::ops::Range;

use super::card::passes_luhn;
use super::digits::{
    Digits, Run, follows_letters, is_one_separator, may_begin_checked, may_end, may_end_checked,
};
use super::find::Scope;
use super::fold::is_word_byte;
use super::labels::{self, Topic};
use super::view::View;

/// The id that begins at this digit, or with the letters before it.
pub(super) fn find_at(text: &View<'_>, digit: usize, scope: Scope) -> Option<Range<usize>> {
    find_with_letters(text, digit).or_else(|| find_numeric(text, digit, scope))
}

/// The groups of a French id, as it is printed, before its key, and without separators.
const NIR_GROUPS: [&[usize]; 3] = [&[1, 2, 2, 2, 3, 3, 2], &[13, 2], &[15]];

/// Whether a number is recognised without a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Confidence {
    Sufficient,
    NeedsLabel,
}

fn find_numeric(text: &View<'_>, start: usize, scope: Scope) -> Option<Range<usize>> {
    let run = Run::at(text, start, |between| {
        is_one_separator(between) || between == b"/"
    });
    find_in(text, &run, scope)
        .or_else(|| find_in(text, &Run::across_separators(text, start, |_| true), scope))
}

fn find_in(text: &View<'_>, run: &Run, scope: Scope) -> Option<Range<usize>> {
    // Shorter and longer numbers exist in no country; most numbers are excluded here.
    if !(9..=15).contains(&run.digits()) {
        return None;
    }
    let range = run.groups().first()?.start..run.end();
    let digits = Digits::within(text, &range);
    let is_accepted = match confidence(digits.values(), &run.lengths().collect::<Vec<_>>())? {
        Confidence::Sufficient => may_end_checked(text, range.end),
        Confidence::NeedsLabel => {
            scope == Scope::All
                && may_end(text, range.end)
                && labels::topic(text, &range) == Some(Topic::TaxId)
        }
    };
    (is_accepted && may_begin_checked(text, range.start)).then_some(range)
}

fn confidence(digits: &[u8], groups: &[usize]) -> Option<Confidence> {
    let with_label_if = |is_accepted: bool| is_accepted.then_some(Confidence::NeedsLabel);
    match digits.len() {
        9 => with_label_if(is_bsn(digits) || passes_luhn(digits)),
        10 => with_label_if(passes_luhn(digits)),
        11 if is_cpf(digits) && groups == [3, 3, 3, 2] => Some(Confidence::Sufficient),
        11 => with_label_if(
            is_cpf(digits) || is_pesel(digits) || is_tckn(digits) || is_steuer_id(digits),
        ),
        12 => with_label_if(has_verhoeff(digits) || passes_luhn(&digits[2..])),
        13 => with_label_if(is_rrn(digits)),
        15 if is_nir(digits) && NIR_GROUPS.contains(&groups) => Some(Confidence::Sufficient),
        _ => None,
    }
}

/// The weighted sum of the digits.
fn weighted_sum(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum()
}

/// Netherlands, burgerservicenummer: the eleven test (mod 11).
fn is_bsn(digits: &[u8]) -> bool {
    let sum = weighted_sum(digits, &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum > 0 && sum % 11 == u32::from(digits[8])
}

/// Brazil, cadastro de pessoas físicas: two check digits.
fn is_cpf(digits: &[u8]) -> bool {
    let check = |count: u32| {
        let sum: u32 = (0..count)
            .zip(digits)
            .map(|(position, digit)| (count + 1 - position) * u32::from(*digit))
            .sum();
        sum * 10 % 11 % 10
    };
    let all_equal = digits.iter().all(|digit| *digit == digits[0]);
    !all_equal && check(9) == u32::from(digits[9]) && check(10) == u32::from(digits[10])
}

/// Poland, PESEL.
fn is_pesel(digits: &[u8]) -> bool {
    weighted_sum(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Türkiye, kimlik numarası.
fn is_tckn(digits: &[u8]) -> bool {
    let sum = |positions: &[usize]| -> u32 {
        positions
            .iter()
            .map(|position| u32::from(digits[*position]))
            .sum()
    };
    let tenth = (sum(&[0, 2, 4, 6, 8]) * 7 + 90 - sum(&[1, 3, 5, 7])) % 10;
    digits[0] != 0
        && tenth == u32::from(digits[9])
        && sum(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) % 10 == u32::from(digits[10])
}

/// Germany, Steueridentifikationsnummer: ISO 7064, MOD 11,10.
fn is_steuer_id(digits: &[u8]) -> bool {
    let product = digits[..10].iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    digits[0] != 0 && (11 - product) % 10 == u32::from(digits[10])
}

/// Republic of Korea, resident registration number (has a check digit until 2020).
fn is_rrn(digits: &[u8]) -> bool {
    let sum = weighted_sum(digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    (11 - sum % 11) % 10 == u32::from(digits[12]) && is_month_and_day(&digits[2..6])
}

/// France, numéro d'inscription au répertoire: sex, year and month of birth, and the key, mod 97.
fn is_nir(digits: &[u8]) -> bool {
    let number = |digits: &[u8]| {
        digits
            .iter()
            .fold(0_u64, |number, digit| number * 10 + u64::from(*digit))
    };
    let month = number(&digits[3..5]);
    let key = 97 - number(&digits[..13]) % 97;
    matches!(digits[0], 1 | 2) && (1..=12).contains(&month) && key == number(&digits[13..])
}

/// India, Aadhaar: Verhoeff checksum.
fn has_verhoeff(digits: &[u8]) -> bool {
    const SHIFTS: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // Multiplication in the dihedral group of the pentagon.
    let times = |one: u8, other: u8| match (one < 5, other < 5) {
        (true, true) => (one + other) % 5,
        (true, false) => (one + other) % 5 + 5,
        (false, true) => (one - 5 + 5 - other) % 5 + 5,
        (false, false) => (one + 5 - other) % 5,
    };
    let shifted = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(position, digit)| SHIFTS[position % 8][usize::from(*digit)]);
    digits[0] > 1 && shifted.fold(0, times) == 0
}

fn is_month_and_day(digits: &[u8]) -> bool {
    let month = digits[0] * 10 + digits[1];
    let day = digits[2] * 10 + digits[3];
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// Ids with letters, written as one word. A label may touch it: `DNI12345678Z`.
fn find_with_letters(text: &View<'_>, digit: usize) -> Option<Range<usize>> {
    const LONGEST: usize = 18;
    const MOST_LETTERS: usize = 6;
    let letters = (0..MOST_LETTERS)
        .take_while(|back| {
            let before = digit.checked_sub(back + 1);
            before.is_some_and(|at| text.byte(at).is_ascii_alphabetic())
        })
        .count();
    let mut end = digit;
    while end - digit <= LONGEST && text.byte(end).is_ascii_alphanumeric() {
        end += 1;
    }
    if is_word_byte(text.edge(end)) {
        return None;
    }
    (0..=letters).rev().find_map(|letters| {
        let range = digit - letters..end;
        if !matches!(range.len(), 9 | 16 | 18) {
            return None;
        }
        let word = text.slice(range.clone()).to_ascii_uppercase();
        let is_id = is_resident_id(&word) || is_dni(&word) || is_codice_fiscale(&word);
        (is_id && begins_id(text, &range)).then_some(range)
    })
}

fn begins_id(text: &View<'_>, range: &Range<usize>) -> bool {
    !is_word_byte(text.edge_before(range.start))
        || follows_letters(text, range.start) && labels::topic(text, range) == Some(Topic::TaxId)
}

/// China, resident identity number: contains a date of birth and a check character, ISO 7064, MOD 11-2.
fn is_resident_id(word: &[u8]) -> bool {
    let [head @ .., check] = word else {
        return false;
    };
    if head.len() != 17 || !head.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let digits: Vec<u8> = head.iter().map(|byte| byte - b'0').collect();
    let rest = digits
        .iter()
        .fold(0, |rest, digit| (rest + u32::from(*digit)) * 2 % 11);
    let expected = b"10X98765432"[(rest % 11) as usize];
    is_month_and_day(&digits[10..14])
        && matches!(digits[6..8], [1, 8 | 9] | [2, 0])
        && *check == expected
}

/// Spain, DNI and NIE: a check letter, mod 23.
fn is_dni(word: &[u8]) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let [first, middle @ .., letter] = word else {
        return false;
    };
    let first = match first {
        b'X' => b'0',
        b'Y' => b'1',
        b'Z' => b'2',
        digit => *digit,
    };
    if middle.len() != 7 || !first.is_ascii_digit() || !middle.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let digits = [first].into_iter().chain(middle.iter().copied());
    let number = digits.fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0'));
    *letter == LETTERS[(number % 23) as usize]
}

/// Italy, codice fiscale: letters and digits in fixed positions, and a check letter.
fn is_codice_fiscale(word: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    const FORM: &[u8; 16] = b"AAAAAA99A99A999A";
    let has_form = word.len() == FORM.len()
        && word.iter().zip(FORM).all(|(byte, form)| match form {
            b'9' => byte.is_ascii_digit(),
            _ => byte.is_ascii_uppercase(),
        });
    let value = |byte: &u8| {
        if byte.is_ascii_digit() {
            byte - b'0'
        } else {
            byte - b'A'
        }
    };
    let weigh = |(position, byte): (usize, &u8)| match position % 2 {
        0 => ODD[usize::from(value(byte))],
        _ => u32::from(value(byte)),
    };
    has_form && {
        let sum: u32 = word[..15].iter().enumerate().map(weigh).sum();
        u32::from(word[15] - b'A') == sum % 26
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::found_at_digit;
    use super::*;

    fn found(text: &str) -> Option<&str> {
        found_at_digit(text, |text, digit| find_at(text, digit, Scope::All))
    }

    #[test]
    fn ids_with_strong_check_digits_are_found_without_a_label() {
        for id in [
            "529.982.247-25",
            "255081416802538",
            "2 55 08 14 168 025 38",
            "11010519491231002X",
            "12345678Z",
            "X1234567L",
            "RSSMRA85T10A562S",
            "rssmra85t10a562s",
        ] {
            assert_eq!(found(&format!("here: {id}, thanks")), Some(id));
            assert_eq!(found(&format!("是{id}。")), Some(id));
        }
    }

    #[test]
    fn ids_with_weak_check_digits_are_found_only_with_a_label() {
        for (word, id) in [
            ("BSN", "111222333"),
            ("PESEL", "44051401359"),
            ("TC kimlik no", "10000000146"),
            ("Steuer-ID", "86095742719"),
            ("CPF", "52998224725"),
            ("Aadhaar", "2341 2341 2346"),
            ("social insurance no", "046 454 286"),
            ("주민등록번호", "900101-1234568"),
        ] {
            assert_eq!(found(&format!("{word}: {id}")), Some(id), "{word}");
            assert_eq!(found(&format!("order {id}")), None, "{word}");
        }
    }

    #[test]
    fn any_separators_and_touching_letters_are_allowed() {
        for (text, id) in [
            ("529  982  247  25", "529  982  247  25"),
            ("529\t982\t247\t25", "529\t982\t247\t25"),
            ("2|55|08|14|168|025|38", "2|55|08|14|168|025|38"),
            ("nir255081416802538", "255081416802538"),
            ("CPF 529_982_247_25", "529_982_247_25"),
            ("DNI12345678Z", "12345678Z"),
            ("Aadhaar 2341  2341  2346", "2341  2341  2346"),
        ] {
            assert_eq!(found(text), Some(id), "{text}");
        }
        assert_eq!(found("SN12345678Z"), None);
    }

    #[test]
    fn only_ids_that_need_no_label_are_proved() {
        let proved = |text| found_at_digit(text, |text, digit| find_at(text, digit, Scope::Proved));

        assert_eq!(proved("529.982.247-25"), Some("529.982.247-25"));
        assert_eq!(proved("BSN 111222333"), None);
    }

    #[test]
    fn ids_with_wrong_check_digits_are_not_found() {
        for text in [
            "529.982.247-26",
            "255081416802539",
            "110105194912310021",
            "12345678A",
            "RSSMRA85T10A562T",
            "CPF 52998224726",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}

//! The HTML entities of characters that occur in and around values (WHATWG, named character references).

const NAMED: [(&[u8], char); 41] = [
    (b"amp", '&'),
    (b"AMP", '&'),
    (b"apos", '\''),
    (b"ast", '*'),
    (b"bsol", '\\'),
    (b"colon", ':'),
    (b"comma", ','),
    (b"commat", '@'),
    (b"dash", '-'),
    (b"emsp", ' '),
    (b"ensp", ' '),
    (b"equals", '='),
    (b"gt", '>'),
    (b"GT", '>'),
    (b"hyphen", '-'),
    (b"lowbar", '_'),
    (b"lpar", '('),
    (b"lsqb", '['),
    (b"lt", '<'),
    (b"LT", '<'),
    (b"mdash", '-'),
    (b"middot", '.'),
    (b"minus", '-'),
    (b"nbsp", '\u{a0}'),
    (b"ndash", '-'),
    (b"NewLine", '\n'),
    (b"num", '#'),
    (b"percnt", '%'),
    (b"period", '.'),
    (b"plus", '+'),
    (b"quot", '"'),
    (b"rpar", ')'),
    (b"rsqb", ']'),
    (b"semi", ';'),
    (b"shy", '\u{ad}'),
    (b"sol", '/'),
    (b"Tab", '\t'),
    (b"thinsp", ' '),
    (b"UnderBar", '_'),
    (b"verbar", '|'),
    (b"ZeroWidthSpace", '\u{200b}'),
];

/// The character of an entity, without its `&` and `;`.
pub(super) fn character(name: &[u8]) -> Option<char> {
    match name {
        [b'#', b'x' | b'X', number @ ..] => of_number(number, 16),
        [b'#', number @ ..] => of_number(number, 10),
        _ => {
            let named = NAMED.iter().find(|(known, _)| *known == name);
            named.map(|(_, character)| *character)
        }
    }
}

pub(super) fn of_number(digits: &[u8], radix: u32) -> Option<char> {
    let digits = str::from_utf8(digits).ok()?;
    let code = u32::from_str_radix(digits, radix).ok()?;
    let character = char::from_u32(code).filter(|_| !digits.starts_with('+'))?;
    // HTML does not allow references to other controls.
    (!character.is_control() || character.is_whitespace()).then_some(character)
}

//! Quoted-printable text: `=40`, and `=` at the end of a line.
//!
//! In other texts `=` stands between a name and a value. The characters around it decide.

use super::Unescaper;

/// The longest part of a word that decides whether `=40` is an escape.
const MAX_WORD_BYTES: usize = 320;
/// Number of hexadecimal digits after two others that make them an id.
const SHORTEST_ID: usize = 4;
impl Unescaper<'_> {
    /// `=` at the end of a line of quoted-printable text. Removed only within a word or a number, because a line of other
    /// text may end like that too.
    pub(super) fn soft_line_break(&self) -> Option<(usize, Vec<u8>)> {
        let before = self.bytes.strip_suffix(b"\n")?;
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        let before = before.strip_suffix(b"=")?;
        let (last, next) = (*before.last()?, *self.raw.get(self.next)?);
        let joins = |class: fn(&u8) -> bool| class(&last) && class(&next);
        let is_within_word = joins(u8::is_ascii_digit)
            || joins(u8::is_ascii_alphabetic)
            || is_joint(last) != is_joint(next)
            || self.word(before).contains(&b'@');
        is_within_word.then(|| (self.bytes.len() - before.len(), Vec::new()))
    }

    /// Whether `=` and two hexadecimal digits are an escape. In other texts, `=` stands between a name and a value.
    pub(super) fn is_quoted_printable(&self, byte: u8) -> bool {
        let digits = &self.bytes[self.bytes.len() - 2..];
        let next = self.raw.get(self.next).copied().unwrap_or(0);
        if digits.iter().any(u8::is_ascii_lowercase)
            || digits.iter().all(u8::is_ascii_digit) && next.is_ascii_digit()
            || self.begins_hexadecimal_word()
        {
            return false;
        }
        self.follows_plain_word()
            && match byte {
                b'@' => self.precedes_domain(),
                b' ' => !next.is_ascii_alphanumeric(),
                0x80.. => self.is_part_of_character(byte),
                byte => byte.is_ascii_punctuation(),
            }
    }

    /// Whether the word before the escape has only letters, digits and signs of addresses, numbers and masks. A
    /// parameter of a URL has others. The header of a mail encloses words in `=?utf-8?Q?` and `?=`.
    fn follows_plain_word(&self) -> bool {
        let before = self.word(&self.bytes[..self.bytes.len() - 3]);
        word_of_header(before).iter().all(|byte| {
            !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"@._+-:=<(\"',;*".contains(byte)
        })
    }

    /// Whether the rest of the word may be a domain, or a mask of one. A word may have one `@` only.
    fn precedes_domain(&self) -> bool {
        let before = self.word(&self.bytes[..self.bytes.len() - 3]);
        let after = self.raw[self.next..].iter().take(MAX_WORD_BYTES);
        let mut domain =
            after.take_while(|byte| !byte.is_ascii_whitespace() && !b">)\"',;?".contains(byte));
        self.steps.add(MAX_WORD_BYTES);
        !before.contains(&b'@')
            && domain.all(|byte| {
                !byte.is_ascii() || byte.is_ascii_alphanumeric() || b".-_=*".contains(byte)
            })
    }

    /// The last word, or the end of a long one.
    fn word<'b>(&self, text: &'b [u8]) -> &'b [u8] {
        let letters = text.iter().rev().take(MAX_WORD_BYTES);
        let letters = letters.take_while(|byte| !byte.is_ascii_whitespace());
        let word = &text[text.len() - letters.count()..];
        self.steps.add(word.len());
        word
    }

    /// Whether the two digits begin an id or a colour in hexadecimal.
    fn begins_hexadecimal_word(&self) -> bool {
        let rest = self.raw[self.next..].iter().take(MAX_WORD_BYTES);
        let word: Vec<u8> = rest
            .copied()
            .take_while(u8::is_ascii_alphanumeric)
            .collect();
        self.steps.add(word.len());
        // After a plus sign, a telephone number.
        let is_number = self.bytes.ends_with(b"=2B") && word.iter().all(u8::is_ascii_digit);
        let start = word.get(..SHORTEST_ID);
        !is_number && start.is_some_and(|start| start.iter().all(u8::is_ascii_hexdigit))
    }
}

/// The text of a word in the header of a mail, after its character set and encoding.
fn word_of_header(word: &[u8]) -> &[u8] {
    let text = memchr::memmem::rfind(word, b"?Q?").or_else(|| memchr::memmem::rfind(word, b"?q?"));
    text.map_or(word, |at| &word[at + 3..])
}

/// A sign within an address.
fn is_joint(byte: u8) -> bool {
    matches!(byte, b'@' | b'.' | b'-' | b'_')
}

//! The text of an HTML body: without markup, and with the addresses of links. Redaction and search work on text.

/// Elements whose content is not text.
const HIDDEN: [&str; 4] = ["style", "script", "head", "title"];
/// Elements that begin a new line.
const BLOCKS: [&str; 12] = [
    "br",
    "p",
    "div",
    "tr",
    "li",
    "table",
    "ul",
    "ol",
    "h1",
    "h2",
    "h3",
    "blockquote",
];
/// Longest name of a character reference.
const MAX_REFERENCE: usize = 10;

/// The text of an HTML document, line by line. Malformed markup is kept as text.
pub(super) fn text_of_html(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut hidden: Option<&str> = None;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        if hidden.is_none() {
            push_text(&mut text, &rest[..at]);
        }
        rest = &rest[at..];
        let Some(tag) = Tag::at(rest) else {
            // A lone `<`, or the start of a tag that never ends.
            if hidden.is_none() {
                text.push('<');
            }
            rest = &rest[1..];
            continue;
        };
        rest = &rest[tag.length..];
        match hidden {
            Some(name) if tag.is_end && tag.is(name) => hidden = None,
            Some(_) => {}
            None => {
                hidden = HIDDEN.into_iter().find(|name| tag.is(name) && !tag.is_end);
                push_tag(&mut text, &tag);
            }
        }
    }
    if hidden.is_none() {
        push_text(&mut text, rest);
    }
    tidy(&text)
}

/// A tag, a comment or a declaration.
struct Tag<'a> {
    name: &'a str,
    attributes: &'a str,
    is_end: bool,
    /// With its angle brackets.
    length: usize,
}

impl<'a> Tag<'a> {
    /// The tag at the start of the text, which begins with `<`.
    fn at(text: &'a str) -> Option<Self> {
        if text.starts_with("<!--") {
            let length = text.find("-->")? + 3;
            return Some(Self {
                name: "",
                attributes: "",
                is_end: false,
                length,
            });
        }
        let length = text.find('>')? + 1;
        let inner = &text[1..length - 1];
        let is_end = inner.starts_with('/');
        let inner = inner.trim_start_matches('/');
        if !inner.starts_with(|first: char| first.is_ascii_alphabetic() || first == '!') {
            return None;
        }
        let end = inner.find(|it: char| it.is_whitespace() || it == '/');
        let (name, attributes) = inner.split_at(end.unwrap_or(inner.len()));
        Some(Self {
            name,
            attributes,
            is_end,
            length,
        })
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The address of a link.
    fn link(&self) -> Option<&'a str> {
        let at = self.attributes.to_ascii_lowercase().find("href=")?;
        let value = self.attributes.get(at + "href=".len()..)?;
        let quote = value.chars().next().filter(|it| matches!(it, '"' | '\''))?;
        value[1..].split(quote).next()
    }
}

fn push_tag(text: &mut String, tag: &Tag<'_>) {
    if BLOCKS.iter().any(|name| tag.is(name)) {
        text.push('\n');
    }
    if tag.is("a")
        && let Some(link) = tag.link()
    {
        text.push('<');
        push_text(text, link);
        text.push_str("> ");
    }
}

/// Adds text with its character references resolved.
fn push_text(text: &mut String, mut source: &str) {
    while let Some(at) = source.find('&') {
        text.push_str(&source[..at]);
        source = &source[at..];
        let end = source
            .bytes()
            .take(MAX_REFERENCE + 2)
            .position(|it| it == b';');
        let resolved = end.and_then(|end| Some((character(&source[1..end])?, end)));
        let (character, end) = resolved.unwrap_or(('&', 0));
        text.push(character);
        source = &source[end + 1..];
    }
    text.push_str(source);
}

fn character(reference: &str) -> Option<char> {
    if let Some(number) = reference.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "commat" => '@',
        "period" => '.',
        "plus" => '+',
        "sol" => '/',
        "colon" => ':',
        "hyphen" | "dash" => '-',
        "num" => '#',
        _ => return None,
    })
}

/// One space between words and at most one empty line between paragraphs.
fn tidy(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_repeated = line.is_empty() && lines.last().is_none_or(String::is_empty);
        if !is_repeated {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_is_removed_and_text_and_links_are_kept() {
        let cases = [
            ("<p>Hi <b>Ann</b></p><p>bye</p>", "Hi Ann\n\nbye"),
            ("one<br>two<BR/>three", "one\ntwo\nthree"),
            ("<style>p { color: red }</style><p>Hi", "Hi"),
            ("<HEAD><title>x</title></HEAD>text", "text"),
            ("<!-- hidden > --><i>shown</i>", "shown"),
            (
                r#"see <a class="b" href="https://a.example/?q=1&amp;r=2">this</a>"#,
                "see <https://a.example/?q=1&r=2> this",
            ),
            (
                "mary&#64;example&period;com &#x40; &commat;",
                "mary@example.com @ @",
            ),
            (
                "1 &lt; 2 &amp;&amp; 3 &unknown; &",
                "1 < 2 && 3 &unknown; &",
            ),
            ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
            ("plain", "plain"),
            ("", ""),
            ("cut <a href=", "cut <a href="),
            ("<script>hidden", ""),
        ];
        for (html, text) in cases {
            assert_eq!(text_of_html(html), text, "{html}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(html in ".{0,60}") {
            text_of_html(&html);
        }

        #[test]
        fn any_sequence_of_markup_is_read_without_a_panic(pieces in prop::collection::vec(prop_oneof![
            Just("<"), Just(">"), Just("<a href="), Just("\""), Just("&#x"), Just("&"), Just(";"), Just("<!--"), Just("-->"),
            Just("</style>"), Just("<style>"), Just("ü"), Just("x"),
        ], 0..20)) {
            text_of_html(&pieces.concat());
        }
    }
}

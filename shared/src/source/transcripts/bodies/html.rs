//! The text of an HTML body: without markup, and with the addresses of links. Redaction and search work on text.
//!
//! An own reader instead of a crate: `html2text` brings a browser's HTML parser, a dozen crates in all, to build a tree,
//! wrap lines and lay out tables. Redaction and search need none of that.

/// Elements whose content is not text. What `head` contains beside them has no text.
const HIDDEN: [&str; 3] = ["style", "script", "title"];
/// Elements that begin a new line.
const BLOCKS: [&str; 13] = [
    "body",
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

/// The text of an HTML document, line by line. No text is lost: malformed markup is kept as text, and so is the content
/// of a hidden element that has no end tag. Takes time linear in the length, whatever the document contains.
pub(super) fn text_of_html(html: &str) -> String {
    let mut text = String::with_capacity(html.len() / 2);
    let mut searches = Searches::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push_text(&mut text, &rest[..at]);
        rest = &rest[at..];
        let Some(tag) = Tag::at(rest, &mut searches) else {
            // A lone `<`, or the start of a tag that never ends.
            text.push('<');
            rest = &rest[1..];
            continue;
        };
        push_tag(&mut text, &tag);
        rest = &rest[tag.length..];
        rest = &rest[tag.hidden_bytes(rest, &mut searches)..];
    }
    push_text(&mut text, rest);
    tidy(&text)
}

/// Searches for the ends of tags, comments and hidden elements.
#[derive(Default)]
struct Searches {
    tag: Search,
    comment: Search,
    hidden: [Search; HIDDEN.len()],
}

/// A search in the rest of the document. If it fails, the same search in a later rest would fail too, so it is not
/// repeated: otherwise a document of nothing but `<a` would take time quadratic in its length.
#[derive(Default)]
struct Search {
    has_failed: bool,
}

impl Search {
    fn find(&mut self, find: impl FnOnce() -> Option<usize>) -> Option<usize> {
        if self.has_failed {
            return None;
        }
        let found = find();
        self.has_failed = found.is_none();
        found
    }
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
    fn at(text: &'a str, searches: &mut Searches) -> Option<Self> {
        if text.starts_with("<!--") {
            let length = searches.comment.find(|| text.find("-->"))? + "-->".len();
            return Some(Self {
                name: "",
                attributes: "",
                is_end: false,
                length,
            });
        }
        let is_end = text.starts_with("</");
        let before_name = if is_end { "</".len() } else { "<".len() };
        let named = &text[before_name..];
        if !named.starts_with(|first: char| first.is_ascii_alphabetic() || first == '!') {
            return None;
        }
        let inner = &named[..searches.tag.find(|| named.find('>'))?];
        let end = inner.find(|it: char| it.is_whitespace() || it == '/');
        let (name, attributes) = inner.split_at(end.unwrap_or(inner.len()));
        Some(Self {
            name,
            attributes,
            is_end,
            length: before_name + inner.len() + ">".len(),
        })
    }

    /// Bytes of the hidden content that follows this tag. 0 if the content is text, or if it has no end: HTML ends some
    /// elements without an end tag, and XHTML closes an empty element with `/>`.
    fn hidden_bytes(&self, rest: &str, searches: &mut Searches) -> usize {
        let is_empty = self.is_end || self.attributes.ends_with('/');
        let hidden = HIDDEN.into_iter().zip(&mut searches.hidden);
        let mut hidden = hidden.filter(|(name, _)| !is_empty && self.is(name));
        let end = hidden
            .next()
            .and_then(|(name, search)| search.find(|| find_end_tag(rest, name)));
        end.unwrap_or(0)
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

/// The place of the first end tag of the element.
fn find_end_tag(text: &str, name: &str) -> Option<usize> {
    let mut ends = text.match_indices("</").map(|(at, _)| at);
    ends.find(|at| {
        let (named, after) = text.as_bytes()[at + "</".len()..]
            .split_at_checked(name.len())
            .unwrap_or_default();
        let ends_name = |next: &u8| next.is_ascii_whitespace() || matches!(next, b'/' | b'>');
        named.eq_ignore_ascii_case(name.as_bytes()) && after.first().is_some_and(ends_name)
    })
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
            ("<style>a</styled></STYLE >shown", "shown"),
            ("<//p>", "<//p>"),
        ];
        for (html, text) in cases {
            assert_eq!(text_of_html(html), text, "{html}");
        }
    }

    #[test]
    fn no_text_is_lost_to_an_end_tag_that_is_missing() {
        let cases = [
            ("<html><head><title>x</title><body>text", "text"),
            ("<head><meta charset=utf-8><p>text", "text"),
            ("<title>x<body>text", "x\ntext"),
            ("<title/>text", "text"),
            ("<style />text<style>hidden</style>", "text"),
            ("<script/>text<script>hidden</script>", "text"),
            ("<script>text", "text"),
            ("<script>text</script", "text</script"),
            ("<style>text<script>hidden</script>", "text"),
            ("<!-- text", "<!-- text"),
        ];
        for (html, text) in cases {
            assert_eq!(text_of_html(html), text, "{html}");
        }
    }

    /// With time quadratic in the length, most of these documents would take minutes or hours.
    #[test]
    fn megabytes_of_unfinished_markup_are_read_in_linear_time() {
        const BYTES: usize = 2_000_000;
        for piece in [
            "<", "<!--", "<a", "</a", "</", "<1", "<script>", "<TITLE >", "&", "<!-->", "<a>",
        ] {
            let html = piece.repeat(BYTES / piece.len());

            let text = text_of_html(&html);

            let is_markup = piece.ends_with('>');
            let bytes = if is_markup { 0 } else { html.len() };
            assert_eq!(text.len(), bytes, "{piece}");
        }
        let hidden = "</x".repeat(BYTES / 3);
        let html = format!("{}{hidden}", "<style>".repeat(1_000));
        assert_eq!(text_of_html(&html), hidden);
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

//! Styles of the program's own words, and the cleaning of everything else that a terminal gets.
//!
//! A style is a mark that contains a random number until the text is written. So the writer can remove every control
//! sequence from a text and then add those of the program: no archived or received text can contain the mark.

use std::fmt;
use std::sync::LazyLock;

use console::Style;
use conversation_archive::base::printable;

static MARK: LazyLock<String> = LazyLock::new(|| format!("\u{10fffe}{:016x}", fastrand::u64(..)));

/// A text with a style, which is shown if the output is a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Styled {
    text: String,
    style: Style,
}

pub(crate) fn style(shown: impl fmt::Display) -> Styled {
    Styled {
        text: shown.to_string(),
        style: Style::new(),
    }
}

impl Styled {
    pub(crate) fn with(self, style: Style) -> Self {
        Self { style, ..self }
    }

    pub(crate) fn bold(self) -> Self {
        self.changed(Style::bold)
    }

    pub(crate) fn dim(self) -> Self {
        self.changed(Style::dim)
    }

    pub(crate) fn green(self) -> Self {
        self.changed(Style::green)
    }

    pub(crate) fn yellow(self) -> Self {
        self.changed(Style::yellow)
    }

    pub(crate) fn red(self) -> Self {
        self.changed(Style::red)
    }

    pub(crate) fn cyan(self) -> Self {
        self.changed(Style::cyan)
    }

    /// For a text on standard error.
    pub(crate) fn for_stderr(self) -> Self {
        self.changed(Style::for_stderr)
    }

    fn changed(self, change: fn(Style) -> Style) -> Self {
        Self {
            style: change(self.style),
            ..self
        }
    }
}

impl fmt::Display for Styled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = f.width().unwrap_or_default();
        let text = format!("{:width$}", printable::lines(&self.text));
        let styled = self.style.apply_to(text).to_string();
        f.write_str(&styled.replace('\u{1b}', &MARK))
    }
}

/// A line of another direction than the columns before it: they stay in place.
pub(crate) fn isolate(line: &str) -> String {
    format!("{mark}<{line}{mark}>", mark = *MARK)
}

/// The text as a terminal gets it: nothing is interpreted but line breaks and our own styles.
pub(crate) fn displayed(text: &str) -> String {
    let cleaned = printable::lines(text);
    let isolated = cleaned
        .replace(&format!("{}<", *MARK), "\u{2068}")
        .replace(&format!("{}>", *MARK), "\u{2069}");
    isolated.replace(&*MARK, "\u{1b}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_styles_reach_a_terminal() {
        let own =
            style("\u{1b}[5mid\u{1b}]0;x\u{7}").with(Style::new().green().force_styling(true));
        let foreign = [
            "\u{1b}[31mred\u{1b}[0m",
            "\u{1b}]52;c;ZXZpbA==\u{7}",
            "\u{9b}2J",
            "\u{202e}reversed",
            "\u{10fffe}0000000000000000[31m",
        ];

        let shown = displayed(&format!("{own} {}", foreign.join(" ")));

        assert!(shown.starts_with("\u{1b}[32m\u{fffd}[5mid\u{fffd}]0;x\u{fffd}\u{1b}[0m "));
        assert_eq!(shown.matches('\u{1b}').count(), 2);
        let of_foreign = shown.split_once("[0m ").expect("our own style").1;
        assert!(
            !of_foreign
                .replace('\u{10fffe}', "")
                .contains(printable::is_interpreted),
            "{of_foreign:?}"
        );
    }

    #[test]
    fn a_styled_text_is_padded_like_any_other() {
        assert_eq!(displayed(&format!("{:5}|", style("ab"))), "ab   |");
    }
}

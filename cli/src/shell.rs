//! Commands that a person can copy into a shell.

use conversation_archive::base::ids::ExportId;

use crate::place::Place;

/// The command that resumes an export.
pub(crate) fn resume_command(out: &Place, id: &ExportId) -> String {
    format!(
        "genesys-archive resume --out {} {id}",
        escape(&out.to_string())
    )
}

/// The text as one word of a shell.
pub(crate) fn escape(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-,:@%+=".contains(c);
    let escape_char = |c: char| (!is_plain(c)).then_some('\\').into_iter().chain([c]);
    text.chars().flat_map(escape_char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_space_can_be_copied_into_a_shell() {
        assert_eq!(escape("/my data/r*"), "/my\\ data/r\\*");
    }
}

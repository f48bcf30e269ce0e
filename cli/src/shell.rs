//! Commands that a person can copy into a shell.

use conversation_archive::base::ids::ExportId;

use crate::place::Place;

/// The command that resumes an export.
pub(crate) fn resume(out: &Place, id: &ExportId) -> String {
    format!(
        "genesys-archive resume --out {} {id}",
        word(&out.to_string())
    )
}

/// The text escaped for a shell; glob patterns keep working.
pub(crate) fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-*,:@%+=".contains(c);
    let escaped = |c: char| (!plain(c)).then_some('\\').into_iter().chain([c]);
    text.chars().flat_map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_space_can_be_copied_into_a_shell() {
        assert_eq!(word("/my data/r*/page-1.gz"), "/my\\ data/r*/page-1.gz");
    }
}

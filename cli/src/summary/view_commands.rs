//! Commands to inspect an archive with common tools. Pages of replaced runs are stored next to the current ones; if
//! there are any, no glob pattern selects the right pages, and the manifest names them.

use super::Summary;
use crate::place::Place;
use crate::shell;

/// The jq filter for the keys of the pages that the manifest names.
const KEYS: &str = ".content.slices[].pages[].objects.page.key // empty";

/// Two commands to copy.
pub(super) struct ViewCommands {
    pub(super) lines: String,
    pub(super) table: String,
}

impl ViewCommands {
    pub(super) fn of(summary: &Summary<'_>) -> Self {
        let (id, start) = if summary.is_minimal() {
            ("id", "startTime")
        } else {
            ("conversationId", "conversationStart")
        };
        let select = |from: &str| {
            format!(
                "duckdb -c \"select {id}, {start} from read_json('{from}', format='newline_delimited') limit 10\""
            )
        };
        let root = shell::escape(&summary.root.to_string());
        let manifest = shell::escape(&format!("{}/manifest.json", summary.folder()));
        let pages = match summary.root {
            Place::Folder(_) if summary.unlisted_pages == 0 => {
                let pattern = format!("{}/slices/*/r*/page-*.ndjson.gz", summary.folder());
                return Self {
                    lines: format!("zcat {} | jq .", shell::escape(&pattern)),
                    table: select(&pattern),
                };
            }
            Place::Folder(_) => format!("(cd {root} && jq -r '{KEYS}' {manifest} | xargs zcat)"),
            Place::Bucket { .. } => format!(
                "aws s3 cp {manifest} - | jq -r '{KEYS}' | xargs -I{{}} aws s3 cp {root}/{{}} - | zcat"
            ),
        };
        Self {
            lines: format!("{pages} | jq ."),
            table: format!("{pages} | {}", select("/dev/stdin")),
        }
    }
}

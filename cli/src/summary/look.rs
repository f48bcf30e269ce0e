//! How to look at an archive with tools that everybody has. Pages of replaced runs lie beside those that count; where
//! there are any, no pattern is right, and the manifest says which pages count.

use super::Summary;
use crate::shell;

/// Two commands to copy.
pub(super) struct Look {
    pub(super) lines: String,
    pub(super) table: String,
}

impl Look {
    pub(super) fn at(summary: &Summary<'_>) -> Self {
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
        if summary.strays == 0 {
            let pattern = summary.folder().join("slices/*/r*/page-*.ndjson.gz");
            return Self {
                lines: format!("zcat {} | jq .", shell::path(&pattern)),
                table: select(&pattern.display().to_string()),
            };
        }
        let pages = format!(
            "(cd {} && jq -r '.content.slices[].pages[].objects.page.key // empty' {} | xargs zcat)",
            shell::path(summary.root),
            shell::path(&summary.folder().join("manifest.json")),
        );
        Self {
            lines: format!("{pages} | jq ."),
            table: format!("{pages} | {}", select("/dev/stdin")),
        }
    }
}

//! Commands to inspect an archive with common tools. They read the pages that the manifest names and no others: pages
//! of replaced runs are stored next to the current ones.

use conversation_archive::records::page::RecordField;

use super::ArchiveSummary;
use crate::place::Place;
use crate::shell;

/// The jq filter for the keys of the pages that the manifest names.
const KEYS: &str = ".content.slices[].pages[].objects.page.key // empty";

/// The same as a JSON path of DuckDB, escaped for a shell's double quotes.
const KEYS_PATH: &str = r"\$.content.slices[*].pages[*].objects.page.key";

impl ArchiveSummary<'_> {
    /// Two rows of commands to copy: one prints every record, one a table of the first ten. None for an export that
    /// holds nothing.
    pub(crate) fn view_rows(&self) -> Vec<(&'static str, String)> {
        if self.is_empty() {
            return Vec::new();
        }
        let [lines, table] = match self.root {
            Place::Folder(_) => self.folder_commands(),
            Place::Bucket { .. } => self.bucket_commands(),
        };
        vec![("view", lines), ("", table)]
    }

    /// The keys in the manifest are relative to the root of the archive, so the commands run there.
    fn folder_commands(&self) -> [String; 2] {
        let root = shell::escape(&self.root.to_string());
        let manifest = format!("exports/{}/manifest.json", self.plan.export_id);
        let pages = format!(
            "SET VARIABLE pages = (SELECT content->>'{KEYS_PATH}' FROM read_text('{manifest}'))"
        );
        let select = self.select("getvariable('pages')");
        [
            format!("(cd {root} && jq -r '{KEYS}' {manifest} | xargs gzip -dc) | jq ."),
            format!("(cd {root} && duckdb -c \"{pages}; {select}\")"),
        ]
    }

    fn bucket_commands(&self) -> [String; 2] {
        let root = shell::escape(&self.root.to_string());
        let manifest = shell::escape(&format!("{}/manifest.json", self.folder()));
        let pages = format!(
            "aws s3 cp {manifest} - | jq -r '{KEYS}' | xargs -I{{}} aws s3 cp {root}/{{}} - | gzip -dc"
        );
        let select = self.select("'/dev/stdin'");
        [
            format!("{pages} | jq ."),
            format!("{pages} | duckdb -c \"{select}\""),
        ]
    }

    /// The first ten records by id and start. A line of JSON that DuckDB refuses is a row without values.
    fn select(&self, pages: &str) -> String {
        let fields = (self.plan.shape()).stored_identity_fields(self.plan.records);
        let [id, start] = fields.map(|it| value(&it));
        format!(
            "SELECT {id} AS id, {start} AS started FROM read_ndjson_objects({pages}, ignore_errors=true) LIMIT 10"
        )
    }
}

/// The value of the first of these fields that a record has, in SQL.
fn value(fields: &[RecordField]) -> String {
    let values: Vec<_> = fields.iter().map(|it| format!("json->>'{it}'")).collect();
    match values.as_slice() {
        [value] => value.clone(),
        values => format!("COALESCE({})", values.join(", ")),
    }
}

//! Everything outside the message texts of the pages, by its location.

use conversation_archive::records::page::decode_lines;

use crate::run::Run;

const LOGS: &str = "the logs";

impl Run<'_> {
    /// Returns the stored objects, announcements and logs; of page objects, everything except the texts.
    pub(crate) async fn documents(&self) -> Vec<(String, Vec<u8>)> {
        let objects = self.world.store.snapshot();
        let keys = objects.keys().cloned().collect::<Vec<_>>().join("\n");
        let mut documents = vec![
            (LOGS.to_owned(), self.world.log_bytes()),
            ("the keys".to_owned(), keys.into_bytes()),
        ];
        for (key, object) in objects {
            if key.ends_with(".index.gz") {
                documents.push((key, decode_lines(&object, u64::MAX).expect("gzip")));
            } else if !key.ends_with(".ndjson.gz") {
                documents.push((key, object.to_vec()));
            }
        }
        let named = |name: &str, text: String| (name.to_owned(), text.into_bytes());
        let texts = self.world.outgoing_texts().into_iter();
        documents.extend(texts.map(|it| named("an error, an outcome or a webhook", it)));
        let records = self.records_without_texts().await.into_iter();
        documents.extend(records.map(|it| named("a record beside its texts", it)));
        assert_none_is_missing(&documents);
        documents
    }
}

/// Asserts that documents of every kind exist, so that the search covers them.
fn assert_none_is_missing(documents: &[(String, Vec<u8>)]) {
    let parts = [
        "/request.json",
        ".record.json",
        ".index.gz",
        "/waiting.json",
        "/end.json",
        "/failed-01.json",
        "/manifest.json",
        "-slice-0001.ndjson",
        "-outcome.ndjson",
        "a webhook",
        "a record",
    ];
    for part in parts {
        let mut names = documents.iter().map(|(name, _)| name);
        assert!(names.any(|name| name.contains(part)), "{part}");
    }
    let logs = documents.iter().find(|(name, _)| name == LOGS);
    let logs = String::from_utf8_lossy(&logs.expect("logs").1);
    // The metrics lines are derived from the log lines marked as measured.
    let measured = r#"\"Redactions\":"#;
    for part in [measured, r#""level":"DEBUG""#, "returned 403"] {
        assert!(logs.contains(part), "{part}");
    }
}

//! Loads the records of each complete export once, into `EXPORT.ndjson` in a folder.
//!
//! `consumer QUEUE_URL FOLDER` handles the messages of the queue, and ends when it is empty. To load the rows elsewhere,
//! replace `load`: one transaction that stores the rows and the export's id, because an event may come twice.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use aws_config::BehaviorVersion;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use flate2::read::GzDecoder;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

const COMPLETE: [&str; 3] = ["completed", "completed_with_rejects", "completed_with_gaps"];

/// An event of S3, with the fields that are used. A key is not percent-encoded.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct Object {
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    format_version: u32,
    export_id: String,
    status: String,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    slices: Vec<Slice>,
}

#[derive(Deserialize)]
struct Slice {
    pages: Vec<Page>,
}

#[derive(Deserialize)]
struct Page {
    counts: Counts,
    /// `None` for a page without records.
    objects: Option<PageObjects>,
}

#[derive(Deserialize)]
struct Counts {
    archived: usize,
}

#[derive(Deserialize)]
struct PageObjects {
    page: StoredObject,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredObject {
    key: String,
    size_bytes: usize,
    sha256: String,
}

struct Consumer {
    s3: aws_sdk_s3::Client,
    folder: PathBuf,
}

impl Consumer {
    async fn consume(&self, message: &str) -> Result<()> {
        let event: Event = serde_json::from_str(message).context("not an event")?;
        let bucket = &event.detail.bucket.name;
        match split_manifest_key(&event.detail.object.key) {
            Some((root, export)) if event.detail_type == "Object Created" => {
                self.load(bucket, root, export).await
            }
            _ => Ok(()),
        }
    }

    /// The file appears with its last line or not at all; an export that was loaded before is skipped.
    async fn load(&self, bucket: &str, root: &str, export: &str) -> Result<()> {
        let loaded = self.folder.join(format!("{export}.ndjson"));
        if loaded.exists() {
            return Ok(());
        }
        let key = format!("{root}exports/{export}/manifest.json");
        let manifest = Manifest::parse(&self.read(bucket, &key).await?, export)?;
        let partial = format!("{export}.{}.partial", std::process::id());
        let partial = self.folder.join(partial);
        let mut file = File::create(&partial)?;
        for page in manifest.content.slices.iter().flat_map(|it| &it.pages) {
            file.write_all(&self.lines(bucket, root, page).await?)?;
        }
        Ok(fs::rename(&partial, &loaded)?)
    }

    /// The lines of a page that the manifest names.
    async fn lines(&self, bucket: &str, root: &str, page: &Page) -> Result<Vec<u8>> {
        let Some(PageObjects { page: named }) = &page.objects else {
            return Ok(Vec::new());
        };
        let key = &named.key;
        let stored = self.read(bucket, &format!("{root}{key}")).await?;
        ensure!(
            stored.len() == named.size_bytes,
            "{key} has {} bytes",
            stored.len()
        );
        ensure!(
            hex_sha256(&stored) == named.sha256,
            "{key} has another SHA-256"
        );
        let mut lines = Vec::new();
        GzDecoder::new(&stored[..]).read_to_end(&mut lines)?;
        let number = lines.split_inclusive(|byte| *byte == b'\n').count();
        ensure!(number == page.counts.archived, "{key} has {number} lines");
        Ok(lines)
    }

    async fn read(&self, bucket: &str, key: &str) -> Result<Vec<u8>> {
        let get = self.s3.get_object().bucket(bucket).key(key).send().await;
        let object = get.with_context(|| format!("cannot read {key}"))?;
        Ok(object.body.collect().await?.to_vec())
    }
}

impl Manifest {
    fn parse(stored: &[u8], export: &str) -> Result<Self> {
        // The seal is the last field, and always of this length.
        let (document, seal) = stored
            .split_at_checked(stored.len().wrapping_sub(76))
            .context("the manifest is too short")?;
        let expected = hex_sha256(&[document, b"}"].concat());
        ensure!(
            seal == format!(",\"seal\":\"{expected}\"}}\n").as_bytes(),
            "the manifest of {export} is damaged"
        );
        let manifest: Self = serde_json::from_slice(stored)?;
        let Self {
            format_version,
            export_id,
            status,
            ..
        } = &manifest;
        ensure!(
            *format_version == 1,
            "the manifest of {export} has format version {format_version}"
        );
        ensure!(
            export_id == export,
            "the manifest of {export} is that of another export"
        );
        ensure!(
            COMPLETE.contains(&status.as_str()),
            "export {export} is not complete: {status}"
        );
        Ok(manifest)
    }
}

/// The archive's root (empty, or ending in a slash) and the export's id in the key of a manifest.
fn split_manifest_key(key: &str) -> Option<(&str, &str)> {
    let (parent, export) = key.strip_suffix("/manifest.json")?.rsplit_once('/')?;
    let root = parent.strip_suffix("exports")?;
    let is_id = (1..=64).contains(&export.len())
        && export
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let is_root = root.is_empty() || root.ends_with('/');
    (is_id && is_root).then_some((root, export))
}

fn hex_sha256(bytes: &[u8]) -> String {
    let digits = |byte: u8| [byte >> 4, byte & 15];
    let digits = Sha256::digest(bytes).into_iter().flat_map(digits);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [queue, folder] = &arguments[..] else {
        anyhow::bail!("usage: consumer QUEUE_URL FOLDER");
    };
    let https = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(https)
        .load()
        .await;
    let sqs = aws_sdk_sqs::Client::new(&config);
    let consumer = Consumer {
        s3: aws_sdk_s3::Client::new(&config),
        folder: folder.into(),
    };
    let mut failed = 0;
    loop {
        let receive = sqs.receive_message().queue_url(queue).wait_time_seconds(5);
        let received = receive.max_number_of_messages(10).send().await?;
        let messages = received.messages.unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        for message in messages {
            match consumer.consume(message.body().unwrap_or_default()).await {
                Ok(()) => {
                    let delete = sqs.delete_message().queue_url(queue);
                    let delete = delete.set_receipt_handle(message.receipt_handle);
                    delete.send().await?;
                }
                // This message is received again; the others are not.
                Err(error) => {
                    failed += 1;
                    let id = message.message_id.unwrap_or_default();
                    writeln!(std::io::stderr(), "message {id} failed: {error:#}")?;
                }
            }
        }
    }
    ensure!(failed == 0, "{failed} messages failed");
    Ok(())
}

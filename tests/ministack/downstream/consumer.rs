//! A consumer with its own queue and folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
use end_to_end::child_process::{ChildProcess, ProcessOutput};
use genesys_archive::local::REGION;
use serde_json::{Value, json};

use super::EXAMPLES;
use crate::deployment::{Deployment, wait_until};

pub(super) struct Consumer<'a> {
    deployment: &'a Deployment,
    program: Vec<PathBuf>,
    queue: String,
    folder: PathBuf,
}

impl<'a> Consumer<'a> {
    /// Deploys the queue and the rule as a stack of this name.
    pub(super) async fn deploy(
        deployment: &'a Deployment,
        name: &str,
        program: Vec<PathBuf>,
    ) -> Self {
        let parameters = json!({
            "ArchiveBucketName": deployment.bucket(),
            "ArchiveKeyArn": "arn:aws:kms:eu-central-1:000000000000:key/example",
        });
        let template = format!("{EXAMPLES}/manifest-events.yaml");
        let deploy = ["stack", name, &template, &parameters.to_string()];
        let outputs = deployment.aws(&deploy).await;
        let folder = deployment.folder().join(name);
        fs::create_dir(&folder).expect("a folder");
        Self {
            deployment,
            program,
            queue: outputs["QueueUrl"].as_str().expect("a queue").to_owned(),
            folder,
        }
    }

    /// Handles the messages of the queue.
    pub(super) async fn run(&self) -> ProcessOutput {
        let (program, arguments) = self.program.split_first().expect("a program");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .args([Path::new(&self.queue), &self.folder])
            .env_clear()
            .envs([
                ("AWS_ENDPOINT_URL", self.deployment.endpoint()),
                ("AWS_REGION", REGION),
                ("AWS_DEFAULT_REGION", REGION),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
            ]);
        ChildProcess::start(command).wait().await
    }

    pub(super) async fn wait_for_messages(&self, number: usize) {
        let sqs = self.deployment.clients().await.sqs();
        wait_until("events", async || {
            let request = sqs.get_queue_attributes().queue_url(&self.queue);
            let request = request.attribute_names(ApproximateNumberOfMessages);
            let attributes = request.send().await.expect("attributes").attributes;
            let attributes = attributes.unwrap_or_default();
            let visible = attributes[&ApproximateNumberOfMessages].parse::<usize>();
            visible.expect("a number") >= number
        })
        .await;
    }

    pub(super) async fn send(&self, event: &Value) {
        let sqs = self.deployment.clients().await.sqs();
        let send = sqs.send_message().queue_url(&self.queue);
        let done = send.message_body(event.to_string()).send().await;
        done.expect("sent");
    }

    /// The names of the files in its folder.
    pub(super) fn loaded(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(&self.folder).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let complete = names.map(|name| name.to_string_lossy().into_owned());
        complete.filter(|name| name.ends_with(".ndjson")).collect()
    }

    pub(super) fn rows(&self, export: &str) -> String {
        fs::read_to_string(self.file(export)).expect("rows")
    }

    pub(super) fn modified(&self, export: &str) -> SystemTime {
        let metadata = fs::metadata(self.file(export)).expect("a file");
        metadata.modified().expect("a time")
    }

    fn file(&self, export: &str) -> PathBuf {
        self.folder.join(format!("{export}.ndjson"))
    }
}

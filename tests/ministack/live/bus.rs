//! An event bus of the emulator, and a process that puts events on it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use genesys_simulator::{EventSource, LiveFrame};
use serde_json::{Value, json};

use crate::deployment::Deployment;

/// The most entries of a call of `PutEvents`.
const ENTRIES_MAX: usize = 10;

/// Puts events on a bus. The process is killed when its handle is dropped.
pub(super) struct EventBus {
    name: &'static str,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl EventBus {
    pub(super) async fn create(deployment: &Deployment, name: &'static str) -> Self {
        deployment.aws(&["bus", name]).await;
        let mut command = deployment.aws_command(&["put"]);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("python starts");
        Self {
            name,
            input: process.stdin.take().expect("an input"),
            output: BufReader::new(process.stdout.take().expect("an output")),
            process,
        }
    }

    /// Puts the frames as Genesys Cloud does, in this order. The same frame is the same event each time. Blocks.
    pub(super) fn put(&mut self, frames: &[LiveFrame]) {
        let source = EventSource::default();
        let event = |frame: &LiveFrame| frame.bus_event(&source).expect("an event");
        let entries: Vec<_> = frames
            .iter()
            .map(|frame| event(frame).entry(self.name))
            .collect();
        self.put_entries(&entries);
    }

    /// Puts an event that is no frame, and one that the rule must not send. Blocks.
    pub(super) fn put_foreign_events(&mut self) {
        let entries = ["v2.foreign", "Scheduled Event"].map(|detail_type| {
            json!({
                "EventBusName": self.name, "Source": "another source", "DetailType": detail_type,
                "Detail": r#"{"topicName":"v2.foreign"}"#,
            })
        });
        self.put_entries(&entries);
    }

    fn put_entries(&mut self, entries: &[Value]) {
        tokio::task::block_in_place(|| {
            for entries in entries.chunks(ENTRIES_MAX) {
                let line = Value::from(entries.to_vec()).to_string();
                writeln!(self.input, "{line}").expect("written");
                let mut refused = String::new();
                self.output.read_line(&mut refused).expect("an answer");
                assert_eq!(refused, "0\n", "entries were refused");
            }
        });
    }
}

impl Drop for EventBus {
    fn drop(&mut self) {
        // It may have exited already; then both calls fail, which is not an error.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

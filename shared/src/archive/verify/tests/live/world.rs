//! Live objects that the writer, the closing of gaps and the sealing of days stored.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::super::examples::records;
use super::super::export::TestExport;
use super::super::store::MemoryStore;
use super::*;
use crate::archive::{Arrival, LiveWriter, Signatures, live_epochs, live_gaps};
use crate::base::deadline::Deadline;
use crate::base::format::FormatVersion;
use crate::base::ids::{ConversationId, StreamName};
use crate::base::seal;
use crate::base::signature::LocalKey;
use crate::export::live_coverage::{GapReason, LiveGap, LiveGapSpan};
use crate::export::objects::{LiveKey, ObjectKey};
use crate::export::run::End;
use crate::pipeline::invocation::Invocation;
use crate::pipeline::{DaySealing, GapClosing, Pipeline};
use crate::records::live::{Batch, Frame, Problem, Quarantined};
use crate::records::redaction::{Redactor, Rules};

/// An archive in memory with live objects.
pub(super) struct LiveWorld {
    pub(super) store: Arc<MemoryStore>,
    pub(super) archive: Archive,
}

pub(super) fn at(time: &str) -> Timestamp {
    format!("2026-03-{time}Z").parse().unwrap()
}

/// The id of a conversation, by its first letter.
pub(super) fn id(letter: char) -> ConversationId {
    let id = format!("{letter}f8fad5b-d9cb-469f-a165-70867728950e");
    id.parse().unwrap()
}

fn redactor() -> Redactor {
    Redactor::new(Rules::default())
}

/// A batch of an event at this time for each conversation.
pub(super) fn batch(conversations: &str, time: &str) -> Batch {
    let mut batch = Batch::default();
    let at = at(time);
    for id in conversations.chars().map(id) {
        let text = format!(
            r#"{{"topicName":"v2.detail.events.conversation.{id}.acw","version":"2","eventBody":{{"conversationId":"{id}","eventTime":"{at}","wrapupNotes":"mary@example.com"}}}}"#
        );
        let frame = Frame::of_socket(&text, at).unwrap();
        batch.add(frame.redacted(&redactor()));
    }
    batch
}

fn with_quarantined(mut batch: Batch, text: &str) -> Batch {
    batch.quarantine(Quarantined::new(Problem::NotJson, text, &redactor()));
    batch
}

pub(super) async fn commit(writer: &mut LiveWriter, batch: Batch, time: &str) {
    let arrival = Arrival {
        at: at(time),
        covered_until: None,
    };
    let committed = writer.commit(&batch.encode(), arrival).await.unwrap();
    assert!(committed.is_some());
}

/// Three days of frames by two writers, two of them sealed, with an epoch that another one followed, a closed gap, open
/// ones, quarantined texts and orphans. And another stream.
pub(super) async fn eventful() -> Objects {
    let world = LiveWorld::new(None);
    world.fill().await;
    world.store.objects()
}

impl LiveWorld {
    /// With a key, documents of signed kinds are signed.
    pub(super) fn new(key: Option<&LocalKey>) -> Self {
        let store = Arc::<MemoryStore>::default();
        let archive = Archive::new(Arc::clone(&store) as Arc<_>);
        let archive = match key {
            Some(key) => archive.with_signatures(Signatures::with_key(Arc::new(key.clone()))),
            None => archive,
        };
        Self { store, archive }
    }

    pub(super) fn writer(&self, process: &str) -> LiveWriter {
        LiveWriter::new(self.archive.clone(), StreamName::events(), process)
    }

    pub(super) async fn fill(&self) {
        self.begin_epochs().await;
        let mut writer = self.writer("one");
        commit(&mut writer, batch("a", "02T09:00:00"), "02T09:00:30").await;
        commit(&mut writer, batch("ab", "03T10:00:00"), "03T10:00:30").await;
        let mixed = with_quarantined(batch("a", "03T10:01:00"), "{ mary@example.com");
        commit(&mut writer, mixed, "03T10:01:30").await;
        let mut other = self.writer("other");
        commit(&mut other, batch("ab", "03T10:00:00"), "03T10:00:31").await;
        let texts = with_quarantined(Batch::default(), "{ one");
        commit(&mut other, with_quarantined(texts, "{ two"), "03T11:00:00").await;
        commit(&mut writer, batch("c", "03T23:59:59"), "04T00:10:00").await;
        self.close_gap().await;
        self.record_gap("03T14:00:00", "03T14:01:00", "04T12:00:00")
            .await;
        self.export_day_and_seal().await;

        commit(&mut writer, batch("df", "04T13:00:00"), "04T13:00:10").await;
        commit(&mut other, batch("e", "04T14:00:00"), "04T14:00:10").await;
        self.record_gap("03T15:00:00", "03T15:01:00", "05T05:00:00")
            .await;
        self.record_gap("04T16:00:00", "04T16:02:00", "04T16:02:00")
            .await;
        self.leave_orphans().await;
        let queues = "queues".parse().unwrap();
        let mut queues = LiveWriter::new(self.archive.clone(), queues, "three");
        commit(&mut queues, batch("a", "04T10:00:00"), "04T10:00:30").await;
    }

    async fn begin_epochs(&self) {
        for (writer, time) in [("w-1", "02T08:00:00"), ("w-2", "03T08:00:00")] {
            let (stream, writer) = (StreamName::events(), writer.parse().unwrap());
            live_epochs::begin(&self.archive, &stream, &writer, at(time))
                .await
                .unwrap();
        }
        let name = ObjectKey::Live(LiveKey::Epoch(&StreamName::events(), 1)).key();
        let first = self.archive.read_key(&name).await.unwrap().unwrap();
        live_epochs::end(&self.archive, &first, None, at("03T08:01:00"))
            .await
            .unwrap();
    }

    pub(super) async fn record_gap(&self, from: &str, until: &str, recorded_at: &str) -> LiveGap {
        let gap = LiveGap {
            format_version: FormatVersion,
            stream: StreamName::events(),
            writer: "w-1".parse().unwrap(),
            span: LiveGapSpan {
                from: at(from),
                until: at(until),
            },
            reason: GapReason::Silence,
            code: None,
            recorded_at: at(recorded_at),
        };
        live_gaps::record(&self.archive, gap).await.unwrap()
    }

    /// A gap that an export of four conversations closes.
    async fn close_gap(&self) {
        let gap = self
            .record_gap("03T10:00:00", "03T10:05:00", "03T10:05:01")
            .await;
        let request = serde_json::to_string(&gap.request(None)).unwrap();
        let pipeline = self.export(&request, "abcd").await;
        let closing = GapClosing {
            pipeline,
            delay: Duration::from_mins(15),
            redaction: None,
        };
        let counts = closing.advance(&StreamName::events()).await.unwrap();
        assert_eq!((counts.closed, counts.open, counts.started), (1, 0, 0));
    }

    /// The scheduled export of March 3, which has two conversations that were not heard of, and the seals of two days.
    async fn export_day_and_seal(&self) {
        let request = r#"{"exportId":"nightly","source":"analytics-job","interval":"2026-03-03T00:00:00Z/2026-03-04T00:00:00Z"}"#;
        let pipeline = self.export(request, "abcde").await;
        let sealed = self.seal_days(pipeline).await;
        assert_eq!(sealed, 2);
    }

    pub(super) async fn seal_days(&self, pipeline: Pipeline) -> u64 {
        let invocation = Invocation {
            request_id: "sweep".to_owned(),
            deadline: Deadline::NONE,
        };
        let sealing = DaySealing { pipeline };
        let stream = StreamName::events();
        sealing.seal_due(&stream, &invocation).await.unwrap()
    }

    /// Completes an export with these conversations in this archive. Returns its pipeline, whose clock is at 4 o'clock of
    /// March 5.
    pub(super) async fn export(&self, request: &str, conversations: &str) -> Pipeline {
        let archive = self.archive.clone();
        let export = TestExport::start_in(|_| archive, request, None).await;
        let ids: Vec<_> = conversations.chars().map(id).collect();
        let ids: Vec<_> = ids.iter().map(ConversationId::as_str).collect();
        export.open(1, Some("job")).await;
        export.page(1, &records(3, &ids), None).await;
        export.end(1, End::Complete).await;
        export.conclude().await;
        export.pipeline
    }

    /// Objects of a writer that was killed before its record, and others that this program does not write.
    async fn leave_orphans(&self) {
        let killed = LiveWorld::new(None);
        let batch = with_quarantined(batch("f", "04T15:00:00"), "{ three");
        commit(&mut killed.writer("killed"), batch, "04T15:00:10").await;
        let mut left = killed.store.objects();
        left.retain(|key, _| !key.ends_with(".record.json"));
        for name in [
            "dt=2026-03-04/notes.txt",
            "days/yesterday.json",
            "epoch-3.json",
            "gaps/now-later.json",
            "other/notes.txt",
            "quarantine/notes.txt",
        ] {
            left.insert(format!("live/events/{name}"), "notes".into());
        }
        self.store.insert_all(left);
    }
}

/// The keys of the frame records of a writer, in the order of their sequences. Writers are in the order of their first
/// record.
pub(super) fn chains(objects: &Objects) -> Vec<Vec<String>> {
    let mut chains = BTreeMap::<String, Vec<(u64, String)>>::new();
    let is_record =
        |key: &&String| key.starts_with("live/events/") && key.ends_with(".record.json");
    for key in objects.keys().filter(is_record) {
        let record: Value = seal::open(&objects[key]).unwrap();
        let writer = record["writer"].as_str().unwrap().to_owned();
        let sequence = record["sequence"].as_u64().unwrap();
        chains
            .entry(writer)
            .or_default()
            .push((sequence, key.clone()));
    }
    let mut chains: Vec<_> = chains.into_values().collect();
    for chain in &mut chains {
        chain.sort();
    }
    let keys = |chain: Vec<(u64, String)>| chain.into_iter().map(|(_, key)| key).collect();
    let mut chains: Vec<Vec<String>> = chains.into_iter().map(keys).collect();
    chains.sort();
    chains
}

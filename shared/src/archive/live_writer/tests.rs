use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;

use super::*;
use crate::base::seal;
use crate::export::objects::Object;
use crate::records::live::{Batch, Frame, Problem};
use crate::records::page::page_text;
use crate::records::redaction::{Redactor, Rules};
use crate::storage::store::{ArchiveStore, Listing, StoreError};

/// The key of a frame record ends so.
const RECORD: &str = ".record.json";

/// A trouble of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// An error, and no object.
    Fails,
    /// An error, although the object is written.
    LosesResponse,
    /// The write never returns.
    Hangs,
}

#[derive(Debug, Default)]
struct TestStore {
    objects: Mutex<BTreeMap<String, Bytes>>,
    /// The trouble of the next write of a key with this end.
    trouble: Mutex<Option<(&'static str, Trouble)>>,
}

impl TestStore {
    fn prepare(&self, end: &'static str, trouble: Trouble) {
        *self.trouble.lock().unwrap() = Some((end, trouble));
    }

    fn take_trouble(&self, key: &str) -> Option<Trouble> {
        let mut trouble = self.trouble.lock().unwrap();
        let due = trouble.take_if(|(end, _)| key.ends_with(*end));
        due.map(|(_, trouble)| trouble)
    }

    fn bytes(&self, key: &str) -> Bytes {
        self.objects.lock().unwrap()[key].clone()
    }

    fn keys(&self, end: &str) -> Vec<String> {
        let objects = self.objects.lock().unwrap();
        let keys = objects.keys().filter(|key| key.ends_with(end));
        keys.cloned().collect()
    }

    fn records(&self) -> Vec<FrameRecord> {
        let keys = self.keys(RECORD).into_iter();
        let mut records: Vec<FrameRecord> = keys
            .map(|key| seal::open(&self.bytes(&key)).unwrap())
            .collect();
        records.sort_by_key(|record| (record.arrived_at, record.sequence));
        records
    }

    fn insert(&self, object: Object) -> Stored {
        let mut objects = self.objects.lock().unwrap();
        if objects.contains_key(&object.key) {
            return Stored::AlreadyExists;
        }
        objects.insert(object.key, object.body);
        Stored::Created
    }
}

#[async_trait]
impl ArchiveStore for TestStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn create(&self, object: Object) -> Result<Stored, StoreError> {
        let failed = StoreError::Transient {
            action: "create",
            key: object.key.clone(),
            source: "SlowDown".into(),
        };
        match self.take_trouble(&object.key) {
            None => Ok(self.insert(object)),
            Some(Trouble::Fails) => Err(failed),
            Some(Trouble::LosesResponse) => {
                self.insert(object);
                Err(failed)
            }
            Some(Trouble::Hangs) => std::future::pending().await,
        }
    }

    async fn replace(&self, _: Object) -> Result<(), StoreError> {
        unreachable!("a writer replaces nothing")
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        unreachable!("a writer deletes nothing")
    }

    async fn list(&self, _: &str, _: Option<&str>) -> Result<Listing, StoreError> {
        unreachable!("a writer lists nothing")
    }

    fn uri(&self, key: &str) -> String {
        key.to_owned()
    }
}

fn world() -> (Arc<TestStore>, LiveWriter) {
    let store = Arc::<TestStore>::default();
    let archive = Archive::new(Arc::clone(&store) as Arc<dyn ArchiveStore>);
    let writer = LiveWriter::new(archive, StreamName::events(), "request-1");
    (store, writer)
}

fn at(time: &str) -> Timestamp {
    format!("2026-11-30T{time}Z").parse().unwrap()
}

fn arrival(time: &str) -> Arrival {
    Arrival {
        at: at(time),
        covered_until: Some(at(time)),
    }
}

fn redactor() -> Redactor {
    Redactor::new(Rules::default())
}

/// The id of a conversation, by its first letter.
fn id(letter: char) -> ConversationId {
    let id = format!("{letter}f8fad5b-d9cb-469f-a165-70867728950e");
    id.parse().unwrap()
}

/// A batch of the end of each conversation, by the first letter of its id.
fn batch(conversations: &str) -> Batch {
    let mut batch = Batch::default();
    for id in conversations.chars().map(id) {
        let text = format!(
            r#"{{"topicName":"v2.detail.events.conversation.{id}.acw","version":"2","eventBody":{{"conversationId":"{id}","eventTime":1796032800000,"wrapupNotes":"mary@example.com"}}}}"#
        );
        let frame = Frame::of_socket(&text, at("10:00:00")).unwrap();
        batch.add(frame.redacted(&redactor()));
    }
    batch
}

fn quarantine(mut batch: Batch, text: &str) -> Batch {
    let quarantined = Quarantined::new(Problem::NotJson, text, &redactor());
    batch.quarantine(quarantined);
    batch
}

#[tokio::test]
async fn a_record_names_its_objects_and_the_record_before() {
    let (store, mut writer) = world();

    let first = writer
        .commit(&batch("ab").encode(), arrival("10:00:00"))
        .await;
    let second = writer
        .commit(&batch("c").encode(), arrival("11:00:00"))
        .await;

    let [first, second] = [first, second].map(|committed| committed.unwrap().unwrap());
    let records = store.records();
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].sequence, &records[0].previous), (1, &None));
    let previous = PreviousRecord {
        sha256: Sha256::of(store.bytes(&first.key)),
        key: first.key,
    };
    assert_eq!(
        (records[1].sequence, &records[1].previous),
        (2, &Some(previous))
    );
    assert_eq!(records[0].writer, records[1].writer);
    assert_eq!((second.stored, second.counts.stored), (Stored::Created, 1));
    for record in &records {
        let objects = record.objects.as_ref().unwrap();
        for object in [&objects.page, &objects.index] {
            assert_eq!(
                StoredObject::of(object.key.clone(), &store.bytes(&object.key)),
                *object
            );
        }
    }
    let lines = page_text(&store.bytes(&records[0].objects.as_ref().unwrap().page.key)).unwrap();
    assert_eq!(lines.lines().count(), 2);
    assert_eq!(records[0].redactions.of("EMAIL"), 2);
    assert_eq!(records[0].first_event_time, Some(at("10:00:00")));
}

#[tokio::test]
async fn a_commit_returns_the_conversations_that_may_have_ended() {
    let (_, mut writer) = world();

    let committed = writer
        .commit(&batch("bab").encode(), arrival("10:00:00"))
        .await;

    let ended = committed.unwrap().unwrap().ended;
    assert_eq!(ended, BTreeSet::from([id('a'), id('b')]));
}

#[tokio::test]
async fn a_batch_delivered_again_within_the_hour_has_one_record() {
    let (store, mut writer) = world();
    for time in ["10:00:00", "10:59:59"] {
        let committed = writer.commit(&batch("a").encode(), arrival(time)).await;
        assert_eq!(committed.unwrap().unwrap().ended.len(), 1);
    }

    writer
        .commit(&batch("b").encode(), arrival("10:59:59"))
        .await
        .unwrap();

    let records = store.records();
    let sequences: Vec<_> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, [1, 2]);
    assert_eq!(records[0].writer, records[1].writer);
}

#[tokio::test]
async fn a_batch_delivered_again_in_the_next_hour_has_another_record() {
    let (store, mut writer) = world();

    for time in ["10:59:59", "11:00:00"] {
        writer
            .commit(&batch("a").encode(), arrival(time))
            .await
            .unwrap();
    }

    assert_eq!(store.records().len(), 2);
}

#[tokio::test]
async fn after_a_write_with_an_unknown_result_another_writer_continues() {
    for (trouble, records_before) in [(Trouble::Fails, 0), (Trouble::LosesResponse, 1)] {
        let (store, mut writer) = world();
        store.prepare(RECORD, trouble);
        let failed = writer
            .commit(&batch("a").encode(), arrival("10:00:00"))
            .await;
        assert!(failed.unwrap_err().is_transient());
        assert_eq!(store.records().len(), records_before);

        writer
            .commit(&batch("a").encode(), arrival("10:00:01"))
            .await
            .unwrap();
        writer
            .commit(&batch("b").encode(), arrival("10:00:02"))
            .await
            .unwrap();

        let records = store.records();
        let [.., retried, after] = records.as_slice() else {
            panic!("{records:?}");
        };
        assert_eq!((retried.sequence, &retried.previous), (1, &None));
        assert_eq!((after.sequence, &after.writer), (2, &retried.writer));
        let lost = &records[..records_before];
        assert!(lost.iter().all(|record| record.writer != retried.writer));
    }
}

#[tokio::test]
async fn a_commit_that_is_dropped_in_its_record_write_ends_its_chain() {
    let (store, mut writer) = world();
    writer
        .commit(&batch("a").encode(), arrival("10:00:00"))
        .await
        .unwrap();
    store.prepare(RECORD, Trouble::Hangs);
    let dropped = writer
        .commit(&batch("b").encode(), arrival("10:00:01"))
        .now_or_never();
    assert!(dropped.is_none());

    writer
        .commit(&batch("b").encode(), arrival("10:00:02"))
        .await
        .unwrap();

    let records = store.records();
    assert_ne!(records[0].writer, records[1].writer);
    assert_eq!((records[1].sequence, &records[1].previous), (1, &None));
}

#[tokio::test]
async fn an_error_before_the_record_keeps_the_chain() {
    let (store, mut writer) = world();
    writer
        .commit(&batch("a").encode(), arrival("10:00:00"))
        .await
        .unwrap();
    store.prepare(".index.gz", Trouble::LosesResponse);
    let failed = writer
        .commit(&batch("b").encode(), arrival("10:00:01"))
        .await;
    assert!(failed.is_err());

    writer
        .commit(&batch("b").encode(), arrival("10:00:02"))
        .await
        .unwrap();

    let records = store.records();
    assert_eq!(records[0].writer, records[1].writer);
    assert_eq!(records[1].sequence, 2);
}

#[tokio::test]
async fn quarantined_texts_have_a_record_even_without_frames() {
    let (store, mut writer) = world();

    for text in ["{ mary@example.com", "{ other"] {
        let bad = quarantine(Batch::default(), text);
        writer
            .commit(&bad.encode(), arrival("10:00:00"))
            .await
            .unwrap();
    }
    let mixed = quarantine(batch("a"), "{ other");
    writer
        .commit(&mixed.encode(), arrival("10:00:00"))
        .await
        .unwrap();
    writer
        .commit(&batch("a").encode(), arrival("10:00:00"))
        .await
        .unwrap();

    let records = store.records();
    let objects = records
        .iter()
        .map(|it| (it.objects.is_some(), it.quarantined.len()));
    assert_eq!(
        objects.collect::<Vec<_>>(),
        [(false, 1), (false, 1), (true, 1), (true, 0)]
    );
    let stored = &records[0].quarantined[0].object;
    let document: QuarantinedFrame = seal::open(&store.bytes(&stored.key)).unwrap();
    assert_eq!(document.text.as_deref(), Some("{ [REDACTED:EMAIL]"));
    assert_eq!(
        (document.reason, document.size_bytes),
        (Problem::NotJson, 18)
    );
    assert_eq!(Sha256::of(store.bytes(&stored.key)), stored.sha256);
}

#[tokio::test]
async fn a_foreign_record_under_the_key_of_a_batch_does_not_count_for_it() {
    let (store, mut writer) = world();
    writer
        .commit(&batch("a").encode(), arrival("10:00:00"))
        .await
        .unwrap();
    let [key] = <[String; 1]>::try_from(store.keys(RECORD)).unwrap();
    let mut foreign: FrameRecord = seal::open(&store.bytes(&key)).unwrap();
    foreign.objects = None;
    let bytes = seal::seal(&foreign).unwrap();
    store.objects.lock().unwrap().insert(key, bytes.into());

    let refused = writer
        .commit(&batch("a").encode(), arrival("10:00:01"))
        .await;
    let retried = writer
        .commit(&batch("a").encode(), arrival("10:00:02"))
        .await;

    assert!(refused.unwrap_err().is_damage());
    assert_eq!(retried.unwrap().unwrap().stored, Stored::Created);
}

#[tokio::test]
async fn an_empty_batch_writes_nothing() {
    let (store, mut writer) = world();

    let committed = writer
        .commit(&Batch::default().encode(), arrival("10:00:00"))
        .await;

    assert!(committed.unwrap().is_none());
    assert!(store.objects.lock().unwrap().is_empty());
}

#[test]
fn processes_have_different_writers_and_a_commit_can_be_spawned() {
    fn is_send<T: Send>(_: T) {}
    let (_, mut writer) = world();

    let ids = ["request-1", "request-2"].map(|process| Chain::new(process, 1).writer);

    assert_ne!(ids[0], ids[1]);
    is_send(writer.commit(&Batch::default().encode(), arrival("10:00:00")));
}

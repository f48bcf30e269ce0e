//! archive-events over any store. And what it stored, read as docs/format.md documents it and without the code under
//! test, with a check that each object is what the documents say about it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use archive_events::ArchiveEvents;
use bytes::Bytes;
use conversation_archive::archive::{Archive, PortionLimits};
use conversation_archive::export::plan::RedactionPlan;
use conversation_archive::net::clock::Clock;
use conversation_archive::pipeline::{FailedExports, Pipeline};
use conversation_archive::storage::queue::MemoryQueues;
use conversation_archive::storage::store::ArchiveStore;
use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Time from the hint at an end to the lookup.
const SETTLE: Duration = Duration::from_mins(2);

/// The handler of a process, built as its binary builds it.
pub fn archive_events(
    store: Arc<dyn ArchiveStore>,
    clock: &Clock,
    redaction: &RedactionPlan,
) -> ArchiveEvents {
    let pipeline = Pipeline {
        archive: Archive::new(store),
        queue: Arc::new(MemoryQueues::new(clock.clone())),
        clock: clock.clone(),
        max_open_slices: 1,
        portions: PortionLimits::default(),
        failed_exports: FailedExports::Swept,
    };
    let redactor = redaction.redactor(None).expect("a redactor");
    ArchiveEvents::new(pipeline, redactor, SETTLE)
}

/// The live objects of a store.
#[derive(Debug)]
pub struct LiveObjects {
    objects: BTreeMap<String, Bytes>,
    /// Each frame record with its key.
    records: Vec<(String, Value)>,
}

impl LiveObjects {
    /// # Panics
    ///
    /// If a document is not sealed, a record names an object that is missing or different, or a chain has a gap or a
    /// fork.
    pub fn of(objects: BTreeMap<String, Bytes>) -> Self {
        let is_record = |key: &&String| key.ends_with(".record.json");
        let keys = objects.keys().filter(is_record);
        let records = keys.map(|key| (key.clone(), sealed(key, &objects[key])));
        let live = Self {
            records: records.collect(),
            objects,
        };
        live.check_objects();
        live.check_chains();
        live
    }

    pub fn records(&self) -> impl Iterator<Item = &Value> {
        self.records.iter().map(|(_, record)| record)
    }

    /// The lines of all frame objects that count; a frame that two of them hold is twice in it.
    pub fn lines(&self) -> Vec<Value> {
        let objects = self.records().map(|record| &record["objects"]);
        let objects = objects.filter(|objects| !objects.is_null());
        objects.flat_map(|objects| self.lines_of(objects)).collect()
    }

    /// The identities of all frames that count.
    pub fn identities(&self) -> BTreeSet<String> {
        let lines = self.lines();
        lines.iter().map(|line| text(&line["identity"])).collect()
    }

    /// The quarantined frames that count, each once.
    pub fn quarantined(&self) -> Vec<Value> {
        let named = self
            .records()
            .flat_map(|record| elements(&record["quarantined"]));
        let keys: BTreeSet<_> = named.map(|object| text(&object["key"])).collect();
        let read = |key: String| sealed(&key, &self.objects[&key]);
        keys.into_iter().map(read).collect()
    }

    /// Everything that is stored, decompressed.
    pub fn texts(&self) -> impl Iterator<Item = (&String, String)> {
        self.objects.iter().map(|(key, body)| {
            let is_gzip = key.rsplit('.').next() == Some("gz");
            let body = if is_gzip { gunzip(body) } else { body.to_vec() };
            (key, String::from_utf8(body).expect("text"))
        })
    }

    fn check_objects(&self) {
        for (key, record) in &self.records {
            let objects = ["page", "index"].map(|name| &record["objects"][name]);
            let quarantined = elements(&record["quarantined"]);
            for object in objects.into_iter().chain(quarantined) {
                if !object.is_null() {
                    self.check_object(key, object);
                }
            }
            if !record["objects"].is_null() {
                self.check_frames(record);
            }
        }
    }

    fn check_object(&self, named_by: &str, object: &Value) {
        let key = text(&object["key"]);
        let body = self.objects.get(&key);
        let body = body.unwrap_or_else(|| panic!("{named_by} names {key}, which is missing"));
        assert_eq!(digest(body), text(&object["sha256"]), "{key}");
        assert_eq!(body.len() as u64, object["sizeBytes"], "{key}");
    }

    /// Frames are sorted and distinct, have the identity of their content, and are where the index says.
    fn check_frames(&self, record: &Value) {
        let lines = self.lines_of(&record["objects"]);
        assert_eq!(lines.len() as u64, record["counts"]["stored"]);
        let order = |line: &Value| (text(&line["eventTime"]), text(&line["identity"]));
        assert!(lines.is_sorted_by_key(order));
        let distinct: BTreeSet<_> = lines.iter().map(|line| text(&line["identity"])).collect();
        assert_eq!(distinct.len(), lines.len());
        for line in &lines {
            let expected = identity(&text(&line["topicName"]), &line["eventBody"]);
            assert_eq!(text(&line["identity"]), expected);
        }
        self.check_index(&record["objects"], &lines);
    }

    fn check_index(&self, objects: &Value, lines: &[Value]) {
        let object = self.decompressed(&objects["page"]);
        let index = self.decompressed(&objects["index"]);
        let entries: Vec<Value> = index.lines().map(json).collect();
        assert_eq!(entries.len(), lines.len());
        for (entry, line) in entries.iter().zip(lines) {
            let place = |name: &str| {
                let number = entry[name].as_u64().expect("a number");
                usize::try_from(number).expect("a place in memory")
            };
            let (from, length) = (place("offset"), place("length"));
            assert_eq!(json(&object[from..from + length]), *line);
            for field in ["identity", "conversationId", "eventTime"] {
                assert_eq!(entry[field], line[field], "{field}");
            }
        }
    }

    /// The records of each writer are numbered without a gap, and each names the one before it.
    fn check_chains(&self) {
        let mut chains = BTreeMap::<String, Vec<&(String, Value)>>::new();
        for record in &self.records {
            let writer = text(&record.1["writer"]);
            chains.entry(writer).or_default().push(record);
        }
        for chain in chains.values_mut() {
            chain.sort_by_key(|(_, record)| record["sequence"].as_u64());
            let mut previous = Value::Null;
            for (number, (key, record)) in (1_u64..).zip(chain) {
                assert_eq!(record["sequence"], number, "{key}");
                assert_eq!(record["previous"], previous, "{key}");
                let sha256 = digest(&self.objects[key]);
                previous = serde_json::json!({"key": key, "sha256": sha256});
            }
        }
    }

    fn lines_of(&self, objects: &Value) -> Vec<Value> {
        self.decompressed(&objects["page"])
            .lines()
            .map(json)
            .collect()
    }

    fn decompressed(&self, object: &Value) -> String {
        let body = gunzip(&self.objects[&text(&object["key"])]);
        String::from_utf8(body).expect("text")
    }
}

/// The identity of an event: the digest of its canonical JSON.
pub fn identity(topic_name: &str, body: &Value) -> String {
    digest(canonical(&serde_json::json!({"eventBody": body, "topicName": topic_name})).as_bytes())
}

fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            let members = sorted.into_iter().map(|(name, value)| {
                format!("{}:{}", Value::from(name.as_str()), canonical(value))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(canonical).collect();
            format!("[{}]", elements.join(","))
        }
        other => other.to_string(),
    }
}

/// Checks the seal of a document.
fn sealed(key: &str, bytes: &[u8]) -> Value {
    const TAIL_BYTES: usize = 76;
    let (content, tail) = bytes.split_at(bytes.len() - TAIL_BYTES);
    let content = [content, b"}"].concat();
    let expected = format!(",\"seal\":\"{}\"}}\n", digest(&content));
    assert_eq!(String::from_utf8_lossy(tail), expected, "{key}");
    json(str::from_utf8(bytes).expect("text"))
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

fn gunzip(body: &[u8]) -> Vec<u8> {
    let mut lines = Vec::new();
    GzDecoder::new(body).read_to_end(&mut lines).expect("gzip");
    lines
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

//! Checks that an export that is marked complete accounts for every conversation.
//!
//! A conversation is accounted for when it is archived, or when one of these holds:
//!
//! - the responses excuse its absence (see `excuses` and `transcript_excuses`);
//! - its record was sent in another form, which is either quarantined under `failures/` byte for byte or archived under
//!   another id that it names;
//! - it was requested by id, a response that is valid by its contract omitted it, and it is listed in `missingIds`;
//! - in a transcripts export, some response about it was altered, and its record has a status other than `complete`.
//!
//! In addition, an untouched record is archived unchanged, every archived record was in a response, repeated records
//! are counted, rows have their names, and `verify` succeeds.

use std::collections::{BTreeMap, BTreeSet};

use conversation_archive::archive::verify::{Anchors, verify};
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::Manifest;
use end_to_end::world::World;
use serde_json::Value;

use super::excuses::Excuses;
use super::json;
use super::page::{Element, first_given};
use super::scenario::{Feature, Scenario, Source};

/// A violation: a short description that is equal for all violations of its kind, and the details.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) kind: String,
    pub(super) detail: String,
}

impl Problem {
    pub(super) fn new(kind: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            detail: detail.into(),
        }
    }
}

pub(super) struct Oracle<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) world: &'a World,
    pub(super) excuses: &'a Excuses,
    /// The ids that must be accounted for.
    pub(super) expected: &'a BTreeSet<String>,
}

impl Oracle<'_> {
    pub(super) async fn check(&self, id: &ExportId) -> Result<(), Problem> {
        let manifest = self.world.manifest(id).await;
        if self.scenario.source.is_transcripts() {
            self.check_transcripts(&manifest).await?;
        } else {
            self.check_records(&manifest).await?;
            self.check_names(&manifest).await?;
        }
        let archive = self.world.archive();
        let report = verify(&archive, id, &Anchors::default(), &mut |_| {}).await;
        report.map_err(|error| Problem::new("verify finds damage", error.to_string()))?;
        Ok(())
    }

    async fn check_records(&self, manifest: &Manifest) -> Result<(), Problem> {
        let fields = match self.scenario.records {
            "minimal" => &["id"],
            "normalized" => &["recordId"],
            _ => self.scenario.source.id_fields(),
        };
        let archived = self.count_archived_ids(manifest, fields).await?;
        let absent = self.excuses.absent_ids(&self.world.simulator);
        for id in self.expected {
            let is_present = archived.contains_key(id) || absent.contains(id);
            if is_present || self.is_replaced(id, &archived) {
                continue;
            }
            let is_listed_missing = manifest.missing_ids.contains(id);
            if is_listed_missing && self.excuses.unlisted.contains(id) {
                continue;
            }
            let kind = if is_listed_missing {
                "named as missing, and was there"
            } else {
                "lost"
            };
            let status = manifest.outcome.status.as_str();
            return Err(Problem::new(
                kind,
                format!("{status}, but {id} is not archived"),
            ));
        }
        for id in archived.keys() {
            let is_known = self.excuses.named_ids.contains(id);
            if !is_known {
                return Err(Problem::new(
                    "invented",
                    format!("{id}, which no answer named"),
                ));
            }
            let is_foreign = !self.expected.contains(id) && !self.excuses.touched.contains(id);
            if is_foreign && self.excuses.genuine.contains_key(id) {
                return Err(Problem::new("of another interval", id));
            }
        }
        self.check_repeats(manifest, &archived).await?;
        self.check_bytes(manifest).await
    }

    /// Returns the number of occurrences of each id in the pages that the manifest names.
    async fn count_archived_ids(
        &self,
        manifest: &Manifest,
        fields: &[&str],
    ) -> Result<BTreeMap<String, u32>, Problem> {
        let mut archived = BTreeMap::new();
        for (line, count) in self.world.archived_lines(manifest).await {
            let record = json::parse(line.as_bytes());
            let ids = record
                .iter()
                .flat_map(|record| first_given(record, line.as_bytes(), fields));
            // If a line has several ids, any of them counts.
            let ids: BTreeSet<_> = ids.filter_map(|id| id.id(line.as_bytes())).collect();
            if ids.is_empty() {
                return Err(Problem::new(
                    "a line without an id",
                    format!("on {count} pages"),
                ));
            }
            for id in ids {
                *archived.entry(id).or_default() += count;
            }
        }
        Ok(archived)
    }

    /// Whether the element that replaced the record is quarantined or archived.
    fn is_replaced(&self, id: &str, archived: &BTreeMap<String, u32>) -> bool {
        let Some(elements) = self.excuses.replaced.get(id) else {
            return false;
        };
        let snapshot = self.world.store.snapshot();
        let quarantined = snapshot
            .iter()
            .filter(|(key, _)| key.contains("/failures/"));
        // Quarantined records are redacted, too, so their bytes may differ.
        let is_redacted = self.scenario.has(Feature::Redaction);
        let is_quarantined = |element: &Element| {
            let mut quarantined = quarantined.clone();
            quarantined.any(|(_, body)| is_redacted || *body == element.bytes)
        };
        let is_archived =
            |element: &Element| element.ids.iter().any(|id| archived.contains_key(id));
        elements.iter().any(is_archived) || elements.iter().any(is_quarantined)
    }

    /// Checks that the manifest counts the ids that are archived more than once.
    async fn check_repeats(
        &self,
        manifest: &Manifest,
        archived: &BTreeMap<String, u32>,
    ) -> Result<(), Problem> {
        let lines = self.world.archived_lines(manifest).await;
        let identical: u64 = lines.values().map(|count| u64::from(count - 1)).sum();
        let repeated = archived.values().filter(|count| **count > 1).count();
        let reported = manifest.content.repeated.as_ref();
        let reported_identical = reported.map_or(0, |reported| reported.identical_lines);
        if reported_identical == identical && (repeated == 0) == reported.is_none() {
            return Ok(());
        }
        let detail = format!("{identical} identical lines, {repeated} ids: {reported:?}");
        Err(Problem::new("twice, and not counted", detail))
    }

    /// Checks that records that no alteration touched are archived unchanged.
    async fn check_bytes(&self, manifest: &Manifest) -> Result<(), Problem> {
        if self.scenario.records != "full" || self.scenario.has(Feature::Redaction) {
            return Ok(());
        }
        let fields = self.scenario.source.id_fields();
        for line in self.world.archived_lines(manifest).await.keys() {
            let Ok(record) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let given = fields.iter().find(|field| !record[**field].is_null());
            let id = &record[*given.unwrap_or(&fields[0])];
            let id = id
                .as_str()
                .map_or_else(|| id.to_string(), ToOwned::to_owned);
            let genuine = self.excuses.genuine.get(&id);
            let is_same = genuine.is_none_or(|genuine| genuine.contains(line.as_bytes()));
            if !is_same && !self.excuses.touched.contains(&id) {
                return Err(Problem::new("other bytes", id));
            }
        }
        Ok(())
    }

    /// Checks that each row with a code has the code's name, unless a listing omitted it or the manifest warns about
    /// it.
    async fn check_names(&self, manifest: &Manifest) -> Result<(), Problem> {
        let is_warned = manifest
            .warnings
            .iter()
            .any(|warning| warning.contains("name"));
        if !self.scenario.has(Feature::Names) || self.excuses.auxiliary.lists_names || is_warned {
            return Ok(());
        }
        for line in self.world.archived_lines(manifest).await.keys() {
            let row: Value = serde_json::from_str(line).unwrap_or_default();
            let id = row["recordId"].as_str().unwrap_or_default();
            let is_touched = self.excuses.touched.contains(id);
            let is_analytics = self.scenario.source.is_analytics();
            if is_analytics
                && !is_touched
                && row["wrapUpCode"].is_string()
                && row["wrapUpName"].is_null()
            {
                return Err(Problem::new("without its name", format!("the row of {id}")));
            }
        }
        Ok(())
    }

    async fn check_transcripts(&self, manifest: &Manifest) -> Result<(), Problem> {
        let mut records = BTreeMap::new();
        for (line, count) in self.world.archived_lines(manifest).await {
            let Ok(record) = serde_json::from_str::<Value>(&line) else {
                return Err(Problem::new("unreadable", "the line of a transcript"));
            };
            let id = record["conversationId"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if count > 1 || records.insert(id.clone(), record).is_some() {
                return Err(Problem::new("twice", id));
            }
        }
        for id in self.expected {
            let Some(record) = records.get(id) else {
                return Err(Problem::new("lost", format!("{id} has no transcript")));
            };
            self.check_transcript(id, record)?;
            self.check_files(id, record)?;
        }
        Ok(())
    }

    /// Checks that every attachment is stored unchanged, or that the record gives the reason why it is not.
    fn check_files(&self, id: &str, record: &Value) -> Result<(), Problem> {
        let messages = record["messages"].as_array().into_iter().flatten();
        let attachments = messages.filter_map(|message| message["attachments"].as_array());
        let is_altered = self.excuses.transcripts.of(id).is_some();
        for attachment in attachments
            .flatten()
            .filter(|_| self.scenario.has(Feature::Files))
        {
            let file_id = attachment["id"].as_str().unwrap_or_default();
            if is_altered || self.excuses.transcripts.has_altered_file(file_id) {
                continue;
            }
            let expected_file = self.world.simulator.file(file_id);
            if attachment["sha256"].is_null() && expected_file.is_none() {
                continue;
            }
            let stored = attachment["sha256"]
                .as_str()
                .map(|sha256| format!("-file-{sha256}"));
            let stored = stored.and_then(|end| {
                let mut objects = self.world.store.snapshot().into_iter();
                objects.find(|(key, _)| key.ends_with(&end))
            });
            if stored.map(|(_, body)| body.to_vec()) != expected_file {
                return Err(Problem::new(
                    "a file is lost",
                    format!("{id}: {attachment}"),
                ));
            }
        }
        Ok(())
    }

    fn check_transcript(&self, id: &str, record: &Value) -> Result<(), Problem> {
        let status = record["status"].as_str().unwrap_or_default();
        let excuse = self.excuses.transcripts.of(id);
        let detail = || format!("{id}: {status} {}", record["problem"]);
        match (status, excuse) {
            ("complete", _) => self.check_messages(id, record),
            (_, None) => Err(Problem::new(
                "not complete, though nothing was altered",
                detail(),
            )),
            ("gone", Some(excuse)) if !excuse.may_be_gone => {
                Err(Problem::new("gone, though no answer said so", detail()))
            }
            _ => Ok(()),
        }
    }

    /// Checks that every message of the simulator's data is in the record, except those that the responses excuse.
    fn check_messages(&self, id: &str, record: &Value) -> Result<(), Problem> {
        let messages = record["messages"].as_array().map_or(&[][..], Vec::as_slice);
        let archived_messages: BTreeSet<(&str, &str)> = messages
            .iter()
            .filter_map(|it| Some((it["messageId"].as_str()?, it["text"].as_str()?)))
            .collect();
        let texts: BTreeSet<&str> = archived_messages.iter().map(|(_, text)| *text).collect();
        let ids: BTreeSet<&str> = archived_messages.iter().map(|(id, _)| *id).collect();
        let excuse = self.excuses.transcripts.of(id);
        let is_excused = |key: &str| excuse.is_some_and(|excuse| excuse.excused.contains(key));
        let excused = excuse.map_or(0, |excuse| excuse.excused.len());
        let by_number = self.scenario.source == Source::WebDetails;
        let truth = self.world.simulator.messages(id).unwrap_or_default();
        let truth = truth.iter().filter(|message| !message.text.is_empty());
        for (number, message) in (1..).zip(truth) {
            let key = if by_number {
                format!("{number}")
            } else {
                message.id.clone()
            };
            let is_present = match (by_number, self.scenario.has(Feature::Redaction)) {
                (true, true) => messages.len() + excused >= number,
                (true, false) => texts.contains(&*message.text),
                (false, true) => ids.contains(&*message.id),
                (false, false) => archived_messages.contains(&(&*message.id, &*message.text)),
            };
            if !is_present && !is_excused(&key) && record["cut"].is_null() {
                let detail = format!("{id} is complete without its message {key}");
                return Err(Problem::new("a message is lost", detail));
            }
        }
        Ok(())
    }
}

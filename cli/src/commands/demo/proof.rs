//! The proof: compares the archive with the simulator's data, and checks the deliveries to the receiver.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use console::style;
use conversation_archive::archive::Archive;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::Manifest;
use conversation_archive::records::page::decode_lines;
use conversation_archive::storage::store::MAX_OBJECT_BYTES;
use genesys_simulator::Simulator;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::figures::{count, counted};
use crate::problem::Problem;
use crate::receiver::{Receiver, Seen};

/// The result of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    expected: u64,
    missing: u64,
    /// Archived, but not expected.
    strange: u64,
    repeated: u64,
    deliveries: Vec<Seen>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    conversation_id: String,
}

impl Proof {
    pub(super) async fn of(
        archive: &Archive,
        id: &ExportId,
        simulator: &Simulator,
        receiver: &Receiver,
    ) -> anyhow::Result<Self> {
        let manifest: Manifest = archive
            .read(ObjectKey::Manifest(id))
            .await?
            .context("the manifest is missing")?;
        let interval = manifest.outcome.interval;
        let archived = archived(archive, &manifest).await?;
        let expected = simulator.truth().conversations.into_iter();
        let expected: BTreeSet<String> = expected
            .filter(|it| interval.contains(it.start) && !it.malformed)
            .map(|it| it.id)
            .collect();
        Ok(Self {
            expected: expected.len() as u64,
            missing: expected
                .iter()
                .filter(|id| !archived.contains_key(*id))
                .count() as u64,
            strange: archived.keys().filter(|id| !expected.contains(*id)).count() as u64,
            repeated: archived.values().filter(|times| **times > 1).count() as u64,
            deliveries: receiver.seen(),
        })
    }

    pub(super) fn text(&self) -> String {
        let (records, webhook) = (self.records_fit(), self.webhook_fits());
        format!(
            "{} each of the organisation's {} conversations of these days is archived exactly once{}\n{} {}",
            mark(records),
            count(self.expected),
            if records {
                String::new()
            } else {
                format!(": no, {}", self.difference())
            },
            mark(webhook),
            self.told(),
        )
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "expected": self.expected,
            "missing": self.missing,
            "unexpected": self.strange,
            "repeated": self.repeated,
            "deliveries": self.deliveries.len(),
            "webhookIds": self.ids().len(),
            "proved": self.records_fit() && self.webhook_fits(),
        })
    }

    /// Fails if anything differs from the promise.
    pub(super) fn judge(&self) -> Result<(), Problem> {
        if !self.records_fit() {
            return Err(Problem::failed(format!(
                "the archive differs from the organisation's data: {}",
                self.difference()
            )));
        }
        if !self.webhook_fits() {
            return Err(Problem::failed(format!(
                "the webhook was not delivered as promised: {}",
                self.told()
            )));
        }
        Ok(())
    }

    fn records_fit(&self) -> bool {
        self.missing + self.strange + self.repeated == 0
    }

    /// Whether one outcome was delivered until it was accepted once, with a valid signature on every delivery.
    fn webhook_fits(&self) -> bool {
        let taken = self
            .deliveries
            .iter()
            .filter(|seen| (200..300).contains(&seen.status))
            .count();
        self.ids().len() == 1 && taken == 1 && self.deliveries.iter().all(|seen| seen.signed)
    }

    fn ids(&self) -> BTreeSet<&str> {
        self.deliveries
            .iter()
            .map(|seen| seen.id.as_str())
            .collect()
    }

    fn difference(&self) -> String {
        let Self {
            missing,
            strange,
            repeated,
            ..
        } = self;
        format!("{missing} missing, {repeated} duplicated, {strange} unexpected")
    }

    fn told(&self) -> String {
        let signed = self.deliveries.iter().filter(|seen| seen.signed).count() as u64;
        let events: BTreeSet<&str> = self
            .deliveries
            .iter()
            .map(|seen| seen.event.as_str())
            .collect();
        format!(
            "the receiver got {} under {} in {}, {} with a valid signature",
            events.into_iter().collect::<Vec<_>>().join(" and "),
            counted(self.ids().len() as u64, "webhook id", "webhook ids"),
            counted(self.deliveries.len() as u64, "delivery", "deliveries"),
            count(signed),
        )
    }
}

/// The number of times that each conversation occurs on the pages that the manifest names.
async fn archived(archive: &Archive, manifest: &Manifest) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut times = BTreeMap::new();
    let pages = manifest
        .content
        .slices
        .iter()
        .flat_map(|slice| &slice.pages);
    for objects in pages.filter_map(|page| page.objects.as_ref()) {
        let key = &objects.page.key;
        let stored = archive
            .store()
            .get(key)
            .await?
            .with_context(|| format!("{key} is missing"))?;
        let lines = decode_lines(&stored, MAX_OBJECT_BYTES)?;
        for line in lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let Line { conversation_id } = serde_json::from_slice(line)?;
            *times.entry(conversation_id).or_default() += 1;
        }
    }
    Ok(times)
}

fn mark(good: bool) -> console::StyledObject<&'static str> {
    if good {
        style("✓").green().bold()
    } else {
        style("✗").red().bold()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, status: u16, signed: bool) -> Seen {
        Seen {
            id: id.to_owned(),
            signed,
            status,
            event: "export.completed".to_owned(),
            export_id: "demo-7".to_owned(),
        }
    }

    fn proof(deliveries: Vec<Seen>) -> Proof {
        Proof {
            expected: 10,
            missing: 0,
            strange: 0,
            repeated: 0,
            deliveries,
        }
    }

    #[test]
    fn a_delivery_retried_under_the_same_id_passes() {
        let proof = proof(vec![seen("a", 503, true), seen("a", 204, true)]);

        assert_eq!(proof.judge(), Ok(()));
    }

    #[test]
    fn a_missing_delivery_a_second_id_or_a_bad_signature_fails() {
        for deliveries in [
            vec![],
            vec![seen("a", 503, true)],
            vec![seen("a", 204, true), seen("b", 204, true)],
            vec![seen("a", 503, true), seen("a", 401, false)],
        ] {
            assert!(proof(deliveries.clone()).judge().is_err(), "{deliveries:?}");
        }
    }

    #[test]
    fn a_missing_or_repeated_record_fails() {
        let good = proof(vec![seen("a", 204, true)]);

        for bad in [
            Proof {
                missing: 1,
                ..good.clone()
            },
            Proof {
                repeated: 1,
                ..good.clone()
            },
        ] {
            assert!(bad.judge().is_err());
        }
    }
}

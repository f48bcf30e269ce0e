//! The proof: compares the archive with the simulator's data, and checks the deliveries to the receiver.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use conversation_archive::archive::Archive;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::outcome::Manifest;
use conversation_archive::records::page::decode_lines;
use conversation_archive::storage::store::MAX_OBJECT_BYTES;
use genesys_simulator::Simulator;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::figures::{count, quantity};
use crate::problem::Problem;
use crate::receiver::{ReceivedDelivery, Receiver};
use crate::style::{Styled, style};

/// The result of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    expected: u64,
    missing: u64,
    /// Archived, but not expected.
    unexpected: u64,
    repeated: u64,
    deliveries: Vec<ReceivedDelivery>,
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
        let archived = count_archived(archive, &manifest).await?;
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
            unexpected: archived.keys().filter(|id| !expected.contains(*id)).count() as u64,
            repeated: archived.values().filter(|times| **times > 1).count() as u64,
            deliveries: receiver.deliveries(),
        })
    }

    pub(super) fn text(&self) -> String {
        let (records, webhook) = (self.records_match(), self.is_webhook_delivered());
        format!(
            "{} each of the organisation's {} conversations of these days is archived exactly once{}\n{} {}",
            check_mark(records),
            count(self.expected),
            if records {
                String::new()
            } else {
                format!(": no, {}", self.difference())
            },
            check_mark(webhook),
            self.delivery_text(),
        )
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "expected": self.expected,
            "missing": self.missing,
            "unexpected": self.unexpected,
            "repeated": self.repeated,
            "deliveries": self.deliveries.len(),
            "webhookIds": self.ids().len(),
            "proved": self.records_match() && self.is_webhook_delivered(),
        })
    }

    /// Fails if anything differs from the promise.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if !self.records_match() {
            return Err(Problem::failed(format!(
                "the archive differs from the organisation's data: {}",
                self.difference()
            )));
        }
        if !self.is_webhook_delivered() {
            return Err(Problem::failed(format!(
                "the webhook was not delivered as promised: {}",
                self.delivery_text()
            )));
        }
        Ok(())
    }

    fn records_match(&self) -> bool {
        self.missing + self.unexpected + self.repeated == 0
    }

    /// Whether one outcome was delivered until it was accepted once, with a valid signature on every delivery.
    fn is_webhook_delivered(&self) -> bool {
        let accepted = self
            .deliveries
            .iter()
            .filter(|delivery| (200..300).contains(&delivery.status))
            .count();
        self.ids().len() == 1
            && accepted == 1
            && self.deliveries.iter().all(|delivery| delivery.signed)
    }

    fn ids(&self) -> BTreeSet<&str> {
        self.deliveries
            .iter()
            .map(|delivery| delivery.id.as_str())
            .collect()
    }

    fn difference(&self) -> String {
        let Self {
            missing,
            unexpected,
            repeated,
            ..
        } = self;
        format!("{missing} missing, {repeated} duplicated, {unexpected} unexpected")
    }

    fn delivery_text(&self) -> String {
        let signed = self
            .deliveries
            .iter()
            .filter(|delivery| delivery.signed)
            .count() as u64;
        let events: BTreeSet<&str> = self
            .deliveries
            .iter()
            .map(|delivery| delivery.event.as_str())
            .collect();
        format!(
            "the receiver got {} under {} in {}, {} with a valid signature",
            events.into_iter().collect::<Vec<_>>().join(" and "),
            quantity(self.ids().len() as u64, "webhook id", "webhook ids"),
            quantity(self.deliveries.len() as u64, "delivery", "deliveries"),
            count(signed),
        )
    }
}

/// The number of times that each conversation occurs on the pages that the manifest names.
async fn count_archived(
    archive: &Archive,
    manifest: &Manifest,
) -> anyhow::Result<BTreeMap<String, u64>> {
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

fn check_mark(good: bool) -> Styled {
    if good {
        style("✓").green().bold()
    } else {
        style("✗").red().bold()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: &str, status: u16, signed: bool) -> ReceivedDelivery {
        ReceivedDelivery {
            id: id.to_owned(),
            signed,
            status,
            event: "export.completed".to_owned(),
            export_id: "demo-7".to_owned(),
        }
    }

    fn proof(deliveries: Vec<ReceivedDelivery>) -> Proof {
        Proof {
            expected: 10,
            missing: 0,
            unexpected: 0,
            repeated: 0,
            deliveries,
        }
    }

    #[test]
    fn a_delivery_retried_under_the_same_id_passes() {
        let proof = proof(vec![delivery("a", 503, true), delivery("a", 204, true)]);

        assert_eq!(proof.check(), Ok(()));
    }

    #[test]
    fn a_missing_delivery_a_second_id_or_a_bad_signature_fails() {
        for deliveries in [
            vec![],
            vec![delivery("a", 503, true)],
            vec![delivery("a", 204, true), delivery("b", 204, true)],
            vec![delivery("a", 503, true), delivery("a", 401, false)],
        ] {
            assert!(proof(deliveries.clone()).check().is_err(), "{deliveries:?}");
        }
    }

    #[test]
    fn a_missing_or_repeated_record_fails() {
        let good = proof(vec![delivery("a", 204, true)]);

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
            assert!(bad.check().is_err());
        }
    }
}

//! The epochs of a stream: numbered from 1, without a hole.

use std::collections::BTreeSet;

use super::super::subject::{Subject, VerifyError};
use super::stream::StreamCheck;
use crate::archive::ArchiveError;
use crate::export::live_coverage::Epoch;
use crate::export::objects::{LiveKey, ObjectKey};

impl StreamCheck<'_, '_> {
    pub(super) async fn check_epochs(
        &mut self,
        numbers: &BTreeSet<u64>,
    ) -> Result<(), VerifyError> {
        for (expected, number) in (1..).zip(numbers) {
            let missing = Subject::of(ObjectKey::Live(LiveKey::Epoch(self.stream, expected)));
            missing.require(expected == *number, "missing, though a later epoch exists")?;
            self.check_epoch(*number).await?;
        }
        self.report.epochs = numbers.len() as u64;
        Ok(())
    }

    async fn check_epoch(&self, number: u64) -> Result<(), VerifyError> {
        let name = ObjectKey::Live(LiveKey::Epoch(self.stream, number));
        let epoch: Option<Epoch> = self.documents.read(name).await?;
        let epoch = epoch.ok_or_else(|| ArchiveError::Missing(name.key()))?;
        Subject::of(name).belongs_at(LiveKey::Epoch(&epoch.stream, epoch.epoch))
    }
}

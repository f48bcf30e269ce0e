//! The epochs of a stream: numbered from 1, without a hole.

use super::super::subject::{Subject, VerifyError};
use super::folder::StreamFolder;
use super::stream::StreamCheck;
use crate::archive::ArchiveError;
use crate::export::live_coverage::{EndedEpoch, Epoch};
use crate::export::objects::{LiveKey, ObjectKey};

impl StreamCheck<'_, '_> {
    pub(super) async fn check_epochs(&mut self, folder: &StreamFolder) -> Result<(), VerifyError> {
        for (expected, number) in (1..).zip(&folder.epochs) {
            let missing = Subject::of(ObjectKey::Live(LiveKey::Epoch(self.stream, expected)));
            missing.require(expected == *number, "missing, though a later epoch exists")?;
            let epoch = self.check_epoch(*number).await?;
            if folder.ended_epochs.contains(number) {
                self.check_ended(&epoch).await?;
            }
        }
        if let Some(number) = folder.ended_epochs.difference(&folder.epochs).next() {
            let [epoch, ended] = [LiveKey::Epoch, LiveKey::EndedEpoch]
                .map(|name| ObjectKey::Live(name(self.stream, *number)).key());
            let rule = format!("missing, though {ended} says that it ended");
            return Err(Subject::at(epoch).damaged(rule));
        }
        self.report.epochs = folder.epochs.len() as u64;
        Ok(())
    }

    async fn check_epoch(&self, number: u64) -> Result<Epoch, VerifyError> {
        let name = ObjectKey::Live(LiveKey::Epoch(self.stream, number));
        let epoch: Option<Epoch> = self.documents.read(name).await?;
        let epoch = epoch.ok_or_else(|| ArchiveError::Missing(name.key()))?;
        Subject::of(name).belongs_at(LiveKey::Epoch(&epoch.stream, epoch.epoch))?;
        Ok(epoch)
    }

    async fn check_ended(&self, epoch: &Epoch) -> Result<(), VerifyError> {
        let name = ObjectKey::Live(LiveKey::EndedEpoch(self.stream, epoch.epoch));
        let subject = Subject::of(name);
        let ended: Option<EndedEpoch> = self.documents.read(name).await?;
        let ended = ended.ok_or_else(|| ArchiveError::Missing(name.key()))?;
        subject.belongs_at(LiveKey::EndedEpoch(&ended.stream, ended.epoch))?;
        let is_same = ended.writer == epoch.writer;
        subject.require(is_same, "its writer is not that of its epoch")
    }
}

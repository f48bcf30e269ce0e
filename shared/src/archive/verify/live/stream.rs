//! The checks of one stream: epochs, gaps, then day by day the frames and the seal.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::super::subject::VerifyError;
use super::chains::Chains;
use super::day::DayContents;
use super::documents::Documents;
use super::folder::StreamFolder;
use super::gaps::Gaps;
use super::{DayRange, LiveProgress, StreamReport};
use crate::base::ids::StreamName;
use crate::export::objects::{arrivals_prefix, quarantine_prefix};

/// A stream under check.
pub(super) struct StreamCheck<'c, 'a> {
    pub(super) documents: &'c mut Documents<'a>,
    pub(super) stream: &'c StreamName,
    pub(super) days: DayRange,
    pub(super) chains: Chains,
    pub(super) gaps: Gaps,
    pub(super) sealed_days: BTreeSet<Date>,
    pub(super) report: StreamReport,
}

impl<'c, 'a> StreamCheck<'c, 'a> {
    pub(super) fn new(
        documents: &'c mut Documents<'a>,
        stream: &'c StreamName,
        days: DayRange,
    ) -> Self {
        Self {
            documents,
            stream,
            days,
            chains: Chains::default(),
            gaps: Gaps::default(),
            sealed_days: BTreeSet::new(),
            report: StreamReport::new(stream.clone()),
        }
    }

    pub(super) async fn run(
        mut self,
        progress: &mut (dyn FnMut(LiveProgress) + Send),
    ) -> Result<StreamReport, VerifyError> {
        let mut folder = StreamFolder::list(self.documents.archive, self.stream).await?;
        self.report.orphans.append(&mut folder.unknown);
        self.check_epochs(&folder).await?;
        self.check_gaps(&folder).await?;
        let days: BTreeSet<_> = [&folder.days, &folder.quarantine_days, &folder.sealed_days]
            .into_iter()
            .flatten()
            .copied()
            .filter(|day| self.days.contains(*day))
            .collect();
        self.sealed_days = folder.sealed_days;
        self.check_no_seal_is_missing()?;
        self.check_days(&days, progress).await?;
        self.report.writers = self.chains.writers();
        Ok(self.report)
    }

    /// The seal of a day is checked after the next day, whose first hour it is compared with.
    async fn check_days(
        &mut self,
        days: &BTreeSet<Date>,
        progress: &mut (dyn FnMut(LiveProgress) + Send),
    ) -> Result<(), VerifyError> {
        let mut before: Option<DayContents> = None;
        for (position, day) in (1..).zip(days) {
            let mut contents = self.check_day(*day).await?;
            if let Some(before) = before.take() {
                self.check_seal(&before, Some(&contents)).await?;
            }
            self.add_to_report(&contents);
            contents.release_identities();
            before = Some(contents);
            progress(LiveProgress {
                stream: self.stream.clone(),
                days: position,
                total_days: days.len() as u64,
            });
        }
        match before {
            Some(before) => self.check_seal(&before, None).await,
            None => Ok(()),
        }
    }

    async fn check_day(&mut self, day: Date) -> Result<DayContents, VerifyError> {
        let mut contents = DayContents::new(day);
        let prefix = arrivals_prefix(self.stream, day);
        let listed = self.documents.archive.list_all(&prefix).await?;
        let mut hours = BTreeMap::<String, Vec<String>>::new();
        for object in listed {
            let folder = folder(&object.key).to_owned();
            hours.entry(folder).or_default().push(object.key);
        }
        for (folder, keys) in hours {
            self.check_hour(&folder, &keys, &mut contents).await?;
        }
        let prefix = quarantine_prefix(self.stream, day);
        let listed = self.documents.archive.list_all(&prefix).await?;
        let keys = listed.into_iter().map(|object| object.key);
        let unnamed = keys.filter(|key| !contents.names_quarantined(key));
        self.report.orphans.extend(unnamed);
        Ok(contents)
    }

    fn add_to_report(&mut self, contents: &DayContents) {
        if contents.records.is_empty() {
            return;
        }
        let (report, day) = (&mut self.report, contents.day);
        report.first_day.get_or_insert(day);
        report.last_day = Some(day);
        report.days += 1;
        report.records += contents.records.len() as u64;
        report.frames += contents.figures.counts.stored;
        report.distinct_frames += contents.distinct_frames();
        report.quarantined += contents.figures.counts.quarantined;
        report.stored_bytes += contents.stored_bytes;
    }
}

/// The folder of a key.
fn folder(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(folder, _)| folder)
}

//! The seal of a day, compared with the frame records of the day, the gaps, and the export that it names.

use super::super::subject::{Subject, VerifyError};
use super::day::{Conversations, DayContents};
use super::exports::CompleteExport;
use super::stream::StreamCheck;
use crate::archive::ArchiveError;
use crate::base::time::interval_of_day;
use crate::export::live_coverage::{DaySeal, SealedRecord};
use crate::export::objects::{LiveKey, ObjectKey, RECORD_SUFFIX, arrivals_prefix};

const SEAL_IS_MISSING: &str = "missing, though a later day is sealed";

impl StreamCheck<'_, '_> {
    /// Days are sealed in order, without a gap.
    pub(super) fn check_no_seal_is_missing(&self) -> Result<(), VerifyError> {
        let mut expected = None;
        for day in self
            .sealed_days
            .iter()
            .filter(|day| self.days.contains(**day))
        {
            let missing = expected.filter(|expected| expected != day);
            if let Some(missing) = missing {
                let name = ObjectKey::Live(LiveKey::Day(self.stream, missing));
                return Err(Subject::of(name).damaged(SEAL_IS_MISSING));
            }
            expected = day.tomorrow().ok();
        }
        Ok(())
    }

    /// Checks the seal of the day, if it has one. `next` is the next day that has objects, already checked.
    pub(super) async fn check_seal(
        &mut self,
        day: &DayContents,
        next: Option<&DayContents>,
    ) -> Result<(), VerifyError> {
        let name = ObjectKey::Live(LiveKey::Day(self.stream, day.day));
        let subject = Subject::of(name);
        if !self.sealed_days.contains(&day.day) {
            return self.check_unsealed(&subject, day);
        }
        let seal: Option<DaySeal> = self.documents.read_signed(name).await?;
        let seal = seal.ok_or_else(|| ArchiveError::Missing(name.key()))?;
        subject.belongs_at(LiveKey::Day(&seal.stream, seal.day))?;
        let is_after_day = interval_of_day(seal.day).is_some_and(|day| day.end() < seal.sealed_at);
        subject.require(is_after_day, "it was sealed before its day had ended")?;
        self.check_records(&subject, &seal, &day.records)?;
        check_figures(&subject, &seal, day)?;
        self.check_sealed_gaps(&subject, &seal).await?;
        self.check_comparison(&subject, &seal, day, next).await?;
        self.report.sealed_days += 1;
        Ok(())
    }

    fn check_unsealed(&mut self, subject: &Subject, day: &DayContents) -> Result<(), VerifyError> {
        if day.records.is_empty() {
            return Ok(());
        }
        let is_last = self.sealed_days.last().is_none_or(|last| *last < day.day);
        subject.require(is_last, SEAL_IS_MISSING)?;
        self.report.unsealed_days.push(day.day);
        Ok(())
    }

    /// The seal names exactly the stored records, which are sorted by key.
    fn check_records(
        &self,
        subject: &Subject,
        seal: &DaySeal,
        stored: &[SealedRecord],
    ) -> Result<(), VerifyError> {
        let keys = seal.records.iter().map(|record| &record.key);
        let is_sorted = keys.is_sorted_by(|one, next| one < next);
        subject.require(is_sorted, "its records are not in order")?;
        let prefix = arrivals_prefix(self.stream, seal.day);
        let is_record = |key: &str| key.starts_with(&prefix) && key.ends_with(RECORD_SUFFIX);
        let mut stored = stored.iter().peekable();
        for named in &seal.records {
            let rule = "it names an object that is not a frame record of its day";
            subject.require(is_record(&named.key), rule)?;
            if let Some(unnamed) = stored.next_if(|stored| stored.key < named.key) {
                return Err(not_named(unnamed));
            }
            let of_record = Subject::at(&named.key);
            let Some(found) = stored.next_if(|stored| stored.key == named.key) else {
                return Err(of_record.damaged("missing, though the seal of its day names it"));
            };
            let (short_found, short_named) = (found.sha256.short(12), named.sha256.short(12));
            let rule = format_args!(
                "its sha256 is {short_found}…, but the seal of its day names {short_named}…"
            );
            of_record.require(found.sha256 == named.sha256, rule)?;
        }
        stored
            .next()
            .map_or(Ok(()), |unnamed| Err(not_named(unnamed)))
    }

    async fn check_comparison(
        &mut self,
        subject: &Subject,
        seal: &DaySeal,
        day: &DayContents,
        next: Option<&DayContents>,
    ) -> Result<(), VerifyError> {
        let Some(id) = &seal.compared_with else {
            let rule = "it counts unheard conversations of no export";
            return subject.require(seal.unheard.is_none(), rule);
        };
        let named = format!("{} compares its day with it", subject.key);
        let export = CompleteExport::read(self.documents, id, &named).await?;
        subject.require(
            interval_of_day(seal.day).is_some_and(|day| export.plan.covers_starts(day)),
            format_args!("the export {id} does not have all conversations of the day"),
        )?;
        let nothing = Conversations::default();
        let next_day = seal.day.tomorrow().ok();
        let after = match next.filter(|next| Some(next.day) == next_day) {
            Some(next) => &next.heard_in_first_hour,
            // A day in scope without objects heard nothing; one out of scope was not read.
            None if next_day.is_some_and(|next| self.days.contains(next)) => &nothing,
            None => return Ok(()),
        };
        let exported = export.conversations(self.documents).await?;
        let unheard = exported.count_without([&day.heard, after]);
        let rule = format_args!(
            "its number of unheard conversations is {}, expected {unheard}",
            seal.unheard.unwrap_or_default()
        );
        subject.require(seal.unheard == Some(unheard), rule)
    }
}

fn not_named(record: &SealedRecord) -> VerifyError {
    let rule = "the seal of its day does not name it: it was added after the day was sealed";
    Subject::at(&record.key).damaged(rule)
}

fn check_figures(subject: &Subject, seal: &DaySeal, day: &DayContents) -> Result<(), VerifyError> {
    for (field, equal) in [
        ("counts", seal.figures.counts == day.figures.counts),
        ("topics", seal.figures.topics == day.figures.topics),
        (
            "redactions",
            seal.figures.redactions == day.figures.redactions,
        ),
        // The records of the day can be read now.
        ("unreadable", seal.unreadable == 0),
    ] {
        let rule = format_args!("its `{field}` does not match the frame records of the day");
        subject.require(equal, rule)?;
    }
    let heard = day.heard.len();
    subject.same(
        "its number of conversations heard of",
        seal.conversations_heard,
        heard,
    )?;
    let not_ended = &seal.not_ended;
    let fits = not_ended.is_consistent()
        && not_ended.count <= heard
        && not_ended.ids.iter().all(|id| day.heard.contains(id));
    subject.require(fits, "its `notEnded` does not match the frames of the day")
}

//! Verify for live capture: recomputes what is stored below `live/`, and reports the first mismatch.
//!
//! It only reads, and trusts no document about another. Memory holds one day of a stream at a time, whatever the number of
//! days. Frame records are not signed; day seals are, so [`Anchors`] prove the days that are sealed.

use jiff::civil::Date;

use super::Anchors;
use super::subject::VerifyError;
use crate::archive::{Archive, live_streams};
use crate::base::ids::StreamName;

mod chains;
mod day;
mod documents;
mod epochs;
mod exports;
mod folder;
mod gaps;
mod hour;
mod objects;
mod record;
mod report;
mod seal;
mod sealed_gaps;
mod stream;

pub use report::{ClosedLiveGap, LiveReport, OpenLiveGap, StreamReport};

use documents::Documents;
use stream::StreamCheck;

/// The part of the live objects to check.
#[derive(Clone, Debug, Default)]
pub struct LiveScope {
    /// `None` for all streams.
    pub stream: Option<StreamName>,
    pub days: DayRange,
}

/// Days of arrival, both included.
#[derive(Clone, Copy, Debug, Default)]
pub struct DayRange {
    pub from: Option<Date>,
    pub until: Option<Date>,
}

/// Progress in one stream: days checked, and days in scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveProgress {
    pub stream: StreamName,
    pub days: u64,
    pub total_days: u64,
}

impl DayRange {
    pub(super) fn contains(self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// Checks every live object in scope. The report has no stream if there is none.
pub async fn verify_live(
    archive: &Archive,
    scope: &LiveScope,
    anchors: &Anchors,
    progress: &mut (dyn FnMut(LiveProgress) + Send),
) -> Result<LiveReport, VerifyError> {
    let mut streams = live_streams::streams(archive).await?;
    streams.retain(|stream| scope.stream.as_ref().is_none_or(|wanted| wanted == stream));
    let mut documents = Documents::new(archive, anchors);
    let mut reports = Vec::with_capacity(streams.len());
    for stream in &streams {
        let check = StreamCheck::new(&mut documents, stream, scope.days);
        reports.push(check.run(progress).await?);
    }
    Ok(LiveReport {
        streams: reports,
        signatures: documents.signatures,
    })
}

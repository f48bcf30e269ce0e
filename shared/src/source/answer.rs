//! What the requests for one page of the archive brought, and what they took.

use super::{Reading, SourcePage};
use crate::checkpoint::Checkpoint;
use crate::effort::Effort;
use crate::genesys::Reply;
use crate::page::{self, OwnedRecord, PageBody, PageRules};
use crate::time::Interval;

/// The records of a page as they came, before any of them is left out or projected.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) records: Vec<OwnedRecord>,
    /// Where records were read by windows, the window: records that began outside are left out.
    pub(super) window: Option<Interval>,
    /// `None` behind the last page.
    pub(super) next: Option<Checkpoint>,
    pub(super) permanence: Permanence,
    pub(super) warnings: Vec<String>,
}

/// Whether the same question will have the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permanence {
    Settled,
    /// Something that was asked for goes on, or is yet to begin.
    Passing,
}

impl Permanence {
    pub(super) fn settled_if(condition: bool) -> Self {
        if condition {
            Self::Settled
        } else {
            Self::Passing
        }
    }
}

/// The requests for a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    pub(super) requested: u64,
    effort: Effort,
    correlation_id: Option<String>,
}

impl Asking {
    /// Nothing was asked: the answer was known.
    pub(super) fn nothing() -> Self {
        Self {
            effort: Effort::CACHED,
            ..Self::default()
        }
    }

    pub(super) fn add<T>(&mut self, reply: &Reply<T>, requested: u64) {
        self.requested += requested;
        self.effort = self.effort.plus(Effort::of(reply));
        self.correlation_id.clone_from(&reply.correlation_id);
    }
}

impl Asking {
    /// What two took, and the newer one's id.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            requested: self.requested + other.requested,
            effort: self.effort.plus(other.effort),
            correlation_id: other.correlation_id.or(self.correlation_id),
        }
    }

    /// The page that it brought.
    pub(super) fn page(
        self,
        body: PageBody,
        next: Option<Checkpoint>,
        warnings: Vec<String>,
    ) -> SourcePage {
        SourcePage {
            body,
            next,
            requested: self.requested,
            watermark: None,
            correlation_id: self.correlation_id,
            effort: self.effort,
            warnings,
        }
    }
}

impl Answer {
    /// The page in its stored form.
    pub(super) fn page(&self, reading: &Reading<'_>, asking: Asking) -> SourcePage {
        let rules = match &self.window {
            Some(window) => PageRules {
                membership: Some(window),
                ..reading.rules()
            },
            None => reading.rules(),
        };
        let records: Vec<_> = self.records.iter().map(OwnedRecord::raw).collect();
        asking.page(
            page::encode(&records, &rules),
            self.next.clone(),
            self.warnings.clone(),
        )
    }

    /// What it holds in memory, nearly; an answer without records holds something too.
    pub(super) fn size_bytes(&self) -> usize {
        let record_bytes =
            |record: &OwnedRecord| size_of::<OwnedRecord>() + record.raw().bytes().len();
        let records = self.records.iter().map(record_bytes);
        size_of::<Self>() + records.sum::<usize>()
    }
}

//! The results of the requests for one archive page, and their cost.

use super::{PageContext, SourcePage};
use crate::base::time::Interval;
use crate::export::checkpoint::Checkpoint;
use crate::export::effort::Effort;
use crate::genesys::Reply;
use crate::records::page::{self, OwnedRecord, PageBody, PageRules};

/// The records of a page as received, before any is omitted or projected.
#[derive(Debug)]
pub(super) struct FetchedPage {
    pub(super) records: Vec<OwnedRecord>,
    /// The window, for sources that read by window: records that began outside it are omitted.
    pub(super) window: Option<Interval>,
    /// `None` after the last page.
    pub(super) next: Option<Checkpoint>,
    pub(super) stability: Stability,
    pub(super) warnings: Vec<String>,
}

/// Whether repeating the request returns the same response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stability {
    Stable,
    /// A requested conversation is still in progress or has not begun.
    Changing,
}

impl Stability {
    pub(super) fn stable_if(condition: bool) -> Self {
        if condition {
            Self::Stable
        } else {
            Self::Changing
        }
    }
}

/// The cost of the requests for a page.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestCost {
    pub(super) requested: u64,
    effort: Effort,
    correlation_id: Option<String>,
}

impl RequestCost {
    /// No request was made: the page was cached.
    pub(super) fn cached() -> Self {
        Self {
            effort: Effort::CACHED,
            ..Self::default()
        }
    }

    pub(super) fn add<T>(&mut self, reply: &Reply<T>, requested: u64) {
        self.requested += requested;
        self.effort = self.effort.plus(reply.effort());
        self.correlation_id.clone_from(&reply.correlation_id);
    }
}

impl RequestCost {
    /// Adds the costs of both and keeps the newer correlation id.
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            requested: self.requested + other.requested,
            effort: self.effort.plus(other.effort),
            correlation_id: other.correlation_id.or(self.correlation_id),
        }
    }

    /// Builds the page that these requests returned.
    pub(super) fn into_page(
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

impl FetchedPage {
    /// Converts the page to its stored form.
    pub(super) fn to_source_page(
        &self,
        context: &PageContext<'_>,
        cost: RequestCost,
    ) -> SourcePage {
        let rules = match &self.window {
            Some(window) => PageRules {
                membership: Some(window),
                ..context.rules()
            },
            None => context.rules(),
        };
        let records: Vec<_> = self.records.iter().map(OwnedRecord::raw).collect();
        cost.into_page(
            page::encode(&records, &rules),
            self.next.clone(),
            self.warnings.clone(),
        )
    }

    /// Approximate memory use in bytes; a page without records uses some too.
    pub(super) fn size_bytes(&self) -> usize {
        let record_bytes =
            |record: &OwnedRecord| size_of::<OwnedRecord>() + record.raw().bytes().len();
        let records = self.records.iter().map(record_bytes);
        size_of::<Self>() + records.sum::<usize>()
    }
}

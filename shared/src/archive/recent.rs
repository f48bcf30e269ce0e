//! Caches of immutable documents: a process mostly serves one export and perhaps its revisits.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use crate::base::ids::ExportId;
use crate::export::attempt::Attempt;
use crate::export::page_record::StoredObject;
use crate::export::plan::ExportPlan;
use crate::records::page::{KnownVersions, Projection, RecordShape};

/// A schedule rarely revisits an interval more often, and its revisits run in parallel.
const REVISITS: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// The documents that were read last.
#[derive(Debug)]
pub(super) struct RecentDocuments {
    pub(super) plan: Option<Arc<ExportPlan>>,
    pub(super) attempt: Option<Arc<Attempt>>,
    /// By the revisit's id. Each entry takes about 40 bytes per conversation.
    pub(super) known: LruCache<ExportId, Arc<KnownVersions>>,
    pub(super) base: Option<Arc<Base>>,
}

/// A complete export whose conversations are used.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) id: ExportId,
    pub(super) shape: RecordShape,
    pub(super) records: Projection,
    /// The keys of its page objects, in order.
    pub(super) pages: Vec<StoredObject>,
}

impl Default for RecentDocuments {
    fn default() -> Self {
        Self {
            plan: None,
            attempt: None,
            known: LruCache::new(REVISITS),
            base: None,
        }
    }
}

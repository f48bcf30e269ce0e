//! Names of queues and wrap-up codes, requested periodically and cached in memory.
//!
//! Both listings are in the official SDKs: `entities` with `id` and `name`, `pageCount`, `total`.
//! <https://github.com/MyPureCloud/platform-client-sdk-python/blob/master/build/docs/RoutingApi.md>

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::SourceError;
use crate::base::deadline::Deadline;
use crate::base::decode;
use crate::base::failure::error_chain;
use crate::base::time::later;
use crate::export::waiting::{WaitReason, Waits};
use crate::genesys::wire::EntityListing;
use crate::genesys::{ApiError, Call, GenesysClient};
use crate::net::clock::Clock;
use crate::records::page::Names;

const QUEUES: &str = "/api/v2/routing/queues";
const WRAP_UP_CODES: &str = "/api/v2/routing/wrapupcodes";

/// In common use for listings; not documented.
const PAGE_SIZE: u32 = 100;
/// More pages than any organisation has: a listing that does not end before is broken.
const MAX_PAGES: u32 = 1_000;
/// How long a renamed queue keeps its old name here.
const TIME_TO_LIVE: Duration = Duration::from_hours(1);
/// How long a page waits for names before it is archived without them.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// The names, and a warning if some or all of them are missing.
#[derive(Clone, Debug, Default)]
pub struct NamesOrWarning {
    pub names: Option<Arc<Names>>,
    pub warning: Option<String>,
}

/// Clones share the cached names.
#[derive(Clone, Debug)]
pub(super) struct NameDirectory {
    client: GenesysClient,
    clock: Clock,
    cached: Arc<Mutex<Option<CachedNames>>>,
}

#[derive(Debug)]
struct CachedNames {
    lookup: NameLookup,
    expires_at: Timestamp,
}

#[derive(Clone, Debug)]
struct NameLookup {
    names: Arc<Names>,
    /// Set when a listing held fewer entities than announced.
    warning: Option<String>,
}

/// A complete listing.
struct CompleteListing {
    path: &'static str,
    /// Names by id.
    entities: BTreeMap<String, Option<String>>,
    announced: u64,
}

impl NameDirectory {
    pub(super) fn new(client: GenesysClient, clock: Clock) -> Self {
        Self {
            client,
            clock,
            cached: Arc::default(),
        }
    }

    /// Returns a wait for transient errors, up to a limit; after that, a warning instead of names.
    pub(super) async fn names_or_warning(
        &self,
        waits: &Waits,
        deadline: Deadline,
    ) -> Result<NamesOrWarning, SourceError> {
        let error = match self.names(deadline).await {
            Ok(NameLookup { names, warning }) => {
                return Ok(NamesOrWarning {
                    names: Some(names),
                    warning,
                });
            }
            Err(error) => error,
        };
        let since = [WaitReason::Unavailable, WaitReason::Throttled];
        let since = since.iter().filter_map(|reason| waits.get(reason)).min();
        let waited = since.map(|since| self.clock.now().duration_since(*since));
        let may_wait = waited.is_none_or(|waited| waited.unsigned_abs() < MAX_WAIT);
        if error.is_transient() && may_wait {
            return Err(error.into());
        }
        let warning = format!("names were not looked up: {}", error_chain(&error));
        Ok(NamesOrWarning {
            names: None,
            warning: Some(warning),
        })
    }

    pub(super) async fn check(&self, deadline: Deadline) -> Result<(), SourceError> {
        match self.names(deadline).await {
            Err(error) if error.lacks_permission() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Returns the cached names or requests them. Concurrent callers wait for the request of the first.
    async fn names(&self, deadline: Deadline) -> Result<NameLookup, ApiError> {
        let mut cached = self.cached.lock().await;
        if let Some(cached) = &*cached
            && self.clock.now() < cached.expires_at
        {
            return Ok(cached.lookup.clone());
        }
        let queues = self.listing(QUEUES, deadline).await?;
        let wrap_up_codes = self.listing(WRAP_UP_CODES, deadline).await?;
        let shortfalls = [
            queues.shortfall_warning(),
            wrap_up_codes.shortfall_warning(),
        ];
        let shortfalls: Vec<String> = shortfalls.into_iter().flatten().collect();
        let lookup = NameLookup {
            names: Arc::new(Names::new(queues.names(), wrap_up_codes.names())),
            warning: (!shortfalls.is_empty()).then(|| shortfalls.join("; ")),
        };
        *cached = Some(CachedNames {
            lookup: lookup.clone(),
            expires_at: later(self.clock.now(), TIME_TO_LIVE),
        });
        Ok(lookup)
    }

    /// Reads page by page, up to the announced number of pages.
    async fn listing(
        &self,
        path: &'static str,
        deadline: Deadline,
    ) -> Result<CompleteListing, ApiError> {
        let mut entities = BTreeMap::new();
        let mut announced = 0;
        for page in 1..=MAX_PAGES {
            let call = Call::get(path)
                .query("pageSize", PAGE_SIZE.to_string())
                .query("pageNumber", page.to_string());
            let reply = self.client.call(&call, deadline, decode::json);
            let listing: EntityListing = reply.await?.value;
            announced = announced.max(listing.total.unwrap_or_default());
            let is_announced_last = listing
                .page_count
                .is_some_and(|pages| pages > 0 && pages <= page.into());
            let before = entities.len();
            let listed = listing.entities.into_iter();
            entities.extend(listed.map(|entity| (entity.id, entity.name)));
            // A page without new entities ends the listing too: the API may ignore the page number.
            if is_announced_last || entities.len() == before {
                break;
            }
        }
        Ok(CompleteListing {
            path,
            entities,
            announced,
        })
    }
}

impl CompleteListing {
    fn shortfall_warning(&self) -> Option<String> {
        let (listed, announced) = (self.entities.len() as u64, self.announced);
        let path = self.path;
        (listed < announced)
            .then(|| format!("{path} listed {listed} of {announced} names; the others are missing"))
    }

    /// Pairs of id and name, without the entities that have no name.
    fn names(self) -> Vec<(String, String)> {
        let named = self.entities.into_iter();
        named.filter_map(|(id, name)| Some((id, name?))).collect()
    }
}

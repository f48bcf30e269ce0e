//! Names of queues and wrap-up codes, asked for once in a while and kept in memory.
//!
//! Both listings are in the official SDKs (`RoutingApi`): `entities` with `id` and `name`, `pageCount`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::Setback;
use crate::clock::{Clock, Deadline};
use crate::genesys::wire::EntityListing;
use crate::genesys::{Call, GenesysClient};
use crate::page::Names;

const QUEUES: &str = "/api/v2/routing/queues";
const WRAP_UP_CODES: &str = "/api/v2/routing/wrapupcodes";

/// In common use for listings; undocumented.
const PAGE_SIZE: u32 = 100;
/// More entities than any organisation has: a listing that goes on is broken.
const MANY_PAGES: u32 = 1_000;
/// A queue that is renamed is known by its old name for so long.
const TIME_TO_LIVE: Duration = Duration::from_hours(1);

/// Clones share what is known.
#[derive(Clone, Debug)]
pub(super) struct NameDirectory {
    client: GenesysClient,
    clock: Clock,
    known: Arc<Mutex<Option<Known>>>,
}

#[derive(Debug)]
struct Known {
    names: Arc<Names>,
    until: Timestamp,
}

impl NameDirectory {
    pub(super) fn new(client: GenesysClient, clock: Clock) -> Self {
        Self {
            client,
            clock,
            known: Arc::default(),
        }
    }

    /// Whoever comes while somebody asks waits for the answer.
    pub(super) async fn names(&self, deadline: Deadline) -> Result<Arc<Names>, Setback> {
        let mut known = self.known.lock().await;
        if let Some(known) = &*known
            && self.clock.now() < known.until
        {
            return Ok(Arc::clone(&known.names));
        }
        let queues = self.listing(QUEUES, deadline).await?;
        let wrap_up_codes = self.listing(WRAP_UP_CODES, deadline).await?;
        let names = Arc::new(Names::new(queues, wrap_up_codes));
        let until = self.clock.now().saturating_add(TIME_TO_LIVE);
        *known = Some(Known {
            names: Arc::clone(&names),
            until: until.unwrap_or(Timestamp::MAX),
        });
        Ok(names)
    }

    /// Ids and names, page by page.
    async fn listing(
        &self,
        path: &str,
        deadline: Deadline,
    ) -> Result<Vec<(String, String)>, Setback> {
        let mut entities = Vec::new();
        for page in 1..=MANY_PAGES {
            let call = Call::get(path)
                .query("pageSize", PAGE_SIZE.to_string())
                .query("pageNumber", page.to_string());
            let decode = |body: &[u8]| serde_json::from_slice::<EntityListing>(body);
            let listing = self.client.call(&call, deadline, decode).await?.value;
            let is_last = listing.entities.is_empty() || listing.page_count <= page;
            let named = listing.entities.into_iter();
            entities.extend(named.filter_map(|entity| Some((entity.id, entity.name?))));
            if is_last {
                break;
            }
        }
        Ok(entities)
    }
}

//! The world in which exports are interleaved, one after another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use conversation_archive::export::objects::OPEN_PREFIX;
use end_to_end::world::{World, organisation};
use genesys_simulator::{Faults, Route, Settings};

use super::check::Problem;
use super::interleaving::{Interleaving, InterleavingResult};
use super::pair::{Pair, SourceKind};

/// Five on the first day and seven on the second, so that slice 1 ends while slice 2 still has pages.
const CONVERSATIONS: usize = 12;
const SEED: u64 = 25;

/// Number of exports after which a world is replaced.
const EXPORTS: u32 = 60;

/// A world that is reused for consecutive exports.
pub(super) struct StageWorld {
    pub(super) world: World,
    exports: u32,
    job: Undisturbed,
    gateway: Undisturbed,
}

/// An undisturbed export of the world.
pub(super) struct Undisturbed {
    /// Number of the last page of slice 2.
    pub(super) last_page: u32,
    /// The ids of all its conversations, from the simulator's data.
    pub(super) ids: BTreeSet<String>,
}

impl StageWorld {
    pub(super) async fn new() -> Self {
        let settings = Settings {
            spill: 0.0,
            concurrent_jobs: usize::MAX,
            job_ready_after: Duration::ZERO,
            ..organisation(SEED, CONVERSATIONS)
        };
        // The read timeout is long, because a request may be suspended while others proceed.
        let mut world = World::with_store(Arc::default(), settings, 2).await;
        let job = Undisturbed::run(&mut world, SourceKind::Job).await;
        let gateway = Undisturbed::run(&mut world, SourceKind::Gateway).await;
        Self {
            world,
            exports: 2,
            job,
            gateway,
        }
    }

    /// Whether the next export can use this world: earlier ones left no messages or markers, and there are not too many
    /// of them. Each export in the store makes the world slower.
    pub(super) async fn is_reusable(&self) -> bool {
        let open = self.world.archive().list_all(OPEN_PREFIX).await;
        self.exports < EXPORTS && self.world.queues.is_empty() && open.expect("readable").is_empty()
    }

    /// Runs one interleaving as a new export.
    pub(super) async fn interleave(
        &mut self,
        pair: Pair,
        interleaving: Interleaving,
    ) -> Result<InterleavingResult, Vec<Problem>> {
        self.exports += 1;
        let id = format!("export-{}", self.exports);
        self.prepare(pair);
        let undisturbed = match pair.kind {
            SourceKind::Job => &self.job,
            SourceKind::Gateway => &self.gateway,
        };
        Box::pin(interleaving.run(&mut self.world, pair, &id, undisturbed)).await
    }

    fn prepare(&self, pair: Pair) {
        let job_ready_after = if pair.parks() {
            Duration::from_mins(2)
        } else {
            Duration::ZERO
        };
        self.world
            .simulator
            .update(|settings| settings.job_ready_after = job_ready_after);
        self.world.simulator.set_faults(faults(pair));
    }
}

impl Undisturbed {
    async fn run(world: &mut World, kind: SourceKind) -> Self {
        let id = format!("undisturbed-{kind:?}");
        let manifest = world.export(&request(world, kind, &id)).await;
        let slices = manifest.content.slices.iter();
        let pages: Vec<_> = slices.map(|it| it.pages.len()).collect();
        assert!(
            pages[0] > 2 && pages[0] < pages[1],
            "{pages:?}: slice 1 ends first"
        );
        Self {
            last_page: u32::try_from(pages[1]).expect("few pages"),
            ids: ids(world, kind),
        }
    }
}

/// All conversations start within the days of the export.
fn ids(world: &World, kind: SourceKind) -> BTreeSet<String> {
    let truth = world.simulator.truth();
    match kind {
        SourceKind::Job => truth.conversations.into_iter().map(|it| it.id).collect(),
        SourceKind::Gateway => truth.gateway.into_iter().map(|it| it.id).collect(),
    }
}

/// Request for a small export of two slices with several pages each.
pub(super) fn request(world: &World, kind: SourceKind, id: &str) -> String {
    let source = match kind {
        SourceKind::Job => "analytics-job",
        SourceKind::Gateway => "export-gateway",
    };
    // Minimal and unredacted records, because their content is not tested here.
    let more_fields =
        r#","slices":2,"pageSize":2,"records":"minimal","redaction":{"enabled":false}"#;
    let more_fields = format!(r#"{more_fields},"exportId":"{id}""#);
    world.request(source, &more_fields)
}

/// Faults that last as long as the export.
pub(super) fn faults(pair: Pair) -> Faults {
    Faults {
        // One invocation asks three times for a page, so the first pages of both slices are parked.
        gateway_empty_early: if pair.parks() { 6 } else { 0 },
        ..Faults::default()
    }
}

/// Faults with which the API refuses every page.
pub(super) fn refusing_faults(pair: Pair) -> Faults {
    let route = match pair.kind {
        SourceKind::Job => Route::JobResults,
        SourceKind::Gateway => Route::ExportResults,
    };
    Faults {
        permanent: Faults::refusing(route, 0).permanent,
        ..faults(pair)
    }
}

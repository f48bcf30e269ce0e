//! Checks of a complete export.

use std::collections::BTreeSet;

use conversation_archive::archive::verify::{Anchors, verify};
use conversation_archive::base::ids::RunId;
use conversation_archive::export::outcome::Manifest;

use end_to_end::world::World;

use super::{Checks, Problem, require};

impl Checks<'_> {
    pub(super) async fn check_manifest(&self, world: &World) -> Vec<Problem> {
        let manifest = world.manifest(self.id).await;
        let damage = verify(&world.archive(), self.id, &Anchors::default(), &mut |_| {})
            .await
            .err();
        let detail = || damage.as_ref().map(ToString::to_string).unwrap_or_default();
        let checks = [
            self.check_sources(world, &manifest).await,
            self.check_ids(world, &manifest).await,
            require(damage.is_none(), "verify finds damage", detail),
        ];
        checks.into_iter().filter_map(Result::err).collect()
    }

    /// Checks that all pages come from the query that the manifest names, and those of a slice from one job.
    async fn check_sources(&self, world: &World, manifest: &Manifest) -> Result<(), Problem> {
        let mut queries = BTreeSet::new();
        for slice in &manifest.content.slices {
            let runs: BTreeSet<_> = slice.pages.iter().map(|page| page.run).collect();
            let mut jobs = BTreeSet::new();
            for run in runs {
                let run = RunId {
                    export_id: self.id.clone(),
                    slice: slice.slice,
                    run,
                };
                let record = world.archive().run(&run).await.expect("readable");
                let record = record.expect("a run with pages was opened");
                queries.insert(record.query_id);
                jobs.insert(record.job);
            }
            let detail = || format!("{jobs:?}");
            require(jobs.len() == 1, "a slice mixes jobs", detail)?;
        }
        let named = BTreeSet::from([manifest.outcome.query_id.clone()]);
        require(queries == named, "the manifest mixes queries", || {
            format!("pages of {queries:?}, named {named:?}")
        })
    }

    /// Checks that no conversation is missing or repeated.
    async fn check_ids(&self, world: &World, manifest: &Manifest) -> Result<(), Problem> {
        let archived = world.archived_ids(manifest, "id").await;
        let is_all = archived.keys().eq(self.expected);
        let is_once = archived.values().all(|count| *count == 1);
        let detail = || format!("{} expected, archived {archived:?}", self.expected.len());
        require(is_all, "conversations are lost or added", detail)?;
        require(is_once, "conversations are doubled", detail)
    }
}

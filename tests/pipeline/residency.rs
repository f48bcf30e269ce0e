//! Residency: exports that the current settings do not permit are refused; requests for completed exports are still
//! answered.

use start_export::{Command, Regions, Resume, State};

use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::storage::store::ArchiveStore as _;
use end_to_end::world::{World, organisation};

const REQUEST: &str = r#","slices":1,"pageSize":10,"exportId":"resident""#;

fn regions(genesys: &str, allowed: &[&str]) -> Regions {
    Regions {
        genesys: Some(genesys.to_owned()),
        bucket: Some("eu-central-1".to_owned()),
        allowed: allowed.iter().map(ToString::to_string).collect(),
    }
}

async fn start_resident_export() -> (World, ExportId) {
    let mut world = World::new(organisation(41, 40)).await;
    world.process.start.regions = regions("eu-central-1", &[]);
    let request = world.request("analytics-job", REQUEST);
    let id = world.start(&request).await;
    (world, id)
}

async fn refusal(world: &mut World, command: Command) -> String {
    let before = world.store.snapshot();
    let refusal = world.refusal(command).await;
    assert_eq!(world.store.snapshot(), before, "nothing is written");
    refusal
}

fn resume(id: &ExportId) -> Command {
    Command::Resume(Resume {
        export_id: id.clone(),
        quota_mb: None,
        on_bad_record: None,
    })
}

#[tokio::test]
async fn an_export_cannot_be_resumed_in_another_region() {
    let (mut world, id) = start_resident_export().await;
    let request = world.request("analytics-job", REQUEST);
    world.process.start.regions = regions("eu-west-1", &["eu-west-1", "eu-central-1"]);

    let resumed = refusal(&mut world, resume(&id)).await;
    let repeated = refusal(&mut world, Command::parse(&request).expect("a request")).await;

    assert_eq!(
        resumed,
        "`GENESYS_REGION` is eu-west-1: the export was started in eu-central-1; the rest must come from there, too"
    );
    assert_eq!(repeated, resumed);
}

#[tokio::test]
async fn a_resume_with_overridden_hosts_is_refused() {
    let (mut world, id) = start_resident_export().await;
    world.process.start.regions.genesys = None;

    let refused = refusal(&mut world, resume(&id)).await;

    assert!(
        refused.contains("is overridden by GENESYS_API_URL"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_refused_resume_of_a_plan_without_attempts_writes_nothing() {
    let (mut world, id) = start_resident_export().await;
    let attempt = ObjectKey::Attempt(&id, 1).key();
    world.store.delete(&attempt).await.expect("deleted");
    world.process.start.regions.allowed = vec!["us-east-1".to_owned()];

    let refused = refusal(&mut world, resume(&id)).await;

    assert!(
        refused.contains("ALLOWED_REGIONS permits only us-east-1"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_disallowed_region_stops_a_resume_but_not_a_finished_export() {
    let (mut world, id) = start_resident_export().await;
    let tightened = regions("eu-central-1", &["us-east-1"]);
    world.process.start.regions = tightened.clone();
    let refused = refusal(&mut world, resume(&id)).await;
    world.process.start.regions = regions("eu-central-1", &["eu-central-1"]);
    world.resume(&id).await;
    world.run().await;
    world.process.start.regions = tightened;

    let done = world.resume(&id).await;

    assert!(
        refused.contains("ALLOWED_REGIONS permits only us-east-1"),
        "{refused}"
    );
    assert_eq!(done.state, State::Completed);
}

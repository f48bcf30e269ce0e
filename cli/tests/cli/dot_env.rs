//! Settings from a `.env` file in the current directory.

use std::fs;

use crate::world::{CommandOutput, DAYS, World, run_command};

/// Moves these settings of the world into a `.env` file in its folder.
fn move_to_file(world: &mut World, names: &[&str]) {
    let (moved, kept) = std::mem::take(&mut world.settings)
        .into_iter()
        .partition::<Vec<_>, _>(|(name, _)| names.contains(name));
    world.settings = kept;
    let lines = moved.iter().fold(String::new(), |lines, (name, value)| {
        format!("{lines}{name}='{value}'\n")
    });
    fs::write(world.folder.path().join(".env"), lines).unwrap();
}

/// Runs an export in the folder of the world, or in a folder below it.
async fn export_in(world: &World, folder: &str) -> CommandOutput {
    let request = world.request(&format!(r#"{{"exportId":"march",{DAYS}}}"#));
    let out = world.out().display().to_string();
    let mut command = world.command(&["export", "--request", &request, "--out", &out]);
    let folder = world.folder.path().join(folder);
    fs::create_dir_all(&folder).unwrap();
    command.current_dir(folder);
    run_command(command).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_takes_its_settings_from_a_file_in_the_current_directory() {
    let mut world = World::new().await;
    move_to_file(
        &mut world,
        &[
            "GENESYS_API_URL",
            "GENESYS_LOGIN_URL",
            "GENESYS_CLIENT_ID",
            "GENESYS_CLIENT_SECRET",
            "SIGNING_KEY_FILE",
        ],
    );

    let below = export_in(&world, "below").await;
    let beside = export_in(&world, "").await;

    assert_eq!((below.code, beside.code), (2, 0), "{}", beside.err);
    assert!(below.error().contains("are not set"), "{}", below.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_of_the_process_takes_precedence_over_the_file() {
    let mut world = World::new().await;
    fs::write(
        world.folder.path().join(".env"),
        "GENESYS_CLIENT_SECRET=wrong\nMAX_OPEN_SLICES=0\n",
    )
    .unwrap();
    world.set("MAX_OPEN_SLICES", "");

    let output = export_in(&world, "").await;

    assert_eq!(output.code, 0, "{}", output.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unusable_file_is_refused_with_its_line_and_without_its_value() {
    let world = World::new().await;
    let file = world.folder.path().join(".env");

    fs::write(&file, "A=1\nGENESYS_CLIENT_SECRET=hunter2 hunter3\n").unwrap();
    let malformed = export_in(&world, "").await;
    fs::write(&file, b"A=\xff").unwrap();
    let not_text = export_in(&world, "").await;
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let folder = export_in(&world, "").await;

    assert_eq!((malformed.code, not_text.code, folder.code), (2, 2, 2));
    assert!(
        malformed
            .error()
            .starts_with("line 2 of .env cannot be parsed"),
        "{}",
        malformed.err
    );
    assert!(!malformed.err.contains("hunter"), "{}", malformed.err);
    assert!(not_text.error().starts_with("cannot read .env: "));
    assert!(folder.error().starts_with("cannot read .env: "));
    assert_eq!(world.simulator.stats().total_requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_region_and_keys_of_aws_may_be_in_the_file() {
    let mut world = World::new().await;
    world.set("AWS_EC2_METADATA_DISABLED", "true");
    let file = world.folder.path().join(".env");
    // A closed port: the request fails after the settings were accepted.
    fs::write(
        &file,
        "AWS_REGION=eu-central-1\nAWS_ACCESS_KEY_ID=k\nAWS_SECRET_ACCESS_KEY=s\nAWS_ENDPOINT_URL=http://127.0.0.1:1\n",
    )
    .unwrap();
    let mut command = world.command(&["find", "s3://bucket/a", "c1"]);
    command.current_dir(world.folder.path());

    let output = run_command(command).await;

    assert_eq!(output.code, 1, "{}", output.err);
    assert!(
        output.error().contains("does not respond"),
        "{}",
        output.err
    );
}

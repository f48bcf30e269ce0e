//! Creates an archive with an export of every source, and some exports that have not ended, for `tests/archives/`: one
//! archive is kept for each released version of the format, and `tests/pipeline/old_archives.rs` reads all of them.
//!
//! ```sh
//! cargo run -p end-to-end --example old_archive -- tests/archives/v1-2026-11-30
//! ```

#![expect(clippy::expect_used, reason = "a tool for developers")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use conversation_archive::storage::store::FolderStore;
use end_to_end::history::filters_of_all;
use end_to_end::old_archives::settings;
use end_to_end::world::{DAYS, World};
use genesys_simulator::{Faults, HistoryForm, Route, Settings, Truth};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let folder = folder.expect("the folder of the archive");
    std::fs::create_dir_all(&folder).expect("a new folder");
    write_complete_exports(&folder).await;
    write_history_exports(&folder).await;
    write_open_exports(&folder).await;
    write_failed_export(&folder).await;
}

async fn world(folder: &Path, settings: Settings) -> World<FolderStore> {
    let store = FolderStore::open(folder).expect("a folder");
    World::with_store(Arc::new(store), settings, 2).await
}

fn request(id: &str, source: &str, more_fields: &str) -> String {
    format!(
        r#"{{"exportId":"{id}","source":"{source}","interval":"{DAYS}","pageSize":2{more_fields}}}"#
    )
}

async fn write_complete_exports(folder: &Path) {
    let mut world = world(folder, settings()).await;
    let webhook = format!(r#","slices":2,"webhookUrl":"{}""#, world.receiver.url());
    for (id, source, more_fields) in [
        ("job", "analytics-job", &*webhook),
        ("job-minimal", "analytics-job", r#","records":"minimal""#),
        ("query", "analytics-query", r#","records":"normalized""#),
        (
            "gateway",
            "export-gateway",
            r#","slices":2,"records":"full""#,
        ),
    ] {
        world.export(&request(id, source, more_fields)).await;
    }
    world.advance_clock(Duration::from_mins(10));
    let ids = world.message_conversations();
    let texts = world.transcripts_request(&ids, r#","exportId":"transcripts","pageSize":2"#);
    world.export(&texts).await;
}

async fn write_history_exports(folder: &Path) {
    for (form, id) in [
        (HistoryForm::PageToken, "history-page-token"),
        (HistoryForm::Continuation, "history-continuation"),
    ] {
        let settings = Settings {
            history: Some(form),
            ..settings()
        };
        let filters = filters_of_all(form, &Truth::of(&settings).gateway);
        let mut world = world(folder, settings).await.with_history_form(form);
        world
            .export(&request(id, "history-gateway", &filters))
            .await;
    }
}

/// Exports that stopped between two pages because their messages are lost.
async fn write_open_exports(folder: &Path) {
    for (id, source, route) in [
        ("open-job", "analytics-job", Route::JobResults),
        ("open-gateway", "export-gateway", Route::ExportResults),
    ] {
        let mut world = world(folder, settings()).await;
        world.start(&request(id, source, r#","slices":1"#)).await;
        let is_half_read = |world: &World<_>| world.simulator.stats().requests_on(route) == 2;
        assert!(
            world.run_until(is_half_read).await,
            "{id} did not get that far"
        );
    }
}

/// An export that was refused between two pages.
async fn write_failed_export(folder: &Path) {
    let settings = Settings {
        faults: Faults::refusing(Route::JobResults, 2),
        ..settings()
    };
    let mut world = world(folder, settings).await;
    let request = request("failed-job", "analytics-job", r#","slices":1"#);
    world.start(&request).await;
    world.run().await;
}

//! Archives of every released version of the format: complete exports verify and can be read, incomplete ones resume.
//!
//! `tests/archives/README.md` describes how they were made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conversation_archive::base::ids::ExportId;
use conversation_archive::export::outcome::ExportStatus;
use conversation_archive::storage::store::FolderStore;
use end_to_end::old_archives::settings;
use end_to_end::world::World;

const COMPLETE: [&str; 7] = [
    "gateway",
    "history-continuation",
    "history-page-token",
    "job",
    "job-minimal",
    "query",
    "transcripts",
];

const NOT_COMPLETE: [&str; 3] = ["failed-job", "open-gateway", "open-job"];

fn archives() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("archives");
    let entries = std::fs::read_dir(folder).expect("the folder of old archives");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let archives: Vec<_> = paths.filter(|path| path.is_dir()).collect();
    assert!(!archives.is_empty());
    archives
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a new folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(path, to).expect("copied");
        }
    }
}

/// Returns a world over a copy of the archive, and the guard that deletes the copy.
async fn world(archive: &Path) -> (World<FolderStore>, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a new folder");
    copy(archive, folder.path());
    let store = FolderStore::open_without_sync(folder.path()).expect("a folder");
    let world = World::with_store(Arc::new(store), settings(), 2).await;
    (world.with_unsigned_documents(), folder)
}

fn id(text: &str) -> ExportId {
    text.parse().expect("an id")
}

async fn assert_complete(world: &World<FolderStore>, export: &str) {
    let manifest = world.manifest(&id(export)).await;
    assert_eq!(manifest.outcome.status, ExportStatus::Completed, "{export}");
    world.verify(&id(export)).await;
    let lines = world.archived_lines(&manifest).await;
    assert_eq!(
        lines.len() as u64,
        manifest.content.counts.archived,
        "{export}"
    );
    assert!(!lines.is_empty(), "{export}");
}

#[tokio::test]
async fn every_export_of_an_old_archive_is_covered_by_these_tests() {
    for archive in archives() {
        let exports = std::fs::read_dir(archive.join("exports")).expect("its exports");
        let exports = exports.map(|entry| entry.expect("an entry").file_name());
        let exports: BTreeSet<_> = exports.filter_map(|it| it.into_string().ok()).collect();

        let known = COMPLETE.iter().chain(&NOT_COMPLETE);
        assert_eq!(exports, known.map(ToString::to_string).collect());
    }
}

#[tokio::test]
async fn a_complete_export_of_an_old_archive_verifies_and_reads() {
    for archive in archives() {
        let (world, _folder) = world(&archive).await;

        for export in COMPLETE {
            assert_complete(&world, export).await;
        }
    }
}

#[tokio::test]
async fn an_unfinished_export_of_an_old_archive_resumes_and_completes() {
    for archive in archives() {
        for export in NOT_COMPLETE {
            let (mut world, _folder) = world(&archive).await;

            world.resume(&id(export)).await;
            world.run().await;

            assert_complete(&world, export).await;
            let complete = if export == "open-gateway" {
                "gateway"
            } else {
                "job"
            };
            let expected = world.manifest(&id(complete)).await.content.counts.archived;
            let manifest = world.manifest(&id(export)).await;
            assert_eq!(manifest.content.counts.archived, expected, "{export}");
        }
    }
}

//! `local up --watch`: after a source is edited, the messages of a chain are handled by the new code.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::child_process::ChildProcess;
use serde_json::json;
use tempfile::TempDir;

use crate::deployment::{Deployment, ROOT, wait_until};

const CONVERSATIONS: usize = 40;

/// A program in place of cargo. It builds the checkout of this test. Once the source in FOLDER is edited, its
/// archive-page is a program that leaves a mark for each process and continues as the real one.
const CARGO: &str = r#"#!/bin/sh
built=$(cd ROOT && REAL_CARGO "$@") || exit 1
if grep -q edited FOLDER/functions/archive-page/src/lib.rs; then
    real=$(printf '%s\n' "$built" | sed -n 's|.*"executable":"\([^"]*/archive-page\)".*|\1|p')
    printf '#!/bin/sh\necho started >> FOLDER/marks\nexec %s\n' "$real" > FOLDER/archive-page
    built=$(printf '%s\n' "$built" | sed 's|"executable":"[^"]*/archive-page"|"executable":"FOLDER/archive-page"|')
fi
printf '%s\n' "$built"
"#;

/// A checkout with one source, which takes no time to build.
struct Checkout(TempDir);

impl Checkout {
    fn new() -> Self {
        let checkout = Self(tempfile::tempdir().expect("a folder"));
        let root = checkout.root();
        symlink(Path::new(ROOT).join("infra"), root.join("infra")).expect("a link");
        fs::create_dir_all(checkout.source().parent().expect("a folder")).expect("a folder");
        checkout.edit("as deployed");
        let script = CARGO
            .replace("REAL_CARGO", env!("CARGO"))
            .replace("ROOT", ROOT)
            .replace("FOLDER", &root.display().to_string());
        fs::write(checkout.cargo(), script).expect("a script");
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(checkout.cargo(), executable).expect("an executable");
        checkout
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn source(&self) -> PathBuf {
        self.root().join("functions/archive-page/src/lib.rs")
    }

    fn cargo(&self) -> PathBuf {
        self.root().join("cargo")
    }

    fn edit(&self, text: &str) {
        fs::write(self.source(), text).expect("a source");
    }

    /// Number of processes of the edited function.
    fn marks(&self) -> usize {
        let marks = fs::read_to_string(self.root().join("marks"));
        marks.unwrap_or_default().lines().count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_function_handles_the_next_messages_of_a_chain() {
    let conversations = CONVERSATIONS.to_string();
    let options = ["--conversations", &conversations, "--job-seconds", "1"];
    let deployment = Deployment::up(&options).await;
    let checkout = Checkout::new();
    let watching = deployment.start_watching(checkout.root(), &checkout.cargo());
    wait_until("the watching", async || has_printed(&watching, "watching")).await;
    export(&deployment, "before").await;
    let before = checkout.marks();

    checkout.edit("edited");
    wait_until("the deployment", async || {
        has_printed(&watching, "deployed after")
    })
    .await;
    export(&deployment, "after").await;
    let interrupt = Command::new("kill")
        .args(["-INT", &watching.id().to_string()])
        .status();
    let ended = watching.wait().await;
    let status = deployment.run(&["status", "after"]).await;

    assert_eq!(before, 0);
    assert!(checkout.marks() > 0, "the edited function has run");
    assert!(interrupt.expect("kill runs").success());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let changed = "functions/archive-page/src/lib.rs has changed";
    assert_eq!(ended.err.matches(changed).count(), 1, "{}", ended.err);
    assert_eq!(status.code, Some(0), "the stack stays up: {}", status.err);
}

fn has_printed(process: &ChildProcess, text: &str) -> bool {
    process.err_so_far().contains(text)
}

async fn export(deployment: &Deployment, id: &str) {
    let request = deployment.request(&json!({
        "exportId": id, "interval": deployment.interval(), "slices": 1, "pageSize": 10,
    }));
    let ended = deployment.run_json(&["start", "--request", &request]).await;
    assert_eq!(ended["counts"]["archived"], CONVERSATIONS, "{ended}");
}

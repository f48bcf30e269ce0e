//! The program as a child process, which ends with its handle and is not waited for without end.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Between two looks at something that another process does.
pub const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct Running {
    child: Child,
    out: File,
    err: File,
}

/// How it ended.
#[derive(Debug)]
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Running {
    /// What it prints goes into files, so that it never waits for a reader.
    pub fn start(mut command: Command) -> Self {
        let (out, err) = (file(), file());
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a second handle"))
            .stderr(err.try_clone().expect("a second handle"))
            .spawn()
            .expect("the program starts");
        Self { child, out, err }
    }

    /// Waits until it ends by itself.
    pub async fn ended(self) -> Told {
        self.ended_within(PATIENCE).await
    }

    /// The same, for what takes longer than anything else.
    pub async fn ended_within(mut self, patience: Duration) -> Told {
        let Ok(status) = tokio::time::timeout(patience, self.exit()).await else {
            let told = text(&mut self.err);
            panic!("it has not ended after {patience:?}:\n{told}");
        };
        Told {
            code: status.code(),
            out: text(&mut self.out),
            err: text(&mut self.err),
        }
    }

    async fn exit(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// As `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

/// A test that fails leaves no process behind.
impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, and then neither is an error to anybody.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn file() -> File {
    tempfile::tempfile().expect("a file")
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().expect("a file");
    file.read_to_string(&mut text).expect("text");
    text
}

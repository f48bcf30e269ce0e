//! The program as a child process. It is killed when its handle is dropped, and waiting for it has a limit.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Longer than any operation takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// Pause between two polls for the effect of another process.
pub const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct Running {
    child: Child,
    out: File,
    err: File,
}

/// Exit code and output of an ended process.
#[derive(Debug)]
pub struct Told {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Running {
    /// Starts the program. Its output goes to files, so that it never blocks on a reader.
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

    /// Waits until the process exits by itself.
    pub async fn ended(self) -> Told {
        self.ended_within(PATIENCE).await
    }

    /// The same with another limit, for operations that take longer than [`PATIENCE`].
    pub async fn ended_within(mut self, patience: Duration) -> Told {
        let Ok(status) = tokio::time::timeout(patience, self.exit()).await else {
            let told = text(&mut self.err);
            panic!("the process did not exit within {patience:?}:\n{told}");
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

    /// Kills the process with SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

/// A failing test leaves no process running.
impl Drop for Running {
    fn drop(&mut self) {
        // The process may have exited already; then both calls fail, which is not an error.
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

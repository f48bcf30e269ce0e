//! The program as a child process. It is killed when its handle is dropped, and waiting for it has a limit.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::FileExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Limit for waiting: longer than any operation takes on a busy machine.
pub const MAX_WAIT: Duration = Duration::from_mins(2);

/// Pause between two polls for the effect of another process.
pub const POLL_INTERVAL: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct ChildProcess {
    child: Child,
    out: File,
    err: File,
}

/// Exit code and output of an ended process.
#[derive(Debug)]
pub struct ProcessOutput {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl ChildProcess {
    /// Starts the program. Its output goes to files, so that it never blocks on a reader.
    pub fn start(mut command: Command) -> Self {
        let (out, err) = (temporary_file(), temporary_file());
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("a second handle"))
            .stderr(err.try_clone().expect("a second handle"))
            .spawn()
            .expect("the program starts");
        Self { child, out, err }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns what the process has written to standard error until now.
    pub fn err_so_far(&self) -> String {
        // The process writes at the offset that a read would move.
        let length = self.err.metadata().expect("a file").len();
        let mut text = vec![0; usize::try_from(length).expect("a small file")];
        self.err.read_exact_at(&mut text, 0).expect("its text");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Waits until the process exits by itself.
    pub async fn wait(self) -> ProcessOutput {
        self.wait_up_to(MAX_WAIT).await
    }

    /// The same with another limit, for operations that take longer than [`MAX_WAIT`].
    pub async fn wait_up_to(mut self, max_wait: Duration) -> ProcessOutput {
        let Ok(status) = tokio::time::timeout(max_wait, self.exit()).await else {
            let stderr = read_text(&mut self.err);
            panic!("the process did not exit within {max_wait:?}:\n{stderr}");
        };
        ProcessOutput {
            code: status.code(),
            out: read_text(&mut self.out),
            err: read_text(&mut self.err),
        }
    }

    async fn exit(&mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Kills the process with SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

/// A failing test leaves no process running.
impl Drop for ChildProcess {
    fn drop(&mut self) {
        // The process may have exited already; then both calls fail, which is not an error.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn temporary_file() -> File {
    tempfile::tempfile().expect("a file")
}

fn read_text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().expect("a file");
    file.read_to_string(&mut text).expect("text");
    text
}

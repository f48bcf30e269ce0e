//! Kill -9 at a request that the server does not answer.

use std::process::Child;
use std::time::Duration;

use serde_json::Value;

use super::client::Client;
use super::server::{Exchange, Strict};
use crate::world::{CommandOutput, run_command, wait_with_output};

/// How often the test looks whether the process has ended before it sent the request.
const CHECK_EVERY: Duration = Duration::from_millis(200);

/// An export that was killed at a request, and resumed.
pub(crate) struct Killed {
    /// Number of pages that the archive held when the process was killed.
    committed: usize,
    /// The exchanges until then, without logins.
    before: Vec<Exchange>,
    pub(crate) resumed: CommandOutput,
}

impl Killed {
    /// The number of pages that were received and not committed before the process was killed. Only these may be
    /// requested again.
    pub(crate) fn uncommitted(&self, is_page: impl Fn(&Exchange) -> bool) -> usize {
        let received = self.before.iter().filter(|it| !it.held && is_page(it));
        received.count() - self.committed
    }
}

/// The number of pages that were requested again after they were received.
pub(crate) fn repeated(exchanges: &[Exchange], is_page: impl Fn(&Exchange) -> bool) -> usize {
    let received = exchanges.iter().filter(|it| !it.held && is_page(it));
    let keys: Vec<_> = received
        .map(|it| (&it.request.path, &it.request.query, &it.request.body))
        .collect();
    let again = |at: &usize| keys[..*at].contains(&keys[*at]);
    (0..keys.len()).filter(again).count()
}

/// Kills the export at the request with `number` (from 1, over all requests), and continues it to its end.
pub(crate) async fn kill_and_resume(
    server: &Strict,
    client: &Client,
    request: &Value,
    number: usize,
) -> Killed {
    server.hold_at(number);
    let child = client.export_command(request).spawn().unwrap();
    kill_when_held(server, child).await;
    let (committed, before) = (client.archive().committed_pages(), server.exchanges());
    let resumed = run_command(client.continue_command(request)).await;
    Killed {
        committed,
        before,
        resumed,
    }
}

async fn kill_when_held(server: &Strict, mut child: Child) {
    while !server.is_holding(CHECK_EVERY).await {
        if child.try_wait().unwrap().is_some() {
            let ended = wait_with_output(child).await;
            panic!("ended before the request: {} {}", ended.code, ended.err);
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

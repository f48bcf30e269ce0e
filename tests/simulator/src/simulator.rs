//! The handle: starts the server, changes its behaviour while it runs, and returns its data and its statistics.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use url::Url;

use crate::faults::Faults;
use crate::live::Live;
use crate::organisation::Organisation;
use crate::organisation::jobs::JobView;
use crate::organisation::web_sessions::session_of;
use crate::server;
use crate::settings::Settings;
use crate::stats::Stats;
use crate::truth::{Truth, TruthMessage, TruthPhrase};

/// A running simulator. It serves until it is dropped.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: AbortHandle,
    /// The host of files: the same organisation on a port of its own.
    files: AbortHandle,
}

/// State shared by the handle and the connections.
pub(crate) struct Shared {
    organisation: Mutex<Organisation>,
    /// Number of changes that a test may wait for.
    changes: watch::Sender<u64>,
}

impl Shared {
    fn new(organisation: Organisation) -> Self {
        Self {
            organisation: Mutex::new(organisation),
            changes: watch::Sender::new(0),
        }
    }

    pub(crate) fn notify(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Ignores poisoning: after a panic elsewhere the organisation is still consistent enough to read.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Organisation> {
        self.organisation
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Simulator {
    /// Starts the server. Must be called inside a tokio runtime, which runs it.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let files = TcpListener::bind(SocketAddr::new(address.ip(), 0)).await?;
        let mut organisation = Organisation::new(settings);
        organisation.host = address.to_string();
        organisation.files_host = files.local_addr()?.to_string();
        let shared = Arc::new(Shared::new(organisation));
        let files = tokio::spawn(server::accept(files, Arc::clone(&shared))).abort_handle();
        let server = tokio::spawn(server::accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Self {
            address,
            shared,
            server,
            files,
        })
    }

    /// Base URL of login, API and gateway.
    pub fn url(&self) -> Url {
        #[expect(
            clippy::expect_used,
            reason = "a socket address is always a valid authority"
        )]
        format!("http://{}", self.address)
            .parse()
            .expect("a socket address makes an address")
    }

    /// Returns a handle on live traffic.
    pub fn live(&self) -> Live {
        Live::new(Arc::clone(&self.shared))
    }

    /// Returns the expected content of an archive: the records as the current faults serve them, and the tokens issued
    /// so far.
    pub fn truth(&self) -> Truth {
        self.shared.lock().truth()
    }

    /// Returns the attachment of a message; `None` if it has been deleted.
    pub fn file(&self, attachment_id: &str) -> Option<Vec<u8>> {
        crate::data::files::file(attachment_id)
    }

    /// Returns the messages of a conversation, whether or not they are served; `None` if it was spoken or is unknown.
    pub fn messages(&self, conversation_id: &str) -> Option<Vec<TruthMessage>> {
        let organisation = self.shared.lock();
        let index = organisation.data.index_of(conversation_id)?;
        let transcript = organisation
            .data
            .transcript(index, organisation.settings.seed)?;
        let messages = transcript.messages.into_iter().map(|it| TruthMessage {
            time: it.timestamp(),
            id: it.id,
            text: it.text,
        });
        Some(messages.collect())
    }

    /// Returns the id of the guest session of a conversation.
    pub fn guest_session(&self, conversation_id: &str) -> String {
        session_of(conversation_id)
    }

    /// Returns the phrases of a conversation's calls in chronological order, whether or not they are served; empty if no
    /// call of it was recorded.
    pub fn phrases(&self, conversation_id: &str) -> Vec<TruthPhrase> {
        let organisation = self.shared.lock();
        let index = organisation.data.index_of(conversation_id);
        let seed = organisation.settings.seed;
        let speech = index.and_then(|index| organisation.data.speech(index, seed));
        let Some(speech) = speech else {
            return Vec::new();
        };
        let phrases = speech.phrases.iter().map(|it| TruthPhrase {
            communication_id: speech.communications[it.communication].id.clone(),
            time: it.time.timestamp(),
            text: it.text.clone(),
        });
        phrases.collect()
    }

    /// Returns the texts of a conversation's e-mails in chronological order; empty if it has none.
    pub fn emails(&self, conversation_id: &str) -> Vec<String> {
        let organisation = self.shared.lock();
        let index = organisation.data.index_of(conversation_id);
        let seed = organisation.settings.seed;
        let emails = index.and_then(|index| organisation.data.emails(index, seed));
        let emails = emails.into_iter().flatten();
        emails.map(|email| email.text).collect()
    }

    pub fn stats(&self) -> Stats {
        let organisation = self.lock_advanced();
        let live_jobs = organisation.jobs.live();
        Stats {
            live_jobs,
            ..organisation.stats.clone()
        }
    }

    pub fn set_faults(&self, faults: Faults) {
        self.update(|settings| settings.faults = faults);
    }

    /// Changes settings while the simulator runs; the generated data does not change.
    pub fn update(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.shared.lock().settings);
    }

    /// Changes the records of these conversations, as the API's nightly corrections do. Returns the number of records
    /// changed.
    pub fn amend(&self, ids: &[String]) -> usize {
        let mut organisation = self.shared.lock();
        let data = Arc::make_mut(&mut organisation.data);
        ids.iter().filter(|id| data.amend(id)).count()
    }

    /// Replaces the texts of a written conversation, one message per text. Returns `false` if the conversation is
    /// unknown or spoken. The texts are not added to the planted values of the truth.
    pub fn write(&self, conversation_id: &str, texts: Vec<String>) -> bool {
        let mut organisation = self.shared.lock();
        Arc::make_mut(&mut organisation.data).write(conversation_id, texts)
    }

    /// Replaces what was said in the calls of a conversation, or its e-mails, one for each text. Returns `false` if the
    /// conversation is unknown or has neither. The texts are not added to the planted values of the truth.
    pub fn say(&self, conversation_id: &str, texts: Vec<String>) -> bool {
        let mut organisation = self.shared.lock();
        Arc::make_mut(&mut organisation.data).say(conversation_id, texts)
    }

    /// All current jobs become EXPIRED; their results are 404.
    pub fn expire_jobs(&self) {
        self.lock_advanced().jobs.expire_all();
    }

    /// All current jobs become unknown: 404.
    pub fn forget_jobs(&self) {
        self.lock_advanced().jobs.forget_all();
    }

    /// All current jobs become FAILED with this `errorMessage`.
    pub fn fail_jobs(&self, message: &str) {
        let mut organisation = self.lock_advanced();
        let now = organisation.now();
        organisation.jobs.fail_all(message, now);
    }

    /// All current jobs become CANCELLED, as if another client had cancelled them.
    pub fn cancel_jobs(&self) {
        let mut organisation = self.lock_advanced();
        let now = organisation.now();
        organisation.jobs.cancel_all(now);
    }

    /// All current gateway queries become unknown: 404.
    pub fn lose_queries(&self) {
        self.shared.lock().queries.lose_all();
    }

    /// All current page tokens of the history gateway become unknown: 404.
    pub fn forget_page_tokens(&self) {
        self.shared.lock().history.forget_tokens();
    }

    /// Every token issued so far, valid or not.
    pub fn tokens(&self) -> Vec<String> {
        self.shared.lock().tokens.all().cloned().collect()
    }

    /// Requests with any token issued so far get 401 `bad.credentials`.
    pub fn revoke_tokens(&self) {
        self.shared.lock().tokens.revoke_all();
    }

    /// All jobs in the order of submission, including deleted ones.
    pub fn jobs(&self) -> Vec<JobView> {
        self.lock_advanced().jobs.views()
    }

    fn lock_advanced(&self) -> MutexGuard<'_, Organisation> {
        let mut organisation = self.shared.lock();
        organisation.advance();
        organisation
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
        self.files.abort();
    }
}

impl Organisation {
    fn advance(&mut self) {
        let now = self.now();
        self.jobs.advance(&self.settings, now);
    }

    fn truth(&self) -> Truth {
        let mut truth = self.data.truth(self.settings.faults.malformed_every);
        truth.planted.push(self.settings.client_secret.clone());
        truth.planted.extend(self.tokens.all().cloned());
        truth
    }
}

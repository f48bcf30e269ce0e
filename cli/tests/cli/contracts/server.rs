//! A strict HTTP server on loopback: a login and one contract. It keeps every exchange and every violation, and can
//! hold one response back for ever, so that a test kills the client at that request.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::json::Checked;
use super::login::{Login, Token};
use super::request::Request;

/// One of the contracts: checks a request, which has a valid token, and answers it.
pub(crate) trait Contract: Send + 'static {
    /// Whether a path is one of the contract.
    fn serves(&self, path: &str) -> bool;

    fn answer(&mut self, request: &Request) -> Checked<Answer>;
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// A request, and how it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request,
    pub(crate) answer: Answer,
    /// The part of the contract that the request violates.
    pub(crate) violation: Option<String>,
    /// The response was never sent.
    pub(crate) held: bool,
    login: bool,
}

pub(crate) struct Strict {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    held: Arc<Notify>,
    accepting: tokio::task::JoinHandle<()>,
}

struct State {
    login: Login,
    contract: Box<dyn Contract>,
    exchanges: Vec<Exchange>,
    /// The number of the request that is not answered, counted from 1 over all requests.
    hold_at: Option<usize>,
    /// Before the request with this number, every token ends.
    revoke_at: Option<usize>,
    /// Each request of the contract is answered with 403.
    forbids: bool,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// An error body of the API.
    pub(crate) fn error(status: u16, code: &str) -> Self {
        let message = format!("The request was refused: {code}.");
        let body =
            json!({"message": message, "code": code, "status": status, "contextId": CONTEXT_ID});
        Self { status, body }
    }
}

/// The end of the violation that a request is of a path that the contract does not have.
pub(crate) const NOT_SERVED: &str = " is not part of the contract";
const CONTEXT_ID: &str = "5f0e8a52-6f4f-4dd3-9a55-6a4c0f4f5a11";

impl Strict {
    pub(crate) async fn start(login: Login, contract: impl Contract) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            login,
            contract: Box::new(contract),
            exchanges: Vec::new(),
            hold_at: None,
            revoke_at: None,
            forbids: false,
        }));
        let held = Arc::new(Notify::new());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state), Arc::clone(&held)));
        Self {
            url,
            state,
            held,
            accepting,
        }
    }

    /// Never answers the request with this number, counted from 1 over all requests.
    pub(crate) fn hold_at(&self, number: usize) {
        self.state.lock().unwrap().hold_at = Some(number);
    }

    /// Ends every token before the request with this number, counted from 1 over all requests.
    pub(crate) fn revoke_at(&self, number: usize) {
        self.state.lock().unwrap().revoke_at = Some(number);
    }

    /// Answers each request of the contract with 403.
    pub(crate) fn forbid(&self) {
        self.state.lock().unwrap().forbids = true;
    }

    /// Waits until the request to hold has arrived; false after `timeout`.
    pub(crate) async fn is_holding(&self, timeout: Duration) -> bool {
        let held = tokio::time::timeout(timeout, self.held.notified());
        held.await.is_ok()
    }

    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        self.state.lock().unwrap().login.settings()
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        let exchanges = self.all_exchanges().into_iter();
        exchanges.filter_map(|it| it.violation).collect()
    }

    fn all_exchanges(&self) -> Vec<Exchange> {
        self.state.lock().unwrap().exchanges.clone()
    }

    /// The exchanges of the contract, without logins.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.split().1
    }

    pub(crate) fn logins(&self) -> Vec<Exchange> {
        self.split().0
    }

    fn split(&self) -> (Vec<Exchange>, Vec<Exchange>) {
        self.all_exchanges().into_iter().partition(|it| it.login)
    }
}

impl Drop for Strict {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    /// The answer, or `None` if this response is to be held back.
    fn respond(&mut self, request: Request) -> Option<Answer> {
        let number = self.exchanges.len() + 1;
        if self.revoke_at == Some(number) {
            self.login.revoke();
        }
        let login = self.login.is_for(&request);
        let answer = if login {
            self.login.answer(&request).map_err(|text| (400, text))
        } else {
            self.answer(&request)
        };
        let (answer, violation) = match answer {
            Ok(answer) => (answer, None),
            Err((status, violation)) => (Answer::error(status, "bad.request"), Some(violation)),
        };
        let held = self.hold_at == Some(number);
        self.exchanges.push(Exchange {
            request,
            answer: answer.clone(),
            violation,
            held,
            login,
        });
        (!held).then_some(answer)
    }

    fn answer(&mut self, request: &Request) -> Result<Answer, (u16, String)> {
        match self.login.token(request) {
            Token::Valid => {}
            Token::Revoked => return Ok(Answer::error(401, "bad.credentials")),
            Token::Unknown => return Err((401, format!("{} without a token", request.path))),
        }
        if !self.contract.serves(&request.path) {
            return Err((404, format!("{}{NOT_SERVED}", request.path)));
        }
        let answer = self.contract.answer(request).map_err(|text| (400, text))?;
        if self.forbids {
            return Ok(Answer::error(403, "not.authorized"));
        }
        Ok(answer)
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>, held: Arc<Notify>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&state), Arc::clone(&held)));
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>, held: Arc<Notify>) {
    let service = service_fn(|request| {
        let (state, held) = (Arc::clone(&state), Arc::clone(&held));
        async move {
            let request = Request::read(request).await;
            let answer = state.lock().unwrap().respond(request);
            let Some(answer) = answer else {
                held.notify_one();
                return std::future::pending().await;
            };
            let response = Response::builder()
                .status(answer.status)
                .header("content-type", "application/json");
            let body = Full::new(Bytes::from(answer.body.to_string()));
            Ok::<_, Infallible>(response.body(body).unwrap())
        }
    });
    // A killed client resets its connection, which is not a failure of the test.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

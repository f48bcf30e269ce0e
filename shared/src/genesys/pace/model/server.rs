//! The server's side of a rate limit, in the variants that the headers leave open.

use std::collections::VecDeque;

use reqwest::header::HeaderMap;

use super::{MINUTE, SECOND};

pub(super) const ALLOWED: u32 = 300;

/// When a window begins and when requests leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// Begins this many milliseconds after every full minute.
    Fixed(u64),
    /// Begins with the first request after the previous window.
    OnDemand,
    /// The last sixty seconds; the reset is the time until the oldest request leaves.
    Sliding,
    /// The last sixty seconds; the reset is the time until the newest request leaves.
    SlidingToEmpty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    Up,
    Down,
    Nearest,
}

/// Whether responses report the budget; a 429 says when to retry in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Headers {
    Sent,
    Missing,
}

/// Whether the server's nodes share a clock; they always share the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nodes {
    Agree,
    /// The clocks differ by up to two seconds.
    Differ,
}

pub(super) struct Server {
    window: Window,
    rounding: Rounding,
    headers: Headers,
    nodes: Nodes,
    allowed: u32,
    /// The limit that all tokens of the client share, if there is one.
    client: Option<Box<Server>>,
    /// End of the current window, for windows that end.
    end: u64,
    count: u32,
    /// Times of the requests in a sliding window.
    log: VecDeque<u64>,
}

pub(super) struct ServerResponse {
    pub(super) ok: bool,
    /// In seconds.
    pub(super) retry_after: u64,
    headers: Headers,
    allowed: u32,
    count: u32,
    reset: u64,
}

impl Server {
    pub(super) fn new(window: Window, rounding: Rounding) -> Self {
        let end = if let Window::Fixed(phase) = window {
            phase
        } else {
            0
        };
        Self {
            window,
            rounding,
            headers: Headers::Sent,
            nodes: Nodes::Agree,
            allowed: ALLOWED,
            client: None,
            end,
            count: 0,
            log: VecDeque::new(),
        }
    }

    /// The same server, whose responses do not report the budget.
    pub(super) fn without_headers(self) -> Self {
        let headers = Headers::Missing;
        Self { headers, ..self }
    }

    /// The same server, as several nodes whose clocks differ.
    pub(super) fn with_skewed_nodes(self) -> Self {
        let nodes = Nodes::Differ;
        Self { nodes, ..self }
    }

    /// The same server, where all tokens of the client share another limit with windows of its own.
    pub(super) fn with_client_limit(self, allowed: u32) -> Self {
        let client = Self {
            allowed,
            ..Self::new(Window::OnDemand, self.rounding)
        };
        let client = Some(Box::new(client));
        Self { client, ..self }
    }

    /// Counts a request of ours. The response reports the limit with the fewest places left.
    pub(super) fn count_ours(&mut self, now: u64) -> ServerResponse {
        let of_token = self.count(now);
        let Some(client) = &mut self.client else {
            return of_token;
        };
        let of_client = client.count(now);
        if of_client.left() < of_token.left() {
            of_client
        } else {
            of_token
        }
    }

    /// Counts a request of another client, on the same token, or on another one if the client has a limit.
    pub(super) fn count_theirs(&mut self, now: u64) -> ServerResponse {
        match &mut self.client {
            Some(client) => client.count(now),
            None => self.count(now),
        }
    }

    fn count(&mut self, now: u64) -> ServerResponse {
        match self.window {
            Window::Fixed(_) | Window::OnDemand => self.count_in_window(now),
            Window::Sliding | Window::SlidingToEmpty => self.count_in_log(now),
        }
    }

    fn count_in_window(&mut self, now: u64) -> ServerResponse {
        while self.end <= now {
            self.count = 0;
            self.end = if self.window == Window::OnDemand {
                now + MINUTE
            } else {
                self.end + MINUTE
            };
        }
        self.count += 1;
        self.response(self.count <= self.allowed, self.end - now)
    }

    /// A refused request takes no place.
    fn count_in_log(&mut self, now: u64) -> ServerResponse {
        while self.log.front().is_some_and(|then| then + MINUTE <= now) {
            self.log.pop_front();
        }
        let ok = self.log.len() < self.allowed as usize;
        if ok {
            self.log.push_back(now);
        }
        self.count = u32::try_from(self.log.len()).unwrap();
        let oldest = self.log[0] + MINUTE - now;
        let left = if self.window == Window::Sliding || !ok {
            oldest
        } else {
            MINUTE
        };
        self.response(ok, left)
    }

    fn response(&self, ok: bool, left: u64) -> ServerResponse {
        let left = match self.nodes {
            Nodes::Agree => left,
            Nodes::Differ => {
                (left + [0, 900, 2_000][self.count as usize % 3]).saturating_sub(SECOND)
            }
        };
        let reset = match self.rounding {
            Rounding::Up => left.div_ceil(SECOND),
            Rounding::Down => left / SECOND,
            Rounding::Nearest => (left + SECOND / 2) / SECOND,
        };
        ServerResponse {
            ok,
            retry_after: reset.max(1),
            headers: self.headers,
            allowed: self.allowed,
            count: self.count,
            reset,
        }
    }
}

impl ServerResponse {
    /// Places left; negative for a refused request.
    fn left(&self) -> i64 {
        i64::from(self.allowed) - i64::from(self.count)
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.headers == Headers::Missing {
            return headers;
        }
        headers.insert("inin-ratelimit-count", self.count.into());
        headers.insert("inin-ratelimit-allowed", self.allowed.into());
        headers.insert("inin-ratelimit-reset", self.reset.into());
        headers
    }
}

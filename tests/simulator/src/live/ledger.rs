//! Every frame that was sent, with its fate on each socket: the truth with which a test compares what was stored.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::sockets::SocketId;
use crate::data::ids::uuid;
use crate::data::live::{FrameKind, NewFrame};
use crate::data::random::record_rng;

#[derive(Clone, Debug)]
pub struct LiveFrame {
    /// Counts from 0.
    pub number: u64,
    /// When it was sent, by the simulator's clock.
    pub sent_at: Timestamp,
    pub kind: FrameKind,
    /// `direct.{type}` for an event of the direct stream.
    pub topic: String,
    pub conversation_id: Option<String>,
    /// The message as it is sent: the frame, or the event of the direct stream.
    pub text: Arc<str>,
    /// Where in `text` the body is.
    body: Range<usize>,
    /// One for each socket that was open and subscribed. Without one, the frame is lost.
    pub deliveries: Vec<Delivery>,
}

/// The fate of a frame on one socket. A frame that was neither sent nor lost is still waiting to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub socket: SocketId,
    /// Number of times that it was written to the socket.
    pub copies: u32,
    pub loss: Option<Loss>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Dropped by [`LiveFaults::drop`](crate::LiveFaults::drop).
    Dropped,
    /// The socket was silent.
    Silence,
    /// The socket closed first.
    Closed,
}

impl LiveFrame {
    /// JSON text of the `eventBody`; of the whole event for the direct stream.
    pub fn body(&self) -> &str {
        &self.text[self.body.clone()]
    }

    /// Whether at least one socket sent it.
    pub fn was_sent(&self) -> bool {
        self.deliveries.iter().any(|it| it.copies > 0)
    }

    /// Whether all sockets that should have sent it are done with it.
    pub fn is_settled(&self) -> bool {
        let is_settled = |it: &Delivery| it.copies > 0 || it.loss.is_some();
        self.deliveries.iter().all(is_settled)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// With consecutive numbers.
    frames: VecDeque<LiveFrame>,
    count: u64,
}

/// Separates the generator of correlation ids from the others.
const KIND: u64 = 6;

impl Ledger {
    /// Number of frames so far, including those that are forgotten.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn frames(&self) -> impl Iterator<Item = &LiveFrame> {
        self.frames.iter()
    }

    pub(crate) fn add(&mut self, frame: NewFrame, now: Timestamp) -> u64 {
        let number = self.count;
        self.count += 1;
        let body = frame.body;
        let (before, after) = match frame.kind {
            FrameKind::Direct => (String::new(), String::new()),
            _ => envelope(number, &frame.topic),
        };
        let text = [before.as_str(), body.as_str(), after.as_str()].concat();
        self.frames.push_back(LiveFrame {
            number,
            sent_at: now,
            kind: frame.kind,
            topic: frame.topic,
            conversation_id: frame.conversation_id,
            body: before.len()..before.len() + body.len(),
            text: text.into(),
            deliveries: Vec::new(),
        });
        number
    }

    /// Forgets the oldest frames.
    pub(crate) fn keep_newest(&mut self, history: usize) {
        let excess = self.frames.len().saturating_sub(history);
        self.frames.drain(..excess);
    }

    pub(crate) fn get(&self, number: u64) -> Option<&LiveFrame> {
        let index = self.index_of(number)?;
        self.frames.get(index)
    }

    pub(crate) fn expect(&mut self, number: u64, socket: SocketId) {
        let delivery = Delivery {
            socket,
            copies: 0,
            loss: None,
        };
        if let Some(frame) = self.get_mut(number) {
            frame.deliveries.push(delivery);
        }
    }

    pub(crate) fn record_sent(&mut self, number: u64, socket: SocketId) {
        if let Some(delivery) = self.delivery(number, socket) {
            delivery.copies += 1;
        }
    }

    pub(crate) fn record_loss(&mut self, number: u64, socket: SocketId, loss: Loss) {
        if let Some(delivery) = self.delivery(number, socket) {
            delivery.loss = Some(loss);
        }
    }

    /// Marks all frames that wait for a socket as lost, because it has closed.
    pub(crate) fn close(&mut self, socket: SocketId) {
        let deliveries = self.frames.iter_mut().flat_map(|it| &mut it.deliveries);
        for delivery in deliveries.filter(|it| it.socket == socket && it.copies == 0) {
            delivery.loss = delivery.loss.or(Some(Loss::Closed));
        }
    }

    fn delivery(&mut self, number: u64, socket: SocketId) -> Option<&mut Delivery> {
        let mut deliveries = self.get_mut(number)?.deliveries.iter_mut();
        deliveries.find(|it| it.socket == socket)
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut LiveFrame> {
        let index = self.index_of(number)?;
        self.frames.get_mut(index)
    }

    fn index_of(&self, number: u64) -> Option<usize> {
        let first = self.frames.front()?.number;
        usize::try_from(number.checked_sub(first)?).ok()
    }
}

/// The text before and after the body of a frame on a channel.
fn envelope(number: u64, topic: &str) -> (String, String) {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let correlation = uuid(&mut record_rng(0, KIND, number));
    let before = format!(
        r#"{{"topicName":{},"version":"2","eventBody":"#,
        json!(topic)
    );
    let after = format!(r#","metadata":{{"CorrelationId":"{correlation}"}}}}"#);
    (before, after)
}

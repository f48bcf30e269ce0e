//! Sends frames to the sockets that should hear them, and keeps the account of it.

use jiff::Timestamp;

use super::faults::Passage;
use super::ledger::{Ledger, Loss};
use super::settings::LiveSettings;
use super::sockets::{Command, Outgoing, SocketId, SocketKind, Sockets};
use crate::data::live::{FrameKind, NewFrame, TrafficState};
use crate::organisation::Organisation;
use crate::organisation::notifications::channels::{Channel, Channels};

/// Close code of a socket whose channel was evicted, has expired, or has another socket. Unverified.
pub(crate) const REPLACED: u16 = 1000;

/// Everything live of the organisation.
pub(crate) struct LiveState {
    pub(crate) channels: Channels,
    pub(crate) sockets: Sockets,
    pub(crate) ledger: Ledger,
    pub(crate) traffic: TrafficState,
    /// Number of batches sent.
    batches: usize,
}

impl LiveState {
    pub(crate) fn new() -> Self {
        Self {
            channels: Channels::default(),
            sockets: Sockets::default(),
            ledger: Ledger::default(),
            traffic: TrafficState::none(),
            batches: 0,
        }
    }

    /// Sends frames that happen together. Each socket may lose, repeat and reorder them in its own way.
    fn send(&mut self, frames: Vec<NewFrame>, settings: &LiveSettings, now: Timestamp) {
        let ledger = &mut self.ledger;
        let numbers: Vec<u64> = frames
            .into_iter()
            .map(|frame| ledger.add(frame, now))
            .collect();
        for socket in self.sockets.open_ids(None) {
            let mut passage = Passage::new(&settings.faults, socket.0, self.batches);
            let outgoing = self.outgoing(&numbers, socket, &mut passage);
            if !outgoing.is_empty() {
                self.sockets.command(socket, Command::Frames(outgoing));
            }
        }
        self.batches += 1;
        self.ledger.keep_newest(settings.history);
    }

    fn outgoing(
        &mut self,
        numbers: &[u64],
        socket: SocketId,
        passage: &mut Passage<'_>,
    ) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        for number in numbers.iter().copied() {
            let Some(frame) = self.ledger.get(number) else {
                continue;
            };
            if !self.hears(socket, frame.kind, &frame.topic) {
                continue;
            }
            let text = frame.text.clone();
            self.ledger.expect(number, socket);
            let copies = passage.copies();
            if copies == 0 {
                self.ledger.record_loss(number, socket, Loss::Dropped);
            }
            let copy = Outgoing { number, text };
            outgoing.extend(std::iter::repeat_n(copy, copies));
        }
        passage.reorder(&mut outgoing);
        outgoing
    }

    fn hears(&self, socket: SocketId, kind: FrameKind, topic: &str) -> bool {
        match self.sockets.kind(socket) {
            Some(SocketKind::Direct) => kind == FrameKind::Direct,
            Some(SocketKind::Channel(channel)) => {
                let channel = self.channels.find(channel);
                kind != FrameKind::Direct && channel.is_some_and(|it| it.hears(topic))
            }
            None => false,
        }
    }
}

impl Organisation {
    pub(crate) fn send_frames(&mut self, frames: Vec<NewFrame>) {
        let now = self.now();
        self.expire_channels(now);
        self.live.send(frames, &self.settings.live, now);
    }

    /// Removes channels whose life is over, with their sockets.
    pub(crate) fn expire_channels(&mut self, now: Timestamp) {
        let expired = self.live.channels.expire(now);
        self.close_sockets(expired);
    }

    pub(crate) fn close_sockets(&mut self, of_channels: impl IntoIterator<Item = Channel>) {
        let sockets = of_channels.into_iter().filter_map(|it| it.socket);
        for socket in sockets {
            self.live.sockets.end(socket, Command::Close(REPLACED));
        }
    }
}

//! Writes what the organisation commands, in order.

use futures::SinkExt as _;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval_at};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Sink;
use super::pieces::Cutter;
use crate::live::sockets::{Command, Outgoing, SocketId, SocketKind};
use crate::live::{LiveSettings, Loss};
use crate::organisation::connections::metadata_frame;
use crate::simulator::Shared;

/// Number of frames between two accounts of what was written.
const CHUNK: usize = 64;

/// How a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The connection is closed without a close frame, or the client has closed it already.
    Finished,
    Close(u16),
    Reset,
}

pub(super) struct Writer {
    id: SocketId,
    kind: SocketKind,
    cutter: Cutter,
    heartbeat: Option<Interval>,
    silence: watch::Sender<bool>,
}

impl Writer {
    pub(super) fn new(
        id: SocketId,
        kind: SocketKind,
        settings: &LiveSettings,
        silence: watch::Sender<bool>,
    ) -> Self {
        let heartbeat = settings.heartbeat_interval.map(|period| {
            let mut interval = interval_at(tokio::time::Instant::now() + period, period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        Self {
            cutter: Cutter::new(settings.pieces, id),
            id,
            kind,
            heartbeat,
            silence,
        }
    }

    /// Ends with the socket's last command, or when it cannot write any more.
    pub(super) async fn run(
        &mut self,
        sink: &mut Sink,
        commands: &mut UnboundedReceiver<Command>,
        shared: &Shared,
    ) -> Ending {
        loop {
            let command = tokio::select! {
                command = commands.recv() => command,
                () = next_tick(&mut self.heartbeat) => Some(Command::Heartbeat),
            };
            let Some(command) = command else {
                return Ending::Finished;
            };
            let result = match command {
                Command::Close(code) => return Ending::Close(code),
                Command::Disconnect => return Ending::Finished,
                Command::Reset => return Ending::Reset,
                command => self.perform(command, sink, shared).await,
            };
            if let Err(error) = result {
                tracing::debug!(socket = %self.id, %error, "socket not written");
                return Ending::Finished;
            }
            shared.notify();
        }
    }

    async fn perform(
        &mut self,
        command: Command,
        sink: &mut Sink,
        shared: &Shared,
    ) -> Result<(), Error> {
        let is_silent = *self.silence.borrow();
        match command {
            Command::Silence => drop(self.silence.send_replace(true)),
            Command::Resume => drop(self.silence.send_replace(false)),
            Command::Flush(done) => drop(done.send(())),
            Command::Frames(frames) if is_silent => {
                shared
                    .lock()
                    .record_losses(self.id, &numbers(&frames), Loss::Silence);
            }
            _ if is_silent => {}
            Command::Frames(frames) => self.write_frames(&frames, sink, shared).await?,
            Command::Heartbeat => {
                sink.send(self.heartbeat_message()).await?;
                shared.lock().note(self.id, |view| view.heartbeats += 1);
            }
            Command::ControlPing => sink.send(Message::Ping("simulator".into())).await?,
            Command::Text(text) => sink.send(Message::text(text)).await?,
            Command::Bytes(bytes) => {
                let frame = Frame::message(bytes, OpCode::Data(Data::Text), true);
                sink.send(Message::Frame(frame)).await?;
            }
            // Ended by the caller.
            Command::Close(_) | Command::Disconnect | Command::Reset => {}
        }
        Ok(())
    }

    async fn write_frames(
        &mut self,
        frames: &[Outgoing],
        sink: &mut Sink,
        shared: &Shared,
    ) -> Result<(), Error> {
        for chunk in frames.chunks(CHUNK) {
            self.write_chunk(chunk, sink).await?;
            shared.lock().record_sent(self.id, &numbers(chunk));
        }
        Ok(())
    }

    async fn write_chunk(&mut self, frames: &[Outgoing], sink: &mut Sink) -> Result<(), Error> {
        let texts: Vec<&str> = frames.iter().map(|it| &*it.text).collect();
        match self.kind {
            SocketKind::Channel(_) => {
                for text in texts {
                    sink.feed(Message::text(text)).await?;
                }
            }
            SocketKind::Direct => {
                for text in self.cutter.messages(&texts) {
                    sink.feed(Message::text(text)).await?;
                }
            }
        }
        sink.flush().await
    }

    /// A frame for a channel. The direct stream has no frame for it, so it is a ping of the WebSocket protocol.
    fn heartbeat_message(&self) -> Message {
        match self.kind {
            SocketKind::Channel(_) => Message::text(metadata_frame("WebSocket Heartbeat")),
            SocketKind::Direct => Message::Ping("heartbeat".into()),
        }
    }
}

fn numbers(frames: &[Outgoing]) -> Vec<u64> {
    frames.iter().map(|it| it.number).collect()
}

async fn next_tick(heartbeat: &mut Option<Interval>) {
    match heartbeat {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

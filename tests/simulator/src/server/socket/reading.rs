//! Reads what a client sends.

use futures::StreamExt as _;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;

use super::Stream;
use crate::live::sockets::SocketId;
use crate::simulator::Shared;

/// Ends when the client has closed the socket or the connection is lost.
pub(super) async fn run(
    id: SocketId,
    stream: &mut Stream,
    mut silenced: watch::Receiver<bool>,
    shared: &Shared,
) {
    while let Some(Ok(message)) = stream.next().await {
        // While the socket is silent, a message waits here, and the next one is not read. The end of the connection is
        // still noticed, if no message comes before it.
        if !matches!(message, Message::Close(_)) && silenced.wait_for(|it| !it).await.is_err() {
            return;
        }
        receive(id, &message, shared);
        shared.notify();
    }
}

fn receive(id: SocketId, message: &Message, shared: &Shared) {
    let mut organisation = shared.lock();
    match message {
        Message::Text(text) => organisation.receive_text(id, text),
        Message::Ping(_) => organisation.note(id, |view| view.control_pings += 1),
        Message::Pong(_) => organisation.note(id, |view| view.pongs += 1),
        Message::Close(frame) => {
            let code = frame.as_ref().map_or(NO_CODE, |it| it.code.into());
            organisation.note(id, |view| view.client_close_code = Some(code));
        }
        Message::Binary(_) | Message::Frame(_) => {}
    }
}

/// Stands for the absence of a code, by RFC 6455.
const NO_CODE: u16 = 1005;

//! Sockets: an HTTP request becomes a WebSocket, on which one half writes what the organisation commands and the other
//! half reads what the client sends.

mod pieces;
mod reading;
mod writing;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{SplitSink, SplitStream};
use http::{Response, header};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::body::{self, Body};
use crate::live::sockets::{OpenSocket, SocketId};
use crate::organisation::connections::Admission;
use crate::simulator::Shared;
use writing::{Ending, Writer};

type Socket = WebSocketStream<TcpStream>;
type Sink = SplitSink<Socket, Message>;
type Stream = SplitStream<Socket>;

/// The longest message that a client may send.
const MESSAGE_MAX_BYTES: usize = 1 << 20;

/// Time limit for the client to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A request to upgrade a connection.
pub(crate) struct UpgradeRequest {
    upgrade: OnUpgrade,
    accept_key: String,
}

/// A connection that becomes a socket once its response has been sent.
pub(crate) struct Upgrade {
    upgrade: OnUpgrade,
    admission: Admission,
}

/// Where a connection leaves its upgrade. At most one, since it is its last request.
pub(crate) type UpgradeSlot = Arc<Mutex<Option<Upgrade>>>;

impl UpgradeRequest {
    /// `None` for an ordinary request.
    pub(crate) fn of(request: &mut http::Request<Incoming>) -> Option<Self> {
        let headers = request.headers();
        let protocol = headers.get(header::UPGRADE)?.to_str().ok()?;
        if !protocol.eq_ignore_ascii_case("websocket") {
            return None;
        }
        let accept_key = derive_accept_key(headers.get(header::SEC_WEBSOCKET_KEY)?.as_bytes());
        let upgrade = hyper::upgrade::on(request);
        Some(Self {
            upgrade,
            accept_key,
        })
    }

    /// Leaves the upgrade in the slot, and returns the response that lets it happen.
    pub(crate) fn accept(self, admission: Admission, slot: &UpgradeSlot) -> Response<Body> {
        let upgrade = Upgrade {
            upgrade: self.upgrade,
            admission,
        };
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgrade);
        let mut response = Response::new(body::complete(bytes::Bytes::new()));
        *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(
            header::CONNECTION,
            header::HeaderValue::from_static("upgrade"),
        );
        headers.insert(
            header::UPGRADE,
            header::HeaderValue::from_static("websocket"),
        );
        if let Ok(key) = self.accept_key.parse() {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, key);
        }
        response
    }
}

/// Runs the socket that a connection has become, until it is closed.
pub(crate) async fn run(slot: &UpgradeSlot, shared: &Shared) {
    let upgrade = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Upgrade { upgrade, admission }) = upgrade else {
        return;
    };
    let socket = connect(upgrade).await;
    match (admission, socket) {
        (Admission::Open(opened), Ok(socket)) => serve(opened, socket, shared).await,
        (Admission::Open(opened), Err(_)) => forget(opened.id, shared),
        (Admission::Close(code), Ok(mut socket)) => close(&mut socket, code).await,
        (Admission::Close(_), Err(_)) => {}
    }
}

async fn connect(upgrade: OnUpgrade) -> io::Result<Socket> {
    let upgraded = upgrade.await.map_err(io::Error::other)?;
    let parts = upgraded.downcast::<TokioIo<TcpStream>>();
    let parts = parts.map_err(|_| io::Error::other("not a TCP connection"))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_MAX_BYTES))
        .max_frame_size(Some(MESSAGE_MAX_BYTES));
    let (stream, early) = (parts.io.into_inner(), parts.read_buf.to_vec());
    Ok(Socket::from_partially_read(stream, early, Role::Server, Some(config)).await)
}

async fn serve(opened: OpenSocket, socket: Socket, shared: &Shared) {
    let OpenSocket {
        id,
        kind,
        mut commands,
    } = opened;
    let (silence, silenced) = watch::channel(false);
    let (mut sink, mut stream) = socket.split();
    let settings = shared.lock().settings.live.clone();
    let mut writer = Writer::new(id, kind, &settings, silence);
    let ending = tokio::select! {
        ending = writer.run(&mut sink, &mut commands, shared) => ending,
        () = reading::run(id, &mut stream, silenced, shared) => Ending::Finished,
    };
    forget(id, shared);
    end(ending, sink, stream).await;
}

/// From now on nothing is sent to the socket; what waits for it is lost.
fn forget(id: SocketId, shared: &Shared) {
    shared.lock().socket_is_closed(id);
    shared.notify();
}

async fn end(ending: Ending, sink: Sink, stream: Stream) {
    let Ok(mut socket) = sink.reunite(stream) else {
        return;
    };
    match ending {
        Ending::Finished => {}
        Ending::Close(code) => close(&mut socket, code).await,
        Ending::Reset => drop(socket.get_ref().set_zero_linger()),
    }
}

/// Sends a close frame and waits for the client's.
async fn close(socket: &mut Socket, code: u16) {
    let frame = CloseFrame {
        code: code.into(),
        reason: String::new().into(),
    };
    let handshake = async {
        socket.close(Some(frame)).await.ok();
        while let Some(Ok(_)) = socket.next().await {}
    };
    tokio::time::timeout(CLOSE_TIMEOUT, handshake).await.ok();
}

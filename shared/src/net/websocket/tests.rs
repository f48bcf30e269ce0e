//! Tests of connections, against a server on this machine.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// The token in the URL of each connection.
const TOKEN: &str = "t0ken-in-the-url";

struct Server(TcpListener);

type Peer = WebSocketStream<TcpStream>;

impl Server {
    async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn url(&self) -> StreamUrl {
        let address = self.0.local_addr().unwrap();
        StreamUrl::parse(&format!("ws://{address}/stream?access_token={TOKEN}")).unwrap()
    }

    /// Accepts the connection of the client.
    async fn connect(&self) -> (WebSocket, Peer) {
        let accepted = async {
            let (stream, _) = self.0.accept().await.unwrap();
            tokio_tungstenite::accept_async(stream).await.unwrap()
        };
        let (url, sockets) = (self.url(), sockets());
        let (socket, peer) = tokio::join!(sockets.connect(&url), accepted);
        (socket.unwrap(), peer)
    }

    /// Responds with these bytes and closes the connection.
    async fn refuse(&self, response: &str) -> ConnectError {
        let answer = async {
            let (mut stream, _) = self.0.accept().await.unwrap();
            // A connection that is closed with unread data is reset.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.unwrap();
            }
            stream.write_all(response.as_bytes()).await.unwrap();
        };
        let (url, sockets) = (self.url(), sockets());
        let (socket, ()) = tokio::join!(sockets.connect(&url), answer);
        socket.unwrap_err()
    }
}

fn sockets() -> WebSockets {
    let secrets = Secrets::default();
    secrets.add(TOKEN);
    WebSockets {
        user_agent: "test".to_owned(),
        proxy: None,
        message_limit_bytes: 1_000,
        secrets,
    }
}

fn message(text: &str) -> Received {
    Received::Message(text.to_owned())
}

fn code(received: Result<Received, Disconnected>) -> CloseCode {
    received.unwrap_err().code
}

/// The close code that the client sent.
async fn close_code(peer: &mut Peer) -> u16 {
    loop {
        if let Message::Close(frame) = peer.next().await.unwrap().unwrap() {
            return frame.unwrap().code.into();
        }
    }
}

#[tokio::test]
async fn messages_are_received_and_sent_in_order() {
    let (mut socket, mut peer) = Server::start().await.connect().await;

    peer.send(Message::text("one")).await.unwrap();
    peer.send(Message::binary("twö".as_bytes().to_vec()))
        .await
        .unwrap();
    socket.send("three").await.unwrap();

    assert_eq!(socket.receive().await, Ok(message("one")));
    assert_eq!(socket.receive().await, Ok(message("twö")));
    assert_eq!(peer.next().await.unwrap().unwrap(), Message::text("three"));
}

#[tokio::test]
async fn a_ping_is_answered_and_a_pong_is_received() {
    let (mut socket, mut peer) = Server::start().await.connect().await;

    peer.send(Message::Ping(vec![7].into())).await.unwrap();
    socket.ping(513).await.unwrap();

    assert_eq!(socket.receive().await, Ok(Received::Ping));
    let mut seen = [peer.next().await, peer.next().await].map(|it| it.unwrap().unwrap());
    seen.sort_by_key(Message::is_ping);
    assert_eq!(
        seen,
        [
            Message::Pong(vec![7].into()),
            Message::Ping(vec![0, 0, 0, 0, 0, 0, 2, 1].into())
        ]
    );
    assert_eq!(socket.receive().await, Ok(Received::Pong(Some(513))));
}

#[tokio::test]
async fn the_close_code_of_the_server_is_reported() {
    for number in [1000, 1001, 1008, 1011, 1012, 4001] {
        let (mut socket, mut peer) = Server::start().await.connect().await;
        let frame = close_frame(CloseCode(number));

        peer.send(Message::Close(Some(frame))).await.unwrap();

        assert_eq!(code(socket.receive().await), CloseCode(number));
        assert_eq!(code(socket.receive().await), CloseCode(number));
        assert_eq!(close_code(&mut peer).await, number);
    }
}

#[tokio::test]
async fn a_close_without_a_code_and_a_lost_connection_have_codes_of_their_own() {
    let (mut socket, mut peer) = Server::start().await.connect().await;
    peer.send(Message::Close(None)).await.unwrap();
    assert_eq!(code(socket.receive().await), CloseCode::NO_CODE);

    let (mut socket, peer) = Server::start().await.connect().await;
    drop(peer);
    assert_eq!(code(socket.receive().await), CloseCode::LOST);
}

#[tokio::test]
async fn a_text_that_is_not_utf8_closes_the_connection_with_1007() {
    let (mut socket, mut peer) = Server::start().await.connect().await;
    // The first half of a character.
    let frame = [0x81, 0x02, b'a', 0xc3];

    peer.get_mut().write_all(&frame).await.unwrap();

    assert_eq!(code(socket.receive().await), CloseCode::NOT_UTF8);
    assert_eq!(close_code(&mut peer).await, 1007);
}

#[tokio::test]
async fn binary_data_closes_the_connection_with_1007() {
    let (mut socket, mut peer) = Server::start().await.connect().await;

    peer.send(Message::binary(vec![0xff])).await.unwrap();

    assert_eq!(code(socket.receive().await), CloseCode::NOT_UTF8);
    assert_eq!(close_code(&mut peer).await, 1007);
}

#[tokio::test]
async fn a_message_over_the_limit_closes_the_connection_with_1009() {
    let (mut socket, mut peer) = Server::start().await.connect().await;

    peer.send(Message::text("x".repeat(1_000))).await.unwrap();
    peer.send(Message::text("x".repeat(1_001))).await.unwrap();

    assert!(socket.receive().await.is_ok());
    assert_eq!(code(socket.receive().await), CloseCode::TOO_LARGE);
    assert_eq!(close_code(&mut peer).await, 1009);
}

#[tokio::test]
async fn a_violation_of_the_protocol_closes_the_connection_with_1002() {
    let (mut socket, mut peer) = Server::start().await.connect().await;
    // A reserved operation.
    let frame = [0x83, 0x00];

    peer.get_mut().write_all(&frame).await.unwrap();

    assert_eq!(code(socket.receive().await), CloseCode::PROTOCOL);
    assert_eq!(close_code(&mut peer).await, 1002);
}

#[tokio::test]
async fn closing_sends_1000() {
    let (socket, mut peer) = Server::start().await.connect().await;
    peer.send(Message::text("unread")).await.unwrap();

    let (code, ()) = tokio::join!(close_code(&mut peer), socket.close());

    assert_eq!(code, 1000);
}

#[tokio::test]
async fn a_refused_handshake_is_reported_with_its_status() {
    let server = Server::start().await;
    let response = |status: &str| format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
    let mut errors = Vec::new();
    for status in ["401 Unauthorized", "404 Not Found", "302 Found", "200 OK"] {
        errors.push(server.refuse(&response(status)).await.to_string());
    }

    insta::assert_snapshot!(errors.join("\n"), @r"
    127.0.0.1 refused the WebSocket connection with status 401
    127.0.0.1 refused the WebSocket connection with status 404
    127.0.0.1 refused the WebSocket connection with status 302
    127.0.0.1 refused the WebSocket connection with status 200
    ");
}

#[tokio::test]
async fn a_handshake_for_another_key_is_refused() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n";
    for accept in ["", "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"] {
        let error = Server::start()
            .await
            .refuse(&format!("{head}{accept}\r\n"))
            .await;

        assert!(
            matches!(error, ConnectError::NotWebSocket { .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn no_error_holds_the_token_of_the_url() {
    let server = Server::start().await;
    let refused = server
        .refuse("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        .await;
    let garbage = server.refuse("no HTTP\r\n\r\n").await;
    let url = server.url();
    drop(server);
    let unreachable = sockets().connect(&url).await.unwrap_err();

    for error in [refused, garbage, unreachable] {
        let shown = format!("{} {error:?}", crate::base::failure::error_chain(&error));
        assert!(!shown.contains(TOKEN), "{shown}");
        assert!(shown.contains("127.0.0.1"), "{shown}");
    }
}

#[tokio::test]
async fn the_words_of_the_server_are_cleaned() {
    let (mut socket, mut peer) = Server::start().await.connect().await;
    let reason = format!("token {TOKEN} of Mary Miller expired");
    let frame = CloseFrame {
        code: 4001.into(),
        reason: reason.into(),
    };

    peer.send(Message::Close(Some(frame))).await.unwrap();

    let error = socket.receive().await.unwrap_err();
    insta::assert_snapshot!(error, @"the server closed the connection with code 4001: token [SECRET] of … expired");
}

//! A WebSocket client that waits, but never for long.

use futures::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::super::client::Failure;
use std::time::Duration;

/// Longer than anything takes, even on a busy machine.
const MAX_WAIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct Socket(WebSocketStream<TcpStream>);

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Closed(u16),
    /// Without a close frame.
    Broken,
}

impl Socket {
    pub(super) async fn connect(uri: &str) -> Result<Self, Failure> {
        let url: url::Url = uri.parse()?;
        let address = (url.host_str().unwrap(), url.port().unwrap());
        let stream = TcpStream::connect(address).await?;
        let connecting = tokio_tungstenite::client_async(uri, stream);
        let (socket, _) = tokio::time::timeout(MAX_WAIT, connecting).await??;
        Ok(Self(socket))
    }

    /// The status with which a socket is refused.
    pub(super) async fn refusal(uri: &str) -> u16 {
        let failure = Self::connect(uri).await.unwrap_err();
        match failure.downcast_ref::<Error>() {
            Some(Error::Http(response)) => response.status().as_u16(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    pub(super) async fn send_message(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub(super) async fn close(&mut self, code: u16) {
        let frame = tokio_tungstenite::tungstenite::protocol::frame::CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        self.0.close(Some(frame)).await.unwrap();
        self.end().await;
    }

    pub(super) async fn next(&mut self) -> Option<Result<Message, Error>> {
        let next = tokio::time::timeout(MAX_WAIT, self.0.next()).await;
        next.expect("a message, or the end")
    }

    /// The next text message.
    pub(super) async fn text(&mut self) -> String {
        loop {
            match self.next().await {
                Some(Ok(Message::Text(text))) => return text.to_string(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next text message, which is JSON.
    pub(super) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The next messages, parsed.
    pub(super) async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut frames = Vec::new();
        for _ in 0..count {
            frames.push(self.json().await);
        }
        frames
    }

    /// Reads to the end of the connection.
    pub(super) async fn end(&mut self) -> End {
        let mut end = End::Broken;
        loop {
            match self.next().await {
                Some(Ok(Message::Close(frame))) => {
                    end = End::Closed(frame.map_or(1005, |it| it.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return end,
            }
        }
    }
}

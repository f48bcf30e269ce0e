//! The opening handshake (RFC 6455, section 4): an HTTP request that the server answers by switching protocols.

use std::time::Duration;

use reqwest::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{Response, StatusCode, Upgraded};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{StreamUrl, WebSocket, WebSockets};
use crate::base::failure::error_chain;
use crate::net::transport::{ClientError, builder_through};
use crate::records::foreign::ForeignText;

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("{host} refused the WebSocket connection with status {status}")]
    Refused { host: String, status: u16 },
    #[error(
        "{host} did not complete the WebSocket handshake; a proxy may have responded in its place"
    )]
    NotWebSocket { host: String },
    #[error("{host} did not respond in time")]
    Timeout { host: String },
    #[error("{host} could not be reached")]
    Unreachable {
        host: String,
        #[source]
        cause: ForeignText,
    },
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Limit for the whole handshake, with name resolution, proxy and TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

impl WebSockets {
    /// Opens a connection.
    pub async fn connect(&self, url: &StreamUrl) -> Result<WebSocket, ConnectError> {
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, self.shake_hands(url)).await {
            Ok(connection) => Ok(WebSocket::new(connection?, self).await),
            Err(_) => Err(ConnectError::Timeout {
                host: url.host().to_owned(),
            }),
        }
    }

    async fn shake_hands(&self, url: &StreamUrl) -> Result<Upgraded, ConnectError> {
        let key = generate_key();
        let address = url.as_http();
        // HTTP/2 has another handshake (RFC 8441), which few servers know.
        let client = builder_through(&address, self.proxy.as_ref())?
            .user_agent(&self.user_agent)
            .http1_only()
            .build()
            .map_err(ClientError)?;
        let request = client
            .get(address)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let response = request.send().await;
        let response = response.map_err(|error| self.unreachable(url, error))?;
        check(&response, &key, url)?;
        let connection = response.upgrade().await;
        connection.map_err(|error| self.unreachable(url, error))
    }

    fn unreachable(&self, url: &StreamUrl, error: reqwest::Error) -> ConnectError {
        let causes = error_chain(&error.without_url());
        ConnectError::Unreachable {
            host: url.host().to_owned(),
            cause: ForeignText::new(&causes, &self.secrets),
        }
    }
}

/// Checks that the server itself has accepted this request.
fn check(response: &Response, key: &str, url: &StreamUrl) -> Result<(), ConnectError> {
    let host = url.host().to_owned();
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status().as_u16();
        return Err(ConnectError::Refused { host, status });
    }
    let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT);
    if accepted.is_none_or(|accepted| *accepted != derive_accept_key(key.as_bytes())) {
        return Err(ConnectError::NotWebSocket { host });
    }
    Ok(())
}

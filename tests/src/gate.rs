//! A relay in front of a server on loopback: each request that passes through it is a step before which its sender can
//! be suspended.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

use crate::seams::Steps;

const BUFFER_BYTES: usize = 16 << 10;

/// Relays connections until it is dropped.
#[derive(Debug)]
pub struct Gate {
    url: Url,
    accepting: JoinHandle<()>,
}

impl Gate {
    /// Opens a gate in front of the server at `server`; `steps` counts the requests through it.
    pub async fn before(server: &Url, steps: Arc<Steps>) -> Self {
        let port = server.port().expect("a server on loopback has a port");
        let server_address = SocketAddr::from(([127, 0, 0, 1], port));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own_port = listener.local_addr().expect("an address").port();
        let mut url = server.clone();
        url.set_port(Some(own_port)).expect("an address of a host");
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, server_address, Arc::clone(&steps)));
            }
        });
        Self { url, accepting }
    }

    /// Address of the server as seen through the gate.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Ends when either side closes. The client sends its next request only after a response, so its first bytes, and its
/// first bytes after a response, begin a request.
async fn relay(mut client: TcpStream, server: SocketAddr, steps: Arc<Steps>) -> Option<()> {
    let mut server = TcpStream::connect(server).await.ok()?;
    client.set_nodelay(true).ok()?;
    server.set_nodelay(true).ok()?;
    let (mut request_bytes, mut response_bytes) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_BYTES]);
    let mut is_request_start = true;
    loop {
        tokio::select! {
            count = client.read(&mut request_bytes) => {
                let count = count.ok().filter(|count| *count > 0)?;
                if std::mem::take(&mut is_request_start) {
                    steps.step(std::future::ready(())).await;
                }
                server.write_all(&request_bytes[..count]).await.ok()?;
            }
            count = server.read(&mut response_bytes) => {
                let count = count.ok().filter(|count| *count > 0)?;
                client.write_all(&response_bytes[..count]).await.ok()?;
                is_request_start = true;
            }
        }
    }
}

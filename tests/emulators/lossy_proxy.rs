//! A proxy to S3 that loses responses: the write takes effect, and the client sees its connection closed.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Relays requests until it is dropped, each over its own connection.
#[derive(Debug)]
pub(crate) struct LossyProxy {
    address: SocketAddr,
    puts: Arc<Puts>,
    accepting: AbortHandle,
}

/// Counts the writes, and loses the response to the first of every `every`.
#[derive(Debug)]
struct Puts {
    seen: AtomicU64,
    every: u64,
}

struct Request {
    bytes: Vec<u8>,
    is_put: bool,
}

impl LossyProxy {
    pub(crate) async fn before(upstream: &str, every: u64) -> Self {
        let upstream: SocketAddr = upstream
            .trim_start_matches("http://")
            .parse()
            .expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let puts = Arc::new(Puts {
            seen: AtomicU64::new(0),
            every,
        });
        let accepting = tokio::spawn(accept(listener, upstream, Arc::clone(&puts)));
        Self {
            address,
            puts,
            accepting: accepting.abort_handle(),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn lost_count(&self) -> u64 {
        let seen = self.puts.seen.load(Ordering::SeqCst);
        seen.div_ceil(self.puts.every)
    }
}

impl Drop for LossyProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Puts {
    fn should_lose_next(&self) -> bool {
        let number = self.seen.fetch_add(1, Ordering::SeqCst);
        number.is_multiple_of(self.every)
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, puts: Arc<Puts>) {
    while let Ok((client, _)) = listener.accept().await {
        let puts = Arc::clone(&puts);
        // A disconnecting client is not an error.
        tokio::spawn(async move { exchange(client, upstream, &puts).await.ok() });
    }
}

/// Relays one request. The upstream closes its connection at the end of the response, and so does the proxy.
async fn exchange(mut client: TcpStream, upstream: SocketAddr, puts: &Puts) -> io::Result<()> {
    let request = read_request(&mut client).await?;
    let mut upstream = TcpStream::connect(upstream).await?;
    upstream.write_all(&request.bytes).await?;
    let mut response = Vec::new();
    upstream.read_to_end(&mut response).await?;
    if request.is_put && puts.should_lose_next() {
        return Ok(());
    }
    client.write_all(&response).await?;
    client.shutdown().await
}

/// Reads the whole request, and marks it as the last on its connection.
async fn read_request(client: &mut TcpStream) -> io::Result<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(head) = bytes.windows(4).position(|window| window == END_OF_HEAD) {
            break head;
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let end = head + END_OF_HEAD.len() + content_length(&text);
    while bytes.len() < end {
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    bytes.splice(head..head, *b"\r\nconnection: close");
    Ok(Request {
        bytes,
        is_put: text.starts_with("PUT "),
    })
}

fn content_length(head: &str) -> usize {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let found = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    found.map_or(0, |(_, value)| value.trim().parse().expect("a length"))
}

//! Bodies that arrive completely, slowly, partly, or never end.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Number of pieces of a slow body, whatever its length.
const PIECES: usize = 8;

pub(crate) fn complete(body: Bytes) -> Body {
    Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub(crate) fn slow(body: &Bytes, pause: Duration) -> Body {
    let size = body.len().div_ceil(PIECES).max(1);
    let pieces: Vec<Bytes> = (0..body.len())
        .step_by(size)
        .map(|at| body.slice(at..body.len().min(at + size)))
        .collect();
    from_stream(stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok(piece)
    }))
}

pub(crate) fn cut_off(body: Bytes) -> Body {
    from_stream(first_half(body).chain(connection_error()))
}

/// Sends the whole body, then closes the connection: for a `Content-Length` that differs from the body's length.
pub(crate) fn with_other_length(body: Bytes) -> Body {
    from_stream(stream::once(async move { Ok(body) }).chain(connection_error()))
}

pub(crate) fn stalled(body: Bytes) -> Body {
    from_stream(first_half(body).chain(stream::pending()))
}

fn connection_error() -> impl Stream<Item = io::Result<Bytes>> {
    stream::once(async {
        // Waits a moment, so that hyper sends the buffered data before it sees the error.
        tokio::time::sleep(Duration::from_millis(1)).await;
        Err(io::ErrorKind::BrokenPipe.into())
    })
}

fn first_half(body: Bytes) -> impl Stream<Item = io::Result<Bytes>> {
    let length = body.len() / 2;
    stream::once(async move { Ok(body.slice(..length)) })
}

fn from_stream(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    BodyExt::boxed_unsync(StreamBody::new(pieces.map(|piece| piece.map(Frame::data))))
}

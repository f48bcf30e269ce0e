//! Reads a response body into one buffer, up to a limit.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Response;

use super::error::ApiError;
use crate::records::foreign::Secrets;

/// Limit for error bodies: a useful one is a few hundred bytes of JSON.
pub(crate) const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// Buffers above this capacity are freed: pages take a few megabytes, and an unusually large body must not occupy
/// memory for the life of the client.
const MAX_KEPT_CAPACITY: usize = 16 * 1024 * 1024;

/// Free buffers for reuse, smallest first; at most as many as bodies were ever read concurrently. Allocating and
/// freeing megabytes for every page would fragment the heap, and memory would grow with the length of an export.
#[derive(Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// A body that was read completely. Its buffer is returned for reuse on drop.
pub(crate) struct Body {
    bytes: Vec<u8>,
    buffers: Buffers,
}

/// Reads the whole body; fails with [`ApiError::TooLarge`] if it exceeds `limit` bytes.
pub(crate) async fn read(
    mut response: Response,
    limit: u64,
    route: &str,
    buffers: &Buffers,
    secrets: &Secrets,
) -> Result<Body, ApiError> {
    let too_large = || ApiError::TooLarge {
        route: route.to_owned(),
        limit,
    };
    let content_length = response.content_length();
    if content_length.is_some_and(|content_length| content_length > limit) {
        return Err(too_large());
    }
    // If reading fails, the buffer is freed instead of reused: it may have grown to the limit.
    let mut bytes = buffers
        .take(content_length.and_then(|content_length| usize::try_from(content_length).ok()));
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| ApiError::transport(route, error, secrets))?
    {
        if bytes.len() as u64 + chunk.len() as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    let buffers = buffers.clone();
    Ok(Body { bytes, buffers })
}

impl Buffers {
    /// Returns an empty buffer: the smallest with at least the capacity `content_length`, or the largest one: large
    /// responses do not state their length.
    fn take(&self, content_length: Option<usize>) -> Vec<u8> {
        let mut free = self.lock();
        let fits =
            content_length.map(|length| free.partition_point(|bytes| bytes.capacity() < length));
        let place = fits.filter(|place| *place < free.len());
        let mut bytes = match place {
            Some(place) => free.remove(place),
            None => free.pop().unwrap_or_default(),
        };
        drop(free);
        bytes.reserve_exact(content_length.unwrap_or(0));
        bytes
    }

    fn put_back(&self, mut bytes: Vec<u8>) {
        if bytes.capacity() == 0 || bytes.capacity() > MAX_KEPT_CAPACITY {
            return;
        }
        bytes.clear();
        let mut free = self.lock();
        let place = free.partition_point(|other| other.capacity() < bytes.capacity());
        free.insert(place, bytes);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.buffers.put_back(std::mem::take(&mut self.bytes));
    }
}

impl fmt::Debug for Buffers {
    /// Omits the buffered bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffers").finish_non_exhaustive()
    }
}

/// Reads the beginning of an error's body. A failed read is not an error: the status counts without the body.
pub(crate) async fn read_error(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ERROR_BODY_LIMIT {
            break;
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::loopback::{Loopback, Scripted};
    use crate::net::transport::builder_for;

    #[test]
    fn a_dropped_body_returns_its_buffer_empty_with_its_capacity() {
        let buffers = Buffers::default();

        drop(body(&buffers, 10_000));

        let again = buffers.take(None);
        assert_eq!((again.len(), again.capacity()), (0, 10_000));
        assert_eq!(buffers.take(None).capacity(), 0);
    }

    #[test]
    fn a_body_takes_the_smallest_buffer_that_fits() {
        let buffers = Buffers::default();
        drop([5_000, 200, 900].map(|length| body(&buffers, length)));

        let small = buffers.take(Some(100));
        let large = buffers.take(Some(4_000));
        let unknown = buffers.take(None);

        let capacities = [small, large, unknown].map(|bytes| bytes.capacity());
        assert_eq!(capacities, [200, 5_000, 900]);
    }

    #[test]
    fn huge_and_empty_buffers_are_not_kept() {
        let buffers = Buffers::default();

        drop(body(&buffers, MAX_KEPT_CAPACITY + 1));
        drop(body(&buffers, 0));

        assert!(buffers.lock().is_empty());
    }

    #[tokio::test]
    async fn the_buffer_of_a_truncated_body_is_freed() {
        let server = Loopback::start().await;
        server.script("/page", [Scripted::new(200, "x".repeat(900)).cut_off()]);
        let buffers = Buffers::default();
        drop(body(&buffers, 10));
        let url = server.url.join("/page").unwrap();

        let client = builder_for(&url).build().unwrap();
        let response = client.get(url).send().await.unwrap();
        let read = read(response, 1_000, "/page", &buffers, &Secrets::default()).await;

        assert!(read.is_err());
        assert!(buffers.lock().is_empty());
    }

    fn body(buffers: &Buffers, length: usize) -> Body {
        Body {
            bytes: vec![b'x'; length],
            buffers: buffers.clone(),
        }
    }
}

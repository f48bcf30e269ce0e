//! Reading a response: into one buffer, up to a limit.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Response;

use super::error::ApiError;

/// An error body that is worth reading is a few hundred bytes of JSON.
const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// Buffers between two bodies, as many as were ever read at once. Megabytes allocated and freed page after page would
/// leave the heap in pieces, and memory would grow with the length of an export.
#[derive(Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// A body that was read whole. Its buffer goes back when it is dropped.
pub(crate) struct Body {
    bytes: Vec<u8>,
    buffers: Buffers,
}

/// The whole body, at most `limit` bytes of it.
pub(crate) async fn read(
    mut response: Response,
    limit: u64,
    route: &str,
    buffers: &Buffers,
) -> Result<Body, ApiError> {
    let too_large = || ApiError::TooLarge {
        route: route.to_owned(),
        limit,
    };
    let announced = response.content_length().unwrap_or(0);
    if announced > limit {
        return Err(too_large());
    }
    let mut body = buffers.take();
    body.bytes
        .reserve_exact(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| cut_off(route, error))?
    {
        if body.len() as u64 + chunk.len() as u64 > limit {
            return Err(too_large());
        }
        body.bytes.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl Buffers {
    fn take(&self) -> Body {
        Body {
            bytes: self.lock().pop().unwrap_or_default(),
            buffers: self.clone(),
        }
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
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.buffers.lock().push(bytes);
    }
}

impl fmt::Debug for Buffers {
    /// Without what was in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffers").finish_non_exhaustive()
    }
}

/// The beginning of an error's body. Its status counts whether or not the body arrives.
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

fn cut_off(route: &str, error: reqwest::Error) -> ApiError {
    ApiError::transport(route, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_and_as_large_as_it_was() {
        let buffers = Buffers::default();
        let mut first = buffers.take();
        first.bytes.extend_from_slice(&[b'x'; 10_000]);
        drop(first);

        let again = buffers.take();

        assert!(again.is_empty());
        assert!(again.bytes.capacity() >= 10_000);
        assert_eq!(buffers.take().bytes.capacity(), 0);
    }
}

//! Reading a response: into one buffer, up to a limit.

use reqwest::Response;

use super::error::ApiError;

/// An error body that is worth reading is a few hundred bytes of JSON.
const ERROR_BODY_LIMIT: usize = 64 * 1024;

/// The whole body, at most `limit` bytes of it.
pub(crate) async fn read(
    mut response: Response,
    limit: u64,
    route: &str,
) -> Result<Vec<u8>, ApiError> {
    let too_large = || ApiError::TooLarge {
        route: route.to_owned(),
        limit,
    };
    let announced = response.content_length().unwrap_or(0);
    if announced > limit {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| cut_off(route, error))?
    {
        if body.len() as u64 + chunk.len() as u64 > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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

//! A value made from secrets, which change while a process lives.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::base::time::elapsed;

/// A rotated secret is used at the latest after this time. A receiver accepts the previous one at least that long.
const MAX_AGE: Duration = Duration::from_mins(5);

/// The value, made on first use and again when it is too old.
#[derive(Debug)]
pub struct Refreshed<T>(Mutex<Option<(Timestamp, Arc<T>)>>);

impl<T> Default for Refreshed<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Refreshed<T> {
    /// The value, which `make` makes if there is none of the last five minutes. An error leaves no value.
    pub async fn get<E>(
        &self,
        now: Timestamp,
        make: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut latest = self.0.lock().await;
        let is_recent = |latest: &&(Timestamp, Arc<T>)| elapsed(latest.0, now) < MAX_AGE;
        if let Some((_, value)) = latest.as_ref().filter(is_recent) {
            return Ok(Arc::clone(value));
        }
        *latest = None;
        let value = Arc::new(make().await?);
        *latest = Some((now, Arc::clone(&value)));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(
        refreshed: &Refreshed<&'static str>,
        seconds: i64,
        value: Result<&'static str, ()>,
    ) -> Result<&'static str, ()> {
        let now = Timestamp::from_second(seconds).unwrap();
        let value = refreshed.get(now, async || value).await?;
        Ok(*value)
    }

    #[tokio::test]
    async fn a_secret_is_read_again_after_five_minutes() {
        let refreshed = Refreshed::default();

        assert_eq!(get(&refreshed, 0, Ok("old")).await, Ok("old"));
        assert_eq!(get(&refreshed, 299, Ok("new")).await, Ok("old"));
        assert_eq!(get(&refreshed, 300, Ok("new")).await, Ok("new"));
    }

    #[tokio::test]
    async fn a_secret_that_cannot_be_read_is_not_replaced_by_an_old_one() {
        let refreshed = Refreshed::default();

        assert_eq!(get(&refreshed, 0, Ok("old")).await, Ok("old"));
        assert_eq!(get(&refreshed, 600, Err(())).await, Err(()));
        assert_eq!(get(&refreshed, 601, Ok("new")).await, Ok("new"));
    }
}

//! The token's request budget, as the API's `inin-ratelimit-*` headers tell it. Pure: time comes in as an argument.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

/// Who may send now. A request counts from the moment it is let go, so that concurrent callers do not all take the
/// last place.
#[derive(Debug, Default)]
pub struct Pace {
    /// Requests in the present window: at least those we sent, or more if the server counted more.
    used: u32,
    window: Option<Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    allowed: u32,
    resets: Timestamp,
}

/// One response's headers.
struct Told {
    count: u32,
    window: Window,
}

/// The reset comes in whole seconds, so two answers within one window differ by about one.
const SAME_WINDOW: Duration = Duration::from_secs(2);

/// The windows last a minute; a reset much further off is a mistake that must not stop us.
const LONGEST_RESET: Duration = Duration::from_mins(10);

impl Pace {
    /// How long nobody may send, zero if one may.
    pub fn wait(&self, now: Timestamp) -> Duration {
        match self.window {
            Some(window) if self.used >= window.allowed => until(window.resets, now),
            _ => Duration::ZERO,
        }
    }

    /// Takes one place in the budget, or says how long to wait before asking again.
    pub fn reserve(&mut self, now: Timestamp) -> Result<(), Duration> {
        self.turn(now);
        match self.wait(now) {
            Duration::ZERO => {
                self.used = self.used.saturating_add(1);
                Ok(())
            }
            wait => Err(wait),
        }
    }

    /// Learns from a response. Missing and malformed headers change nothing.
    pub fn observe(&mut self, headers: &HeaderMap, now: Timestamp) {
        self.turn(now);
        let Some(told) = Told::read(headers, now) else {
            return;
        };
        let latest = self
            .window
            .map_or(told.window.resets, |window| window.resets);
        let same = until(told.window.resets, latest) <= SAME_WINDOW;
        // Answers overtake each other: within a window the count only grows.
        self.used = if same {
            self.used.max(told.count)
        } else {
            told.count
        };
        self.window = Some(told.window);
    }

    /// Forgets a window that is over.
    fn turn(&mut self, now: Timestamp) {
        if self.window.is_some_and(|window| window.resets <= now) {
            *self = Self::default();
        }
    }
}

impl Told {
    fn read(headers: &HeaderMap, now: Timestamp) -> Option<Self> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u32>().ok();
        let reset = Duration::from_secs(number("inin-ratelimit-reset")?.into());
        let allowed = number("inin-ratelimit-allowed").filter(|allowed| *allowed > 0)?;
        let resets = now
            .saturating_add(reset)
            .ok()
            .filter(|_| reset <= LONGEST_RESET)?;
        Some(Self {
            count: number("inin-ratelimit-count")?,
            window: Window { allowed, resets },
        })
    }
}

fn until(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(now)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_445_600 + second).unwrap()
    }

    fn headers(count: &str, allowed: &str, reset: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("inin-ratelimit-count", count.parse().unwrap());
        headers.insert("inin-ratelimit-allowed", allowed.parse().unwrap());
        headers.insert("inin-ratelimit-reset", reset.parse().unwrap());
        headers
    }

    #[test]
    fn a_used_up_budget_holds_everybody_until_the_reset() {
        let mut pace = Pace::default();

        pace.observe(&headers("300", "300", "42"), at(0));

        assert_eq!(pace.wait(at(0)), Duration::from_secs(42));
        assert_eq!(pace.reserve(at(40)), Err(Duration::from_secs(2)));
        assert_eq!(pace.reserve(at(42)), Ok(()));
    }

    #[test]
    fn concurrent_callers_do_not_overshoot() {
        let mut pace = Pace::default();
        pace.observe(&headers("297", "300", "30"), at(0));

        let let_go = (0..10).filter(|_| pace.reserve(at(1)).is_ok()).count();

        assert_eq!(let_go, 3);
        assert_eq!(pace.reserve(at(1)), Err(Duration::from_secs(29)));
    }

    #[test]
    fn an_answer_that_comes_late_does_not_bring_places_back() {
        let mut pace = Pace::default();
        pace.observe(&headers("10", "20", "30"), at(0));
        for _ in 0..9 {
            pace.reserve(at(1)).unwrap();
        }

        pace.observe(&headers("19", "20", "28"), at(2));
        pace.observe(&headers("12", "20", "29"), at(2));

        assert!(pace.reserve(at(2)).is_ok());
        assert!(pace.reserve(at(2)).is_err());
    }

    #[test]
    fn a_new_window_told_by_the_server_starts_over() {
        let mut pace = Pace::default();
        pace.observe(&headers("20", "20", "5"), at(0));

        pace.observe(&headers("1", "20", "60"), at(4));

        assert_eq!(pace.reserve(at(4)), Ok(()));
    }

    #[test]
    fn missing_and_malformed_headers_change_nothing() {
        let mut pace = Pace::default();
        pace.observe(&headers("300", "300", "42"), at(0));

        pace.observe(&HeaderMap::new(), at(1));
        pace.observe(&headers("1", "many", "60"), at(1));
        pace.observe(&headers("1", "0", "60"), at(1));
        pace.observe(&headers("1", "300", "86400"), at(1));

        assert_eq!(pace.wait(at(1)), Duration::from_secs(41));
    }

    #[test]
    fn without_headers_nobody_waits() {
        let mut pace = Pace::default();

        assert!((0..1000).all(|_| pace.reserve(at(0)).is_ok()));
    }
}

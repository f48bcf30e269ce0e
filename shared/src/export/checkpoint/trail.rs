//! The history of a page chain, for detecting a chain that does not end.
//!
//! Brent's algorithm: the identity of a page, a cursor or its content, is remembered after each power of two of steps
//! and compared with all that follow. A cycle of any length is detected within a small multiple of the steps that lead
//! into it and once around it, with one digest of memory.

use serde::{Deserialize, Serialize};

use crate::base::hash::Sha256;

/// Limit on consecutive pages without a record, after which the chain counts as endless. Sources that filter while
/// paging return some; none is documented to return many.
const EMPTY_PAGES_MAX: u32 = 100;

/// Characters of the remembered digest.
const DIGEST_LENGTH: usize = 16;

/// The state of a chain after a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trail {
    /// Pages that were followed by another one.
    steps: u32,
    /// The first characters of the digest remembered at the last power of two of steps.
    mark: String,
    /// Pages without a record since the last one with records.
    #[serde(default, skip_serializing_if = "is_zero")]
    empty_pages: u32,
}

/// The reason why a chain is not continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndlessChain {
    #[error("the page's next cursor was already used in this chain")]
    Cycle,
    #[error("the page has the same records as an earlier page: the offset seems to be ignored")]
    SamePage,
    #[error(
        "{EMPTY_PAGES_MAX} consecutive pages have no records, and the last one has a next cursor"
    )]
    Empty,
}

impl Trail {
    /// The trail after a page with `received` records whose next cursor is `next`.
    pub(crate) fn extended_by_cursor(
        before: Option<&Self>,
        next: &str,
        received: u64,
    ) -> Result<Self, EndlessChain> {
        let empty_pages = match received {
            0 => before.map_or(0, |trail| trail.empty_pages) + 1,
            _ => 0,
        };
        if empty_pages >= EMPTY_PAGES_MAX {
            return Err(EndlessChain::Empty);
        }
        let trail = Self::extended_by(before, Sha256::of(next)).ok_or(EndlessChain::Cycle)?;
        Ok(Self {
            empty_pages,
            ..trail
        })
    }

    /// The trail after a page whose body has this digest, for sources that page by offset.
    pub(crate) fn extended_by_page(
        before: Option<&Self>,
        body: Sha256,
    ) -> Result<Self, EndlessChain> {
        Self::extended_by(before, body).ok_or(EndlessChain::SamePage)
    }

    /// `None` if the chain is in a cycle.
    fn extended_by(before: Option<&Self>, digest: Sha256) -> Option<Self> {
        let digest = digest.short(DIGEST_LENGTH);
        let steps = before.map_or(0, |trail| trail.steps).saturating_add(1);
        let mark = match before {
            Some(trail) if trail.mark == digest => return None,
            Some(trail) if !steps.is_power_of_two() => trail.mark.clone(),
            _ => digest,
        };
        Some(Self {
            steps,
            mark,
            empty_pages: 0,
        })
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of steps after which a chain of these cursors is detected as a cycle.
    fn steps_until_cycle(cursors: impl Iterator<Item = usize>) -> Option<usize> {
        let mut trail = None;
        for (step, cursor) in cursors.enumerate() {
            match Trail::extended_by_cursor(trail.as_ref(), &cursor.to_string(), 1) {
                Ok(next) => trail = Some(next),
                Err(EndlessChain::Cycle) => return Some(step + 1),
                Err(error) => unreachable!("{error}"),
            }
        }
        None
    }

    #[test]
    fn a_cycle_of_cursors_is_detected_within_a_multiple_of_its_length() {
        for tail in [0, 1, 2, 7, 30] {
            for length in [1, 2, 3, 5, 16, 40] {
                let cursors = (0..1_000).map(|step| match step {
                    step if step < tail => step,
                    step => tail + (step - tail) % length,
                });

                let steps = steps_until_cycle(cursors).expect("a circle");

                assert!(
                    steps <= 3 * tail.max(length) + 2,
                    "{tail} {length}: {steps}"
                );
            }
        }
    }

    #[test]
    fn a_chain_without_repeats_is_not_a_cycle() {
        assert_eq!(steps_until_cycle(0..5_000), None);
    }

    #[test]
    fn only_consecutive_empty_pages_are_counted() {
        let mut trail = None;
        let mut follow = |cursor: u32, received| {
            let next = Trail::extended_by_cursor(trail.as_ref(), &cursor.to_string(), received)?;
            trail = Some(next);
            Ok::<_, EndlessChain>(())
        };

        for cursor in 0..99 {
            follow(cursor, 0).unwrap();
        }
        follow(99, 1).unwrap();
        for cursor in 100..199 {
            follow(cursor, 0).unwrap();
        }

        assert_eq!(follow(199, 0), Err(EndlessChain::Empty));
    }
}

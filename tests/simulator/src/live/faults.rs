//! Faults of live traffic: what happens to frames on their way to a socket, and how far the API lags.

use fastrand::Rng;

use crate::data::random::record_rng;

/// The default has no faults. Silences, closes and resets happen when a test calls for them.
#[derive(Clone, Debug, Default)]
pub struct LiveFaults {
    pub seed: u64,
    /// Rate of frames that a socket loses without any sign.
    pub drop: f64,
    /// Rate of frames that a socket sends twice.
    pub duplicate: f64,
    /// Frames that are sent together change places within groups of this many; 0 and 1 keep their order.
    pub reorder: usize,
    /// Requests for a socket are refused with this status.
    pub refuse_sockets: Option<u16>,
    /// After each end of a conversation, the number of lookups by id that do not find it.
    pub absent_lookups: u32,
    /// After those, the number of lookups by id that return it without `conversationEnd`.
    pub open_lookups: u32,
}

/// The fate of the frames of one batch on their way to one socket.
pub(crate) struct Passage<'a> {
    faults: &'a LiveFaults,
    rng: Rng,
}

impl<'a> Passage<'a> {
    /// `socket` and `batch` are numbers of which each pair has its own fate.
    pub(crate) fn new(faults: &'a LiveFaults, socket: u64, batch: usize) -> Self {
        let rng = record_rng(faults.seed, socket, batch);
        Self { faults, rng }
    }

    /// Number of times that the next frame is sent.
    pub(crate) fn copies(&mut self) -> usize {
        // Both are drawn for each frame, so that one rate does not change which frames meet the other fault.
        let (drop, duplicate) = (self.rng.f64(), self.rng.f64());
        if drop < self.faults.drop {
            return 0;
        }
        1 + usize::from(duplicate < self.faults.duplicate)
    }

    pub(crate) fn reorder<T>(&mut self, frames: &mut [T]) {
        for group in frames.chunks_mut(self.faults.reorder.max(1)) {
            self.rng.shuffle(group);
        }
    }
}

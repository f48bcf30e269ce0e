//! Collects the panics of a thread, including those that a task swallows.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static COLLECTED: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// From this call on, panics of this thread are collected instead of printed.
pub fn start_collecting() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_kept = COLLECTED.with_borrow_mut(|collected| {
                collected
                    .as_mut()
                    .map(|collected| collected.push(panic.to_string()))
            });
            if is_kept.is_none() {
                previous(panic);
            }
        }));
    });
    COLLECTED.with_borrow_mut(|collected| *collected = Some(Vec::new()));
}

/// Returns the panics since the last call, with their locations.
pub fn take_collected() -> Vec<String> {
    COLLECTED
        .with_borrow_mut(|collected| collected.as_mut().map(std::mem::take).unwrap_or_default())
}

//! Collects the panics of a thread, including those that a task swallows.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// From this call on, panics of this thread are collected instead of printed.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_kept = HEARD
                .with_borrow_mut(|heard| heard.as_mut().map(|heard| heard.push(panic.to_string())));
            if is_kept.is_none() {
                previous(panic);
            }
        }));
    });
    HEARD.with_borrow_mut(|heard| *heard = Some(Vec::new()));
}

/// Returns the panics since the last call, with their locations.
pub fn heard() -> Vec<String> {
    HEARD.with_borrow_mut(|heard| heard.as_mut().map(std::mem::take).unwrap_or_default())
}

//! Runs work on one thread per processor, each with a runtime of its own.

use std::sync::{Mutex, PoisonError, mpsc};

/// Runs each item on one of the threads. `new_worker` creates the state of a thread; `collect` receives the results in
/// the order in which they become ready.
pub fn run_all<T, W, R: Send, C>(
    items: impl Iterator<Item = T> + Send,
    new_worker: impl Fn() -> W + Sync,
    run: impl Fn(&mut W, T) -> R + Sync,
    collect: impl FnOnce(mpsc::Receiver<R>) -> C,
) -> C {
    let items = Mutex::new(items);
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, new_worker, run) = (sender.clone(), &next, &new_worker, &run);
            scope.spawn(move || {
                let mut worker = new_worker();
                while let Some(item) = next() {
                    if sender.send(run(&mut worker, item)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        collect(receiver)
    })
}

/// Builds a runtime for one thread.
pub fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime")
}

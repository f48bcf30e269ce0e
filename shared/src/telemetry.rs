//! Logging: JSON lines on Lambda, readable lines at a desk.
//!
//! `RUST_LOG` sets the level, `info` without it. The debug lines of foreign crates hold headers and payloads, so those
//! crates are never heard below `info`, whatever `RUST_LOG` asks for.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::{Filter, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

/// Our own packages by the targets of their lines.
const OWN: [&str; 10] = [
    "conversation_archive",
    "start_export",
    "archive_page",
    "await_ready",
    "complete_export",
    "send_webhook",
    "record_failure",
    "sweep_exports",
    "genesys_archive",
    "genesys_simulator",
];

/// One JSON object a line on standard output, where Lambda collects them. To be called once, first of all.
pub fn lambda() {
    // That somebody was first is a test's business; logging goes on as they set it up.
    let _ = json(std::io::stdout, asked()).try_init();
}

/// Lines for people, on standard error. To be called once, first of all.
pub fn desk() {
    let ansi = std::io::stderr().is_terminal();
    let lines = layer()
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_target(false)
        .with_filter(heard(asked()));
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

fn json<W>(writer: W, asked: EnvFilter) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_writer(writer)
        .with_filter(heard(asked));
    Registry::default().with(lines)
}

/// `RUST_LOG`
fn asked() -> EnvFilter {
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy()
}

fn heard<S>(asked: EnvFilter) -> impl Filter<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    asked.and(filter_fn(may_be_heard))
}

fn may_be_heard(metadata: &Metadata<'_>) -> bool {
    let package = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || OWN.contains(&package)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is written when everything is asked for.
    fn written(log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = json(move || writer.clone(), EnvFilter::new("trace"));

        tracing::subscriber::with_default(subscriber, log);

        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_is_a_flat_object_with_level_target_and_spans() {
        let text = written(|| {
            let span = tracing::info_span!("archive_page", export.id = "daily", page.number = 3);
            span.in_scope(|| tracing::info!(size_bytes = 7, "page archived"));
        });

        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["target"], "conversation_archive::telemetry::tests");
        assert_eq!(line["message"], "page archived");
        assert_eq!(line["size_bytes"], 7);
        assert_eq!(line["spans"][0]["export.id"], "daily");
        assert_eq!(line["spans"][0]["page.number"], 3);
    }

    #[test]
    fn foreign_crates_are_not_heard_below_info() {
        let text = written(|| {
            tracing::trace!(target: "lambda_runtime::layers", body = "secret", "raw event");
            tracing::debug!(target: "hyper::proto", "authorization: secret");
            tracing::info!(target: "aws_config", "region found");
            tracing::info!(target: "conversation_archive_of_somebody_else", "heard");
        });

        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains("secret"));
    }
}

//! Logging: JSON lines on Lambda, readable lines on a terminal. On Lambda metrics are written too, as separate lines.
//!
//! `RUST_LOG` sets the level; the default is `info`. The debug lines of dependencies contain headers and payloads, so
//! their lines below `info` are dropped, whatever `RUST_LOG` says.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::{FormatFields, MakeWriter, layer};
use tracing_subscriber::layer::{Context, Filter, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::base::printable;
use crate::net::clock::Clock;
use crate::pipeline::metrics;
use crate::runtime::config::environment;

/// Our own packages, by the targets of their log lines.
const OWN_PACKAGES: [&str; 11] = [
    "conversation_archive",
    "start_export",
    "archive_events",
    "archive_page",
    "await_ready",
    "complete_export",
    "send_webhook",
    "record_failure",
    "sweep_exports",
    "genesys_archive",
    "genesys_simulator",
];

/// Writes one JSON object per line to standard output, where Lambda collects it, and metrics if `STACK_NAME` is set.
/// Call it once, before anything else.
pub fn init_lambda() {
    log_panics();
    let lines = json(std::io::stdout, rust_log_filter());
    let stack = environment("STACK_NAME").filter(|stack| !stack.is_empty());
    let metrics = stack.map(|stack| metrics_layer(stack, std::io::stdout));
    // A subscriber is installed already only in tests; logging then stays as they configured it.
    let _ = lines.with(metrics).try_init();
}

/// Writes readable lines to standard error. Call it once, before anything else.
pub fn init_cli() {
    let ansi = std::io::stderr().is_terminal();
    let lines = layer()
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .fmt_fields(clean_fields())
        .with_target(false)
        .with_filter(log_filter(rust_log_filter()));
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

fn json<W>(writer: W, rust_log: EnvFilter) -> impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_writer(CleanJson(writer))
        .with_filter(log_filter(rust_log));
    Registry::default().with(lines)
}

/// Formats the fields of a readable line so that no value adds a line or controls the terminal.
pub fn clean_fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    let clean = |writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug| {
        let value = format!("{value:?}");
        let value = printable::one_line(&value);
        match field.name() {
            "message" => write!(writer, "{value}"),
            name => write!(writer, "{name}={value}"),
        }
    };
    debug_fn(clean).delimited(" ")
}

/// Logs the place of a panic. Its text may quote what was processed, so it is not repeated.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        tracing::error!(location, "the program panicked");
    }));
}

/// Escapes what JSON allows in a string and a terminal would interpret, such as C1 controls.
struct CleanJson<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for CleanJson<W> {
    type Writer = CleanJsonWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        CleanJsonWriter(self.0.make_writer())
    }
}

struct CleanJsonWriter<W>(W);

impl<W: io::Write> io::Write for CleanJsonWriter<W> {
    /// The formatter writes each event with one call.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0
            .write_all(printable::escaped_json(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A layer that writes metrics and ignores all other events.
fn metrics_layer<S, W>(stack: String, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let measured = filter_fn(|metadata| metadata.target() == metrics::TARGET);
    MetricsWriter { stack, writer }.with_filter(measured)
}

struct MetricsWriter<W> {
    stack: String,
    writer: W,
}

impl<S, W> tracing_subscriber::Layer<S> for MetricsWriter<W>
where
    S: Subscriber,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut measured = MeasuredField(None);
        event.record(&mut measured);
        let line = measured
            .0
            .and_then(|measured| metrics::line(&self.stack, Clock::System.now(), &measured));
        if let Some(line) = line {
            // A failure to write cannot be logged either.
            let _ = writeln!(self.writer.make_writer(), "{line}");
        }
    }
}

/// The only field of a metrics event.
struct MeasuredField(Option<String>);

impl Visit for MeasuredField {
    fn record_str(&mut self, _: &Field, value: &str) {
        self.0 = Some(value.to_owned());
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// Filter from `RUST_LOG`; the default is `info`.
fn rust_log_filter() -> EnvFilter {
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy()
}

fn log_filter<S>(rust_log: EnvFilter) -> impl Filter<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    rust_log.and(filter_fn(is_logged))
}

fn is_logged(metadata: &Metadata<'_>) -> bool {
    if metadata.target() == metrics::TARGET {
        return false;
    }
    let package = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::INFO || OWN_PACKAGES.contains(&package)
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

    /// The log output when every level is requested.
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
        assert_eq!(
            line["target"],
            "conversation_archive::runtime::telemetry::tests"
        );
        assert_eq!(line["message"], "page archived");
        assert_eq!(line["size_bytes"], 7);
        assert_eq!(line["spans"][0]["export.id"], "daily");
        assert_eq!(line["spans"][0]["page.number"], 3);
    }

    #[test]
    fn metrics_are_written_as_their_own_lines_and_not_logged() {
        let (logs, lines) = (Lines::default(), Lines::default());
        let (log_writer, writer) = (logs.clone(), lines.clone());
        let subscriber = json(move || log_writer.clone(), EnvFilter::new("trace"))
            .with(metrics_layer("archive".to_owned(), move || writer.clone()));

        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("a line");
            metrics::record(&[(metrics::PAGES, 1), (metrics::RECORDS, 100)]);
        });

        let text = |lines: &Lines| String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let line: serde_json::Value = serde_json::from_str(text(&lines).trim()).unwrap();
        assert_eq!(line["Stack"], "archive");
        assert_eq!((&line["Pages"], &line["Records"]), (&1.into(), &100.into()));
        assert!(text(&logs).contains("a line") && !text(&logs).contains("Pages"));
    }

    #[test]
    fn an_event_is_one_json_line_without_controls() {
        let text = written(|| {
            let error = "no\nway\u{1b}[2J\u{9b}31m\u{202e}\u{2028}x";
            tracing::warn!(error, reason = %error, "refused: {error}");
        });

        assert_eq!(text.lines().count(), 1);
        assert!(!text.trim_end().contains(printable::is_interpreted));
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["error"], "no\nway\u{1b}[2J\u{9b}31m\u{202e}\u{2028}x");
    }

    #[test]
    fn an_event_is_one_readable_line_without_controls() {
        let lines = Lines::default();
        let writer = lines.clone();
        let readable = layer()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .fmt_fields(clean_fields());

        tracing::subscriber::with_default(Registry::default().with(readable), || {
            let error = "no\nway\u{1b}[2J\u{9b}31m\u{202e}\u{2028}x";
            let span = tracing::info_span!("archive_page", key = %error);
            span.in_scope(|| tracing::warn!(error, reason = %error, "refused: {error}"));
        });

        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            !text.trim_end().contains(printable::is_interpreted),
            "{text:?}"
        );
        assert!(text.contains("refused: no way"), "{text}");
    }

    #[test]
    fn other_crates_are_logged_only_from_info_up() {
        let text = written(|| {
            tracing::trace!(target: "lambda_runtime::layers", body = "secret", "raw event");
            tracing::debug!(target: "hyper::proto", "authorization: secret");
            tracing::info!(target: "aws_config", "region found");
            tracing::info!(target: "another_conversation_archive", "heard");
        });

        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains("secret"));
    }
}

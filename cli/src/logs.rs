//! Log lines of the handlers: with `RUST_LOG`, the ones that it selects; without it, warnings above the progress bars.

use std::io;

use conversation_archive::runtime::telemetry;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::screen::Screen;

/// The filter without `RUST_LOG`. Retries are summed up in the progress, waits and webhook deliveries are reported as
/// they occur, and the end of an export is in the summary.
const DEFAULT_FILTER: &str = "warn,conversation_archive::genesys=error,conversation_archive::pipeline::conclusion=off,\
                       archive_page::start_over=error,send_webhook=error,hyper=off,hyper_util=off,reqwest=off";

/// Which log lines are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogDetail {
    /// `RUST_LOG` is set.
    RustLog,
    Default,
}

/// Installs the subscriber. Call it once; an earlier subscriber exists only in tests and is kept.
pub(crate) fn start(detail: LogDetail, screen: &Screen) {
    match detail {
        LogDetail::RustLog => telemetry::init_cli(),
        LogDetail::Default => {
            let lines = tracing_subscriber::fmt()
                .with_env_filter(EnvFilter::new(DEFAULT_FILTER))
                .with_writer(ScreenWriter(screen.clone()))
                .with_ansi(false)
                .with_target(false)
                .without_time()
                .compact()
                .fmt_fields(telemetry::clean_fields());
            let _ = lines.try_init();
        }
    }
}

#[derive(Clone, Debug)]
struct ScreenWriter(Screen);

/// Writes whole lines to the screen.
struct LineWriter<'a>(&'a Screen);

impl io::Write for LineWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.print_line(String::from_utf8_lossy(bytes).trim_end());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for ScreenWriter {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::DEFAULT_FILTER;

    #[test]
    fn each_directive_names_a_module_that_exists() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let targets = DEFAULT_FILTER.split(',').filter_map(|directive| {
            let (target, _) = directive.split_once('=')?;
            target.split_once("::")
        });
        let mut checked = 0;
        for (name, modules) in targets {
            let source = match name {
                "conversation_archive" => "shared/src".to_owned(),
                function => format!("functions/{}/src", function.replace('_', "-")),
            };
            let path = root.join(source).join(modules.replace("::", "/"));
            assert!(
                path.with_extension("rs").exists() || path.is_dir(),
                "{name}::{modules}"
            );
            checked += 1;
        }
        assert_eq!(checked, 3);
    }
}

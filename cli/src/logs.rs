//! Log lines of the handlers on the screen: what `RUST_LOG` asks for, else warnings, without breaking the bars.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::screen::Screen;

/// Retries stand summed up in the progress, and the end of an export in the summary.
const DEFAULT: &str = "warn,conversation_archive::genesys=error,conversation_archive::conclusion=off,\
                       archive_page::lost=error,send_webhook=error,hyper=off,hyper_util=off,reqwest=off";

/// To be called once. `asked` is the value of `RUST_LOG`.
pub(crate) fn start(screen: &Screen, asked: Option<&str>) {
    let filter = asked
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new(DEFAULT));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(OnScreen(screen.clone()))
        .with_ansi(screen.is_terminal)
        .with_target(asked.is_some())
        .compact();
    // An error says that somebody was first, which only happens in tests.
    let _ = if asked.is_some() {
        subscriber.try_init()
    } else {
        subscriber.without_time().try_init()
    };
}

#[derive(Clone, Debug)]
struct OnScreen(Screen);

/// One event, whole lines at once.
struct Lines<'a>(&'a Screen);

impl io::Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.line(String::from_utf8_lossy(bytes).trim_end());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for OnScreen {
    type Writer = Lines<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Lines(&self.0)
    }
}

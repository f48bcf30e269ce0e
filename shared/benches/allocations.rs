//! Allocations of the page path: a few buffers per page, none per record or field. Counting them takes time, so the
//! measured times are not meaningful.
//!
//! ```text
//! cargo bench -p conversation-archive --bench allocations
//! ```

#![expect(clippy::expect_used, reason = "a bench may stop where it stands")]

mod simulated;

use conversation_archive::records::page::{PageBody, Projection};
use divan::AllocProfiler;

use simulated::PAGES;

#[global_allocator]
static COUNTED: AllocProfiler = AllocProfiler::system();

fn main() {
    std::sync::LazyLock::force(&PAGES);
    divan::main();
}

#[divan::bench(sample_count = 3, args = [Projection::Full, Projection::Standard, Projection::Minimal])]
fn analytics(projection: Projection) -> PageBody {
    PAGES.encode_analytics(projection)
}

#[divan::bench(sample_count = 3, args = [Projection::Full, Projection::Minimal])]
fn gateway(projection: Projection) -> PageBody {
    PAGES.encode_gateway(projection)
}

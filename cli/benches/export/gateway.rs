//! An export gateway with a given number of records, which serves until its process is ended.

use genesys_simulator::{Settings, Simulator};

/// Interactions of a record. The record becomes about as long as a conversation of the analytics API, 6.7 KB.
const INTERACTIONS: u32 = 21;

pub(crate) fn settings(records: usize) -> Settings {
    Settings {
        conversations: 0,
        gateway_records: records,
        gateway_interactions: INTERACTIONS,
        rate_per_minute: 0,
        ..Settings::default()
    }
}

/// Prints its address when it is ready.
pub(crate) fn serve(records: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let simulator = Simulator::start(settings(records)).await.expect("a server");
        println!("{}", simulator.url());
        std::future::pending::<()>().await;
    });
}

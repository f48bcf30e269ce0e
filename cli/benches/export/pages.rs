//! The page path alone, over pages as the gateway serves them.

use conversation_archive::records::page::{
    PageRules, Projection, RecordShape, encode, gateway_records,
};
use genesys_simulator::Truth;

use crate::PAGE_RECORDS;
use crate::gateway::settings;

const RULES: PageRules<'_> = PageRules {
    shape: RecordShape::Gateway,
    projection: Projection::Standard,
    membership: None,
    planned_at: jiff::Timestamp::UNIX_EPOCH,
    known: None,
    names: None,
    redactor: None,
};

pub(crate) fn encode_pages(count: usize, rounds: usize) {
    let records = Truth::of(&settings(count * PAGE_RECORDS)).gateway;
    let texts: Vec<_> = records.into_iter().map(|record| record.json).collect();
    let bodies: Vec<_> = texts
        .chunks(PAGE_RECORDS)
        .map(|page| format!("[{}]", page.join(",")))
        .collect();
    for _ in 0..rounds {
        for body in &bodies {
            let records = gateway_records(body.as_bytes()).expect("a valid page");
            std::hint::black_box(encode(&records, &RULES));
        }
    }
}

//! Pages for the benches: a thousand records of about 6.7 KB, as the API and the export gateway send them.

use std::sync::LazyLock;

use conversation_archive::records::page::{
    DETAILS_FIELDS, PageBody, PageRules, Projection, RecordShape, encode, gateway_records,
};
use genesys_simulator::{Settings, Truth};

/// Records of a page, the maximum of a job's results page.
const RECORDS: usize = 1000;

/// Makes a gateway's record about as long as a conversation of the API.
const INTERACTIONS: u32 = 21;

pub(crate) static PAGES: LazyLock<Pages> = LazyLock::new(Pages::simulated);

/// Response bodies.
pub(crate) struct Pages {
    pub(crate) analytics: String,
    pub(crate) gateway: String,
}

impl Pages {
    fn simulated() -> Self {
        let truth = Truth::of(&Settings {
            conversations: RECORDS,
            gateway_records: RECORDS,
            gateway_interactions: INTERACTIONS,
            spill: 0.0,
            ..Settings::default()
        });
        let conversations: Vec<_> = truth.conversations.iter().map(|it| &*it.json).collect();
        let records: Vec<_> = truth.gateway.iter().map(|it| &*it.json).collect();
        Self {
            analytics: format!("{{\"conversations\":[{}]}}", conversations.join(",")),
            gateway: format!("[{}]", records.join(",")),
        }
    }

    pub(crate) fn encode_analytics(&self, projection: Projection) -> PageBody {
        let results = DETAILS_FIELDS
            .read(self.analytics.as_bytes())
            .expect("a valid page");
        let rules = rules(RecordShape::Analytics, projection);
        encode(&results.records.unwrap_or_default(), &rules)
    }

    pub(crate) fn encode_gateway(&self, projection: Projection) -> PageBody {
        let records = gateway_records(self.gateway.as_bytes()).expect("a valid page");
        encode(&records, &rules(RecordShape::Gateway, projection))
    }
}

pub(crate) fn rules(shape: RecordShape, projection: Projection) -> PageRules<'static> {
    PageRules {
        shape,
        projection,
        membership: None,
        planned_at: jiff::Timestamp::UNIX_EPOCH,
        known: None,
        names: None,
        redactor: None,
    }
}

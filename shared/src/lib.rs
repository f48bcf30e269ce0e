//! The core of Genesys Conversation Archive.
//!
//! The steps of an export, and the modules that do them:
//!
//! 1. start-export turns a request ([`export::request`]) into a plan ([`export::plan`]), whose slices are read in
//!    parallel, and sends the first message of each slice ([`pipeline::scheduling`]).
//! 2. archive-page handles one message ([`export::message`]): it reads a page from its [`source`] through the API client
//!    ([`genesys`]), transforms and redacts it ([`records`]), stores the objects ([`storage::store`]) and commits them
//!    with a page record ([`export::page_record`]), which holds the next checkpoint. Then it sends the next message.
//! 3. After its last page, or a failure, the run of a slice ends ([`pipeline::run_ends`]).
//! 4. complete-export concludes the export ([`pipeline::conclusion`]): it compares the pages with each other and writes
//!    the manifest ([`export::outcome`]), or the outcome of a failed attempt.
//! 5. send-webhook delivers the signed outcome ([`net::webhook`]). sweep-exports sends lost messages again.
//!
//! The layers; each uses only those earlier in the list:
//!
//! | layer | rule |
//! |---|---|
//! | [`base`] | hashes, times, ids, failures, JSON: uses no other layer |
//! | [`records`] | pages, redaction, transcripts: bytes in, bytes out |
//! | [`export`] | the documents that we write and the messages that we send; no input or output |
//! | [`net`] | the clock and HTTP: transport, allowed addresses, webhook deliveries |
//! | [`genesys`] | the API client; decides nothing about an export |
//! | [`storage`] | object store, queues and topic: on AWS, and in-process |
//! | [`source`] | one module per source of pages, with the parsers of its bodies |
//! | [`archive`] | typed access to the stored documents; finding and verifying them |
//! | [`pipeline`] | steps that several handlers share: scheduling, run ends, conclusion |
//! | [`runtime`] | wiring of a process: settings, Lambda, logging |

#[cfg(test)]
mod layers;

pub mod base {
    //! Hashes, times, ids, failures, JSON. Uses no other layer.

    pub mod deadline;
    pub mod decode;
    pub mod failure;
    pub mod format;
    pub mod hash;
    pub mod ids;
    pub mod json;
    pub mod printable;
    pub mod seal;
    pub mod signature;
    pub mod time;
}

pub mod records {
    //! Pages, redaction, transcripts and live events. Pure: bytes in, bytes out.

    pub mod foreign;
    pub mod live;
    pub mod medium;
    pub mod page;
    pub mod redaction;
    pub mod transcript;
}

pub mod export {
    //! The documents that we write and the messages that we send. Pure.

    pub mod attempt;
    pub mod audit;
    pub mod checkpoint;
    pub mod delivery;
    pub mod effort;
    pub mod ended;
    pub mod ledger;
    pub mod live;
    pub mod live_coverage;
    pub mod marker;
    pub mod message;
    pub mod objects;
    pub mod outcome;
    pub mod outgoing;
    pub mod owed;
    pub mod page_record;
    pub mod parking;
    pub mod plan;
    pub mod portion;
    pub mod request;
    #[cfg(test)]
    mod round_trips;
    pub mod run;
    pub mod scheduled_resume;
    pub mod totals;
    pub mod transcript_event;
    pub mod waiting;
    pub mod webhook_body;
}

pub mod net {
    //! The clock and HTTP: transport, allowed addresses, webhook deliveries, WebSocket connections. Knows nothing of the
    //! content of a body.

    mod address;
    pub mod clock;
    #[cfg(test)]
    pub(crate) mod loopback;
    mod resolver;
    pub mod transport;
    pub mod webhook;
    pub mod websocket;

    pub use address::AddressKind;
    pub use address::WebhookUrlError;
    pub use address::{AddressRules, Loopback, Receivers, WebhookUrl};
    pub(crate) use resolver::{GuardedResolver, forbidden_kind};
    pub use transport::{ClientError, ProxyUrl, ProxyUrlError};
}

pub mod genesys {
    //! Access to Genesys Cloud: regions, login, rate limiting, retries, and one method that makes an API call.
    //!
    //! Handles statuses, headers and limits and decides nothing about an export: the caller passes the function that decodes
    //! the response. Nothing here logs or keeps a body, a query value, a token or a secret.

    mod body;
    mod call;
    mod client;
    mod credentials;
    mod endpoints;
    mod error;
    mod error_response;
    mod login;
    mod pace;
    mod path;
    mod region;
    mod retry;
    mod stats;
    mod streams;
    mod token;
    pub mod wire;

    pub use call::{Call, FileKind, Method, Reply};
    pub use client::{ClientSettings, Compression, GenesysClient};
    pub use credentials::Credentials;
    pub use credentials::CredentialsError;
    pub use credentials::CredentialsSource;
    pub use endpoints::EndpointError;
    pub use endpoints::Endpoints;
    #[cfg(test)]
    pub(crate) use error::LOGIN_ROUTE;
    pub use error::{ApiError, LoginRefusal, RefusalReason, Source, UnavailableReason};
    pub use login::{LoginForm, LoginPath, LoginSettings, LoginSettingsError};
    pub use pace::RateShare;
    pub use path::{ApiPath, InvalidSegment};
    pub use region::Region;
    pub use region::UnknownRegion;
    pub use region::nearest_region_name;
    pub use stats::StatsSnapshot;
    pub use streams::TokenStream;
}

pub mod storage {
    //! The edge to object storage, queues and topics: on AWS, and in-process.

    pub mod aws;
    #[cfg(any(test, feature = "conformance"))]
    pub mod conformance;
    pub mod private_folder;
    pub mod queue;
    pub mod signing;
    pub mod store;
    pub mod topic;
}

pub mod source {
    //! Sources of pages, and of live events. A source of pages returns a page together with the next checkpoint. A source
    //! knows its part of the API and nothing of stores, queues or messages.

    mod analytics_job;
    mod analytics_query;
    mod cache;
    mod conversation_details;
    mod conversation_ends;
    mod conversation_query;
    mod export_gateway;
    mod fetched_page;
    mod history_gateway;
    mod interface;
    mod names;
    mod sources;
    pub mod stream;
    mod transcripts;

    pub use analytics_job::AnalyticsJob;
    pub use analytics_query::AnalyticsQuery;
    pub use conversation_ends::{EndLookup, FoundEnds};
    pub use export_gateway::ExportGateway;
    pub use history_gateway::{DryRun, HistoryGateway};
    pub use interface::{
        PageContext, QuerySpec, RunContext, RunState, Source, SourceError, SourcePage,
        SourceSettings,
    };
    use interface::{expired_at_cursor, expired_if_unknown, source_broken};
    pub use names::NamesOrWarning;
    pub use sources::Sources;
    pub use transcripts::{Transcripts, web_details_call};
}

pub mod archive {
    //! The stored documents of all exports: typed access, finding a conversation, verifying an export.

    mod audit_log;
    pub mod base_export;
    pub mod cancellation;
    pub mod claims;
    pub(crate) mod comparison;
    pub(crate) mod content;
    pub mod deliveries;
    mod documents;
    mod error;
    pub mod exports;
    pub mod find;
    pub mod ledger;
    pub mod live_epochs;
    pub mod live_gaps;
    pub mod live_streams;
    mod live_writer;
    pub mod losses;
    pub mod open_marker;
    pub mod outcomes;
    pub mod page_objects;
    mod recent;
    pub mod revisit;
    pub mod signatures;
    pub mod slice_status;
    pub mod verify;

    pub use audit_log::AuditLog;
    pub use comparison::Comparison;
    pub use comparison::PortionLimits;
    pub use comparison::ScratchError;
    pub(crate) use comparison::{compare_in_scratch, repeated_warning};
    pub(crate) use content::slice_chain;
    pub use documents::Archive;
    pub(crate) use documents::Stage;
    pub use error::ArchiveError;
    pub use live_writer::{Arrival, CommittedFrames, LiveWriter};
    pub use signatures::{Signatures, UnsignedDocuments};
    pub use slice_status::SliceStatus;
}

pub mod pipeline {
    //! Steps that several handlers share: scheduling, run ends, conclusion.

    pub mod conclusion;
    mod context;
    mod day_seals;
    mod default_webhook;
    mod ended_exports;
    pub mod invocation;
    mod live_gaps;
    pub mod metrics;
    mod redactors;
    mod redelivery;
    pub mod run_ends;
    pub mod scheduling;
    pub mod webhooks;

    pub use context::{FailedExports, Pipeline, PipelineError};
    pub use day_seals::DaySealing;
    pub use default_webhook::{ConfiguredWebhook, DefaultWebhook, DefaultWebhookError};
    pub use ended_exports::{EndedExports, EndedOutcomes};
    pub use live_gaps::{ClosingCounts, GapClosing};
    pub use redactors::KeySource;
    pub use redactors::{ConfiguredKey, KeyError, KeyVersionError, Redactors, VersionedKey};
    pub use redelivery::{ErrorClass, LoggedError, Redelivery};
}

pub mod runtime {
    //! Wiring of a process: settings, Lambda, logging.

    pub mod audit_stdout;
    pub mod config;
    pub mod lambda;
    pub mod telemetry;
}

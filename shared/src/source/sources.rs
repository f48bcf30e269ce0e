//! All sources of one process, by kind.

use super::cache::ResponseCache;
use super::names::NameDirectory;
use super::transcripts::sessions;
use super::{
    AnalyticsJob, AnalyticsQuery, ExportGateway, HistoryGateway, NamesOrWarning, Source,
    SourceError, SourceSettings, Transcripts,
};
use crate::base::deadline::Deadline;
use crate::base::time::Interval;
use crate::export::plan::{ExportPlan, SessionConversations};
use crate::export::request::SourceKind;
use crate::export::waiting::Waits;
use crate::genesys::GenesysClient;
use crate::net::clock::Clock;

/// All sources, by kind.
#[derive(Clone, Debug)]
pub struct Sources {
    pub client: GenesysClient,
    analytics_job: AnalyticsJob,
    analytics_query: AnalyticsQuery,
    export_gateway: ExportGateway,
    history_gateway: HistoryGateway,
    transcripts: Transcripts,
    names: NameDirectory,
}

impl Sources {
    pub fn new(client: GenesysClient, clock: Clock, settings: SourceSettings) -> Self {
        let cache = ResponseCache::new(settings.cache_time_to_live, clock.clone());
        Self {
            analytics_job: AnalyticsJob::new(client.clone(), clock.clone()),
            analytics_query: AnalyticsQuery::new(
                client.clone(),
                clock.clone(),
                settings,
                cache.clone(),
            ),
            export_gateway: ExportGateway::new(client.clone(), clock.clone()),
            history_gateway: HistoryGateway::new(client.clone(), clock.clone(), settings, cache),
            transcripts: Transcripts::new(client.clone(), clock.clone()),
            names: NameDirectory::new(client.clone(), clock),
            client,
        }
    }

    /// Looks up the names that the plan requests. Names are optional: if they are unavailable, records are archived
    /// with ids alone, and `warning` says so.
    pub async fn names(
        &self,
        plan: &ExportPlan,
        waits: &Waits,
        deadline: Deadline,
    ) -> Result<NamesOrWarning, SourceError> {
        if plan.lookup_names {
            self.names.names_or_warning(waits, deadline).await
        } else {
            Ok(NamesOrWarning::default())
        }
    }

    /// Checks whether the client may look up the names that the plan requests. Only a missing permission is an error.
    pub async fn check_names(
        &self,
        plan: &ExportPlan,
        deadline: Deadline,
    ) -> Result<(), SourceError> {
        if plan.lookup_names {
            self.names.check(deadline).await
        } else {
            Ok(())
        }
    }

    /// Requests the conversations of guest sessions in the interval.
    pub async fn conversations_of(
        &self,
        session_ids: &[String],
        interval: Interval,
        deadline: Deadline,
    ) -> Result<SessionConversations, SourceError> {
        sessions::look_up(&self.client, session_ids, interval, deadline).await
    }

    pub fn of(&self, kind: SourceKind) -> &dyn Source {
        match kind {
            SourceKind::AnalyticsJob => &self.analytics_job,
            SourceKind::AnalyticsQuery => &self.analytics_query,
            SourceKind::ExportGateway => &self.export_gateway,
            SourceKind::HistoryGateway => &self.history_gateway,
            SourceKind::Transcripts => &self.transcripts,
        }
    }
}

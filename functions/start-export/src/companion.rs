//! Transcripts of an export's conversations: a separate export that waits for the first one.

use conversation_archive::base::ids::ExportId;
use conversation_archive::export::plan::Draft;
use conversation_archive::export::request::{ExportRequest, InvalidRequest, SourceKind};

use crate::{StartError, StartExport};

/// The request for the transcripts that `request` includes. Its id is the export's id with a suffix, so that a repeated
/// start does not create a second export.
pub(crate) fn transcripts_request(
    request: &ExportRequest,
    export_id: &ExportId,
) -> Result<Option<ExportRequest>, InvalidRequest> {
    if request.include.is_empty() || request.source == SourceKind::Transcripts {
        return Ok(None);
    }
    let id = format!("{export_id}-transcripts");
    let too_long = |_| {
        InvalidRequest::new(
            "include",
            &id,
            "the export id would be longer than 64 characters",
        )
    };
    let _: ExportId = id.parse().map_err(too_long)?;
    let mut companion = ExportRequest::parse(r#"{"source":"transcripts"}"#)?;
    companion.export_id = Some(id);
    companion.from_export = Some(export_id.to_string());
    companion.redaction.clone_from(&request.redaction);
    companion.include_media = request.include_media;
    companion.media.clone_from(&request.media);
    companion.context_window = request.context_window;
    companion.max_transcript_bytes = request.max_transcript_bytes;
    companion.quota_mb = request.quota_mb;
    companion.max_gap_percent = request.max_gap_percent;
    companion.webhook_url.clone_from(&request.webhook_url);
    Ok(Some(companion))
}

impl StartExport {
    /// Refuses a `fromExport` that has no plan: such an export would never complete.
    pub(crate) async fn check_base(&self, draft: &Draft) -> Result<(), StartError> {
        let Some(id) = draft.from_export() else {
            return Ok(());
        };
        if self.archive().plan(id).await?.is_some() {
            return Ok(());
        }
        Err(InvalidRequest::new(
            "fromExport",
            id,
            "there is no export with this id in this archive",
        )
        .into())
    }
}

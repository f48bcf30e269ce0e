//! The rule for the media whose texts a request names.

use crate::export::request::{ExportRequest, InvalidRequest, SourceKind};

/// Checks `media`, which applies to transcripts only.
pub(in crate::export::plan) fn check_media(request: &ExportRequest) -> Result<(), InvalidRequest> {
    let Some(media) = &request.media else {
        return Ok(());
    };
    if media.is_empty() {
        let rule = "expected at least one of message, voice, email; omit the field for messages";
        return Err(InvalidRequest::new("media", "an empty list", rule));
    }
    if request.source == SourceKind::Transcripts || !request.include.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = media.iter().map(|medium| medium.as_str()).collect();
    let rule = "only transcripts have media: the source transcripts, or an export that includes transcripts";
    Err(InvalidRequest::new("media", names.join(", "), rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> Option<String> {
        let request = ExportRequest::parse(json).unwrap();
        check_media(&request).err().map(|it| it.to_string())
    }

    #[test]
    fn media_are_refused_if_empty_or_without_transcripts() {
        let days = r#""interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z""#;
        let refused = [
            refusal(r#"{"source":"transcripts","fromExport":"x","media":[]}"#),
            refusal(&format!(r#"{{{days},"media":["voice","email"]}}"#)),
        ];

        insta::assert_snapshot!(refused.map(Option::unwrap).join("\n"), @"
        `media` is an empty list: expected at least one of message, voice, email; omit the field for messages
        `media` is voice, email: only transcripts have media: the source transcripts, or an export that includes transcripts
        ");
        let accepted = format!(r#"{{{days},"include":["transcripts"],"media":["voice"]}}"#);
        assert_eq!(refusal(&accepted), None);
        assert_eq!(
            refusal(r#"{"source":"transcripts","fromExport":"x","media":["message","voice"]}"#),
            None
        );
        let unknown = ExportRequest::parse(r#"{"source":"transcripts","media":["fax"]}"#);
        assert!(unknown.unwrap_err().to_string().contains("`media[0]`"));
    }
}

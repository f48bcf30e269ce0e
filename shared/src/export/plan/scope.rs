//! Distinguishes an export from one with the same id in another archive or of another organisation.

use super::{ExportPlan, Sha256};

/// The digest of an archive's URI, which ends in a slash (`s3://bucket/prefix/` or an absolute path), and of the host
/// of the API that it archives from.
///
/// It is computed once, when an export is planned, and read from the plan afterwards: an archive that is moved or
/// mounted elsewhere keeps the ids of its exports.
pub fn archive_id(archive_uri: &str, api_host: &str) -> Sha256 {
    let archive = archive_uri.trim_end_matches('/');
    Sha256::of(format!("{archive}/\n{api_host}"))
}

impl ExportPlan {
    /// The export's globally unique name, for ids that leave the archive: `archiveId`, `plannedAt` and `exportId`, one
    /// per line. A plan without an archive id was made by an earlier version, which used the export's id alone; such an
    /// export keeps the ids that may have been sent already.
    pub fn global_id(&self) -> String {
        match self.archive_id {
            Some(archive_id) => format!("{archive_id}\n{}\n{}", self.planned_at, self.export_id),
            None => self.export_id.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Draft, ExportIdentity, PlanLimits, Residency};
    use super::*;
    use crate::export::request::ExportRequest;

    const HOST: &str = "api.mypurecloud.de";

    /// The id for the same request, planned at this time for this archive.
    fn global_id(archive: Option<(&str, &str)>, planned_at: &str) -> String {
        let now = planned_at.parse().unwrap();
        let request =
            r#"{"exportId":"nightly","interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"}"#;
        let request = ExportRequest::parse(request).unwrap();
        let limits = PlanLimits::default();
        let identity = ExportIdentity::of(&request, now).unwrap();
        let draft = Draft::check(request, identity, now, &limits).unwrap();
        let draft = match archive {
            Some((uri, host)) => draft.with_archive_id(archive_id(uri, host)),
            None => draft,
        };
        let residency = Residency::decide(None, None, &[]).unwrap();
        let plan = draft.plan(None, residency, &limits, now, "r").unwrap();
        plan.global_id()
    }

    #[test]
    fn bucket_prefix_organisation_and_time_each_change_the_global_id() {
        const NIGHT: &str = "2026-03-02T00:00:00Z";
        let ids = [
            global_id(Some(("s3://one/", HOST)), NIGHT),
            global_id(Some(("s3://two/", HOST)), NIGHT),
            global_id(Some(("s3://one/emea/", HOST)), NIGHT),
            global_id(Some(("/data/one/", HOST)), NIGHT),
            global_id(Some(("s3://one/", "api.euw2.pure.cloud")), NIGHT),
            global_id(Some(("s3://one/", HOST)), "2026-03-03T00:00:00Z"),
            global_id(None, NIGHT),
        ];

        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
    }

    #[test]
    fn a_trailing_slash_does_not_change_the_archive_id() {
        assert_eq!(archive_id("/data/a", HOST), archive_id("/data/a/", HOST));
    }

    #[test]
    fn the_global_id_without_an_archive_id_is_the_export_id() {
        assert_eq!(global_id(None, "2026-03-02T00:00:00Z"), "nightly");
    }
}

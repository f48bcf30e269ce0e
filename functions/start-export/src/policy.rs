//! The owner's policy: residency, the least redaction, and the receivers of webhooks. It applies to requests and to plans
//! that exist already.

use conversation_archive::export::plan::{Draft, ExportPlan, Residency};
use conversation_archive::export::request::{ExportRequest, InvalidRequest};
use conversation_archive::net::WebhookUrl;

use crate::{StartError, StartExport};

impl StartExport {
    /// The request with the default webhook URL, if it names none.
    pub(crate) async fn with_default_webhook(
        &self,
        request: &ExportRequest,
    ) -> Result<ExportRequest, StartError> {
        let mut request = request.clone();
        if request.webhook_url.is_none() {
            request.webhook_url = self.default_webhook.url().await?;
        }
        Ok(request)
    }

    /// Checks what needs no API call. [`Draft::check`] has checked the redaction of the request.
    pub(crate) fn check_draft(&self, draft: &Draft) -> Result<(), InvalidRequest> {
        self.check_webhook(draft.webhook_url.as_deref())?;
        self.residency()?;
        Ok(())
    }

    /// Checks a stored plan before more is fetched: the settings may differ from those at planning time. A finished
    /// export returns its state regardless of the settings.
    pub(crate) fn check_plan(&self, plan: &ExportPlan) -> Result<(), InvalidRequest> {
        self.check_region(plan)?;
        self.check_redaction(plan)?;
        let checked = self.check_webhook(plan.webhook_url.as_deref());
        checked.map_err(|refusal| refused_receiver(plan, &refusal))
    }

    /// Checks the redaction of a plan. A revisit takes over that of the first export of its interval.
    pub(crate) fn check_redaction(&self, plan: &ExportPlan) -> Result<(), InvalidRequest> {
        let required = self.limits.required_redaction;
        let checked = required.check(plan.redaction.as_ref());
        checked.map_err(|below| below.of_plan(&plan.export_id))
    }

    /// Checks that conversations may be copied from the current organisation to the current bucket or folder.
    pub(crate) fn residency(&self) -> Result<Residency, InvalidRequest> {
        let regions = &self.regions;
        Residency::decide(
            regions.genesys.clone(),
            regions.bucket.clone(),
            &regions.allowed,
        )
    }

    fn check_webhook(&self, url: Option<&str>) -> Result<(), InvalidRequest> {
        let Some(url) = url else {
            return Ok(());
        };
        match WebhookUrl::parse(url, &self.address_rules) {
            Ok(_) => Ok(()),
            Err(error) => Err(InvalidRequest::Rule(error.to_string())),
        }
    }

    fn check_region(&self, plan: &ExportPlan) -> Result<(), InvalidRequest> {
        let residency = self.residency()?;
        if residency.genesys_region == plan.residency.genesys_region {
            return Ok(());
        }
        let started_in = match &plan.residency.genesys_region {
            Some(region) => format!("in {region}"),
            None => "with custom hosts".to_owned(),
        };
        let now = residency
            .genesys_region
            .unwrap_or_else(|| "overridden by GENESYS_API_URL or GENESYS_LOGIN_URL".to_owned());
        let rule =
            format!("the export was started {started_in}; the rest must come from there, too");
        Err(InvalidRequest::new("GENESYS_REGION", now, rule))
    }
}

fn refused_receiver(plan: &ExportPlan, refusal: &InvalidRequest) -> InvalidRequest {
    InvalidRequest::Rule(format!(
        "export {} cannot continue with the webhook of its plan: {refusal}, or start a new export of its interval",
        plan.export_id
    ))
}

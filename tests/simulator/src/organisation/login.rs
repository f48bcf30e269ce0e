//! `POST /oauth/token`. Its refusals are not the API's `ErrorBody`, and a wrong secret is a 400.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;

use super::Organisation;
use super::answer::Answer;
use super::request::Request;
use crate::settings::Settings;

impl Organisation {
    pub(crate) fn login(&mut self, request: &Request, now: Timestamp) -> Answer {
        if let Err((error, description)) = check(request, &self.settings) {
            return Answer::json(
                400,
                &json!({ "error": error, "description": description, "error_description": description }),
            );
        }
        let token = self.new_token();
        self.tokens.issue(token.clone(), &self.settings, now);
        self.stats.tokens_issued += 1;
        let expires_in = self.settings.token_lifetime.as_secs();
        Answer::json(
            200,
            &json!({ "access_token": token, "token_type": "bearer", "expires_in": expires_in }),
        )
    }
}

fn check(request: &Request, settings: &Settings) -> Result<(), (&'static str, &'static str)> {
    if !request
        .content_type
        .starts_with("application/x-www-form-urlencoded")
    {
        return Err((
            "invalid_request",
            "content type must be application/x-www-form-urlencoded",
        ));
    }
    let form: Vec<_> =
        url::form_urlencoded::parse(request.body.as_deref().unwrap_or_default()).collect();
    if !form
        .iter()
        .any(|(key, value)| key == "grant_type" && value == "client_credentials")
    {
        return Err(("unsupported_grant_type", "grant type is not supported"));
    }
    let credentials = request.authorization.as_deref().and_then(basic);
    match credentials.as_ref().and_then(|it| it.split_once(':')) {
        Some((id, _)) if id != settings.client_id => Err(("invalid_client", "client not found")),
        Some((_, secret)) if secret != settings.client_secret => {
            Err(("invalid_client", "authentication failed"))
        }
        Some(_) => Ok(()),
        None => Err(("invalid_client", "client not found")),
    }
}

fn basic(authorization: &str) -> Option<String> {
    let decoded = STANDARD
        .decode(authorization.strip_prefix("Basic ")?)
        .ok()?;
    String::from_utf8(decoded).ok()
}

//! `POST /oauth/token`. Its errors are OAuth errors, not the API's `ErrorBody`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;

use super::Organisation;
use super::request::Request;
use super::response::ApiResponse;
use crate::settings::Settings;

impl Organisation {
    pub(crate) fn login(&mut self, request: &Request, now: Timestamp) -> ApiResponse {
        if let Err((error, description)) = check(request, &self.settings) {
            return ApiResponse::json(
                self.settings.login_refusal_status,
                &json!({ "error": error, "description": description, "error_description": description }),
            );
        }
        let token = self.new_token();
        self.tokens.issue(token.clone(), &self.settings, now);
        self.stats.tokens_issued += 1;
        let expires_in = self.settings.token_lifetime.as_secs();
        ApiResponse::json(
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
    let form = Form::of(request);
    if form.field("grant_type") != Some("client_credentials") {
        return Err(("unsupported_grant_type", "grant type is not supported"));
    }
    let credentials = request
        .authorization
        .as_deref()
        .and_then(parse_basic)
        .or_else(|| form.credentials().filter(|_| settings.login_by_form));
    match credentials {
        Some((id, secret)) if id == settings.client_id => {
            if secret == settings.client_secret {
                Ok(())
            } else {
                Err(("invalid_client", "authentication failed"))
            }
        }
        _ => Err(("invalid_client", "client not found")),
    }
}

struct Form(Vec<(String, String)>);

impl Form {
    fn of(request: &Request) -> Self {
        let body = request.body.as_deref().unwrap_or_default();
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    fn field(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(key, _)| key == name);
        field.map(|(_, value)| value.as_str())
    }

    fn credentials(&self) -> Option<(String, String)> {
        let field = |name| self.field(name).map(str::to_owned);
        field("client_id").zip(field("client_secret"))
    }
}

fn parse_basic(authorization: &str) -> Option<(String, String)> {
    let decoded = STANDARD
        .decode(authorization.strip_prefix("Basic ")?)
        .ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

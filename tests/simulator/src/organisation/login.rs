//! The login: client credentials, in the form that the settings require. Its errors are OAuth errors, not the API's
//! `ErrorBody`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Organisation;
use super::request::Request;
use super::response::ApiResponse;
use crate::settings::{LoginForm, Settings};

/// The code and the description of an OAuth error.
type Refusal = (&'static str, &'static str);

/// Id and secret.
type Credentials = (String, String);

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

fn check(request: &Request, settings: &Settings) -> Result<(), Refusal> {
    let credentials = match settings.login_form {
        LoginForm::GenesysCloud => of_genesys_cloud(request, settings)?,
        LoginForm::Form => of_form(request, settings)?,
        LoginForm::Json => of_json(request, settings)?,
        LoginForm::Query => of_query(request)?,
    };
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

fn of_genesys_cloud(
    request: &Request,
    settings: &Settings,
) -> Result<Option<Credentials>, Refusal> {
    require_content_type(request, FORM_TYPE)?;
    let form = form(request);
    if field(&form, "grant_type") != Some("client_credentials") {
        return Err(("unsupported_grant_type", "grant type is not supported"));
    }
    let in_form = || {
        let (id, secret) = (field(&form, "client_id")?, field(&form, "client_secret")?);
        Some((id.to_owned(), secret.to_owned()))
    };
    let in_header = request.authorization.as_deref().and_then(parse_basic);
    Ok(in_header.or_else(|| in_form().filter(|_| settings.login_by_form)))
}

fn of_form(request: &Request, settings: &Settings) -> Result<Option<Credentials>, Refusal> {
    require_no_header(request)?;
    require_content_type(request, FORM_TYPE)?;
    require_no_query(request)?;
    let scope = [("scope", settings.login_scope.as_deref())];
    of_fields(&form(request), &scope).map(Some)
}

fn of_json(request: &Request, settings: &Settings) -> Result<Option<Credentials>, Refusal> {
    require_no_header(request)?;
    require_content_type(request, "application/json")?;
    require_no_query(request)?;
    let body = request.body.as_deref().unwrap_or_default();
    let fields: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| ("invalid_request", "the body is not JSON"))?;
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    let fields: Option<Vec<_>> = fields.iter().map(text).collect();
    let fields = fields.ok_or(("invalid_request", "a field is not a text"))?;
    let more = [
        ("scope", settings.login_scope.as_deref()),
        ("realm", settings.login_realm.as_deref()),
    ];
    of_fields(&fields, &more).map(Some)
}

fn of_query(request: &Request) -> Result<Option<Credentials>, Refusal> {
    if request.body.as_ref().is_ok_and(|body| !body.is_empty()) {
        return Err(("invalid_request", "the body must be empty"));
    }
    match request.parameters.as_slice() {
        [(name, value)] if name == "grant_type" && value == "client_credentials" => {
            Ok(request.authorization.as_deref().and_then(parse_basic))
        }
        _ => Err(("invalid_request", "the query must be the grant type alone")),
    }
}

/// The credentials of a body that has exactly the grant type, the credentials and those of `more` that have a value.
fn of_fields(
    fields: &[(String, String)],
    more: &[(&str, Option<&str>)],
) -> Result<Credentials, Refusal> {
    let more = more
        .iter()
        .filter_map(|(name, value)| Some((*name, (*value)?)));
    let fixed: Vec<_> = [("grant_type", "client_credentials")]
        .into_iter()
        .chain(more)
        .collect();
    for (name, value) in &fixed {
        match field(fields, name) {
            Some(given) if given == *value => {}
            _ if *name == "scope" => return Err(("invalid_scope", "scope is not supported")),
            _ => return Err(("invalid_request", "a field is missing or wrong")),
        }
    }
    let credentials = field(fields, "client_id").zip(field(fields, "client_secret"));
    let (id, secret) = credentials.ok_or(("invalid_request", "credentials are missing"))?;
    if fields.len() != fixed.len() + 2 {
        return Err(("invalid_request", "a field is not known"));
    }
    Ok((id.to_owned(), secret.to_owned()))
}

const FORM_TYPE: &str = "application/x-www-form-urlencoded";

fn require_content_type(request: &Request, expected: &str) -> Result<(), Refusal> {
    if request.content_type.starts_with(expected) {
        Ok(())
    } else {
        Err(("invalid_request", "content type is not supported"))
    }
}

fn require_no_header(request: &Request) -> Result<(), Refusal> {
    match request.authorization {
        None => Ok(()),
        Some(_) => Err(("invalid_request", "header is not supported")),
    }
}

fn require_no_query(request: &Request) -> Result<(), Refusal> {
    if request.parameters.is_empty() {
        Ok(())
    } else {
        Err(("invalid_request", "query is not supported"))
    }
}

fn form(request: &Request) -> Vec<(String, String)> {
    let body = request.body.as_deref().unwrap_or_default();
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let field = fields.iter().find(|(key, _)| key == name);
    field.map(|(_, value)| value.as_str())
}

fn parse_basic(authorization: &str) -> Option<Credentials> {
    let decoded = STANDARD
        .decode(authorization.strip_prefix("Basic ")?)
        .ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

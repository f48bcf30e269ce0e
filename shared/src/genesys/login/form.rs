//! The forms of a login request. The API documents one of them; gateways in front of it expect others.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, RequestBuilder};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use crate::genesys::credentials::Credentials;

/// How a login expects the id and secret of the OAuth client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LoginForm {
    /// In the Basic header, with the grant type in the form body: the documented login of Genesys Cloud.
    #[default]
    Basic,
    /// In the form body.
    Form { scope: Option<String> },
    /// In a JSON body.
    Json {
        scope: Option<String>,
        realm: Option<String>,
    },
    /// In the Basic header, with the grant type in the query string and an empty body.
    Query,
}

/// The path of a login below its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginPath(String);

/// The request that a login expects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginSettings {
    pub form: LoginForm,
    pub path: LoginPath,
}

/// Why the settings describe no login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginSettingsError {
    #[error("GENESYS_LOGIN_FORM is `{0}`: expected basic, form, json or query")]
    UnknownForm(String),
    #[error(
        "{setting} has no effect with the login form `{form}`; remove it, or set GENESYS_LOGIN_FORM to {instead}"
    )]
    NoEffect {
        setting: &'static str,
        form: LoginForm,
        instead: &'static str,
    },
    #[error("GENESYS_LOGIN_PATH is `{0}`: a path such as /api/v2/oauth/token, without a query")]
    Path(String),
}

const GRANT_TYPE: (&str, &str) = ("grant_type", "client_credentials");

const FORM_TYPE: &str = "application/x-www-form-urlencoded";

impl LoginForm {
    /// The form of this name. A scope or a realm that the form cannot carry is an error.
    pub fn new(
        name: &str,
        scope: Option<&str>,
        realm: Option<&str>,
    ) -> Result<Self, LoginSettingsError> {
        let form = match name {
            "basic" => Self::Basic,
            "form" => Self::Form {
                scope: scope.map(ToOwned::to_owned),
            },
            "json" => Self::Json {
                scope: scope.map(ToOwned::to_owned),
                realm: realm.map(ToOwned::to_owned),
            },
            "query" => Self::Query,
            _ => return Err(LoginSettingsError::UnknownForm(name.to_owned())),
        };
        let no_effect = |setting, instead| LoginSettingsError::NoEffect {
            setting,
            form: form.clone(),
            instead,
        };
        if realm.is_some() && !form.takes_realm() {
            return Err(no_effect("GENESYS_LOGIN_REALM", "json"));
        }
        if scope.is_some() && !form.takes_scope() {
            return Err(no_effect("GENESYS_LOGIN_SCOPE", "form or json"));
        }
        Ok(form)
    }

    pub(super) fn takes_scope(&self) -> bool {
        matches!(self, Self::Form { .. } | Self::Json { .. })
    }

    pub(super) fn takes_realm(&self) -> bool {
        matches!(self, Self::Json { .. })
    }

    fn scope(&self) -> Option<&str> {
        match self {
            Self::Form { scope } | Self::Json { scope, .. } => scope.as_deref(),
            Self::Basic | Self::Query => None,
        }
    }

    fn realm(&self) -> Option<&str> {
        match self {
            Self::Json { realm, .. } => realm.as_deref(),
            Self::Basic | Self::Form { .. } | Self::Query => None,
        }
    }

    /// The token request of this form to `url`.
    pub(super) fn request(
        &self,
        http: &Client,
        mut url: Url,
        credentials: &Credentials,
    ) -> RequestBuilder {
        let authorization = || format!("Basic {}", basic_credentials(credentials));
        match self {
            Self::Basic => http
                .post(url)
                .header(AUTHORIZATION, authorization())
                .header(CONTENT_TYPE, FORM_TYPE)
                .body(encoded(&[GRANT_TYPE])),
            Self::Query => {
                url.set_query(Some(&encoded(&[GRANT_TYPE])));
                http.post(url)
                    .header(AUTHORIZATION, authorization())
                    .body("")
            }
            Self::Form { .. } => http
                .post(url)
                .header(CONTENT_TYPE, FORM_TYPE)
                .body(encoded(&self.fields(credentials))),
            Self::Json { .. } => http
                .post(url)
                .header(CONTENT_TYPE, "application/json")
                .body(json(&self.fields(credentials))),
        }
    }

    /// The fields of a form or JSON body.
    fn fields<'a>(&'a self, credentials: &'a Credentials) -> Vec<(&'a str, &'a str)> {
        let optional = [("realm", self.realm()), ("scope", self.scope())];
        let optional = optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        [
            GRANT_TYPE,
            ("client_id", &credentials.id),
            ("client_secret", credentials.secret.expose_secret()),
        ]
        .into_iter()
        .chain(optional)
        .collect()
    }
}

/// The value of the Basic header after the scheme.
pub(super) fn basic_credentials(credentials: &Credentials) -> String {
    let secret = credentials.secret.expose_secret();
    STANDARD.encode(format!("{}:{secret}", credentials.id))
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

fn json(fields: &[(&str, &str)]) -> String {
    let fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
    Value::Object(fields.collect::<Map<_, _>>()).to_string()
}

impl LoginPath {
    /// A path that begins with a slash and is the same after URL normalization.
    pub fn new(text: &str) -> Result<Self, LoginSettingsError> {
        let url = Url::parse(&format!("https://login.example{text}"));
        let is_path = |url: &Url| {
            url.path() == text
                && text.len() > 1
                && url.query().is_none()
                && url.fragment().is_none()
        };
        if url.as_ref().is_ok_and(is_path) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LoginSettingsError::Path(text.to_owned()))
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of the login below `base`, whose own path stays in front.
    pub(super) fn below(&self, base: &Url) -> Url {
        let mut url = base.clone();
        url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), self.0));
        url
    }
}

impl Default for LoginPath {
    /// The path of Genesys Cloud's login.
    fn default() -> Self {
        Self("/oauth/token".to_owned())
    }
}

/// The name of the form in the settings.
impl fmt::Display for LoginForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic => "basic",
            Self::Form { .. } => "form",
            Self::Json { .. } => "json",
            Self::Query => "query",
        })
    }
}

#[cfg(test)]
mod tests;

//! The four forms of a login.

mod exports;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::json::{Checked, object};
use super::request::{Request, pairs};
use super::server::Answer;

const CLIENT_ID: &str = "0b6f9c0e-4a0f-4a53-8c8e-5d4c9b1f7a20";
/// Characters that a form body and a URL must escape.
const CLIENT_SECRET: &str = "Zk+3&q=9/%41 x";
const SCOPE: &str = "conversations:readonly export";
const REALM: &str = "contact-centre";
/// The path that gateways use.
const GATEWAY_PATH: &str = "/api/v2/oauth/token";

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum LoginForm {
    Basic,
    Form,
    Json,
    Query,
}

/// A login that issues a new token each time.
pub(crate) struct Login {
    form: LoginForm,
    path: &'static str,
    scope: Option<&'static str>,
    realm: Option<&'static str>,
    /// The status with which a wrong secret is refused.
    refusal: u16,
    /// The valid tokens.
    issued: Vec<String>,
    /// Tokens that were valid.
    revoked: Vec<String>,
}

/// A state of a request's token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token {
    Valid,
    Revoked,
    Unknown,
}

impl LoginForm {
    const ALL: [Self; 4] = [Self::Basic, Self::Form, Self::Json, Self::Query];

    fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Form => "form",
            Self::Json => "json",
            Self::Query => "query",
        }
    }
}

impl Login {
    /// The login of the real API.
    pub(crate) fn basic() -> Self {
        Self {
            form: LoginForm::Basic,
            path: "/oauth/token",
            scope: None,
            realm: None,
            refusal: 401,
            issued: Vec::new(),
            revoked: Vec::new(),
        }
    }

    /// The login of a gateway, with each setting that the form has.
    fn of_gateway(form: LoginForm) -> Self {
        Self {
            form,
            path: GATEWAY_PATH,
            scope: matches!(form, LoginForm::Form | LoginForm::Json).then_some(SCOPE),
            realm: (form == LoginForm::Json).then_some(REALM),
            ..Self::basic()
        }
    }

    /// The settings of a client that logs in here. Defaults are left out.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("GENESYS_CLIENT_ID", CLIENT_ID.to_owned()),
            ("GENESYS_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ];
        if self.form != LoginForm::Basic {
            settings.push(("GENESYS_LOGIN_FORM", self.form.name().to_owned()));
        }
        if self.path != "/oauth/token" {
            settings.push(("GENESYS_LOGIN_PATH", self.path.to_owned()));
        }
        let scope = self.scope.map(|it| ("GENESYS_LOGIN_SCOPE", it.to_owned()));
        let realm = self.realm.map(|it| ("GENESYS_LOGIN_REALM", it.to_owned()));
        settings.into_iter().chain(scope).chain(realm).collect()
    }

    pub(crate) fn is_for(&self, request: &Request) -> bool {
        request.path == self.path
    }

    /// The state of the token in the header of a request.
    pub(crate) fn token(&self, request: &Request) -> Token {
        let header = request.header("authorization").unwrap_or_default();
        let token = header.strip_prefix("Bearer ").unwrap_or_default();
        let among = |tokens: &[String]| tokens.iter().any(|it| it == token);
        match (among(&self.issued), among(&self.revoked)) {
            (true, _) => Token::Valid,
            (_, true) => Token::Revoked,
            (false, false) => Token::Unknown,
        }
    }

    /// Ends every token, as if it had expired.
    pub(crate) fn revoke(&mut self) {
        self.revoked.append(&mut self.issued);
    }

    pub(crate) fn answer(&mut self, request: &Request) -> Checked<Answer> {
        request.must_be("POST")?;
        let secret = match self.form {
            LoginForm::Basic => basic(request),
            LoginForm::Form => self.form_body(request),
            LoginForm::Json => self.json_body(request),
            LoginForm::Query => query(request),
        }?;
        if secret != CLIENT_SECRET {
            let text = "authentication failed";
            let body =
                json!({"error": "invalid_client", "description": text, "error_description": text});
            return Ok(Answer {
                status: self.refusal,
                body,
            });
        }
        let token = format!(
            "token-{}-{}",
            self.form.name(),
            self.issued.len() + self.revoked.len() + 1
        );
        self.issued.push(token.clone());
        let body = json!({"access_token": token, "token_type": "bearer", "expires_in": 86399});
        Ok(Answer::ok(body))
    }

    fn form_body(&self, request: &Request) -> Checked<String> {
        request.must_have_content_type("application/x-www-form-urlencoded")?;
        let text = std::str::from_utf8(&request.body).map_err(|error| error.to_string())?;
        let mut fields = Map::new();
        for (name, value) in pairs(text) {
            if fields.insert(name.clone(), value.into()).is_some() {
                return Err(format!("the form has {name} twice"));
            }
        }
        self.fields(request, &fields.into(), &[("scope", self.scope)])
    }

    fn json_body(&self, request: &Request) -> Checked<String> {
        let (scope, realm) = (("scope", self.scope), ("realm", self.realm));
        self.fields(request, &request.json()?, &[scope, realm])
    }

    /// The secret among the fields of a body that holds the credentials.
    fn fields(
        &self,
        request: &Request,
        body: &Value,
        optional: &[(&str, Option<&str>)],
    ) -> Checked<String> {
        request.must_have_no_query()?;
        // RFC 6749, section 2.3: a client must not use more than one method of authentication.
        if request.header("authorization").is_some() {
            return Err(format!("the form {:?} has no header", self.form));
        }
        let names = ["grant_type", "client_id", "client_secret"];
        // The text does not say whether a scope or realm that is not set is absent or empty.
        let optional_names: Vec<&str> = optional.iter().map(|(name, _)| *name).collect();
        let fields = object(body, "login", &names, &optional_names)?;
        must_equal("grant_type", &fields["grant_type"], "client_credentials")?;
        must_equal("client_id", &fields["client_id"], CLIENT_ID)?;
        for (name, expected) in optional {
            let value = fields.get(*name).unwrap_or(&Value::Null);
            let value = if value.is_null() { &json!("") } else { value };
            must_equal(name, value, expected.unwrap_or_default())?;
        }
        let secret = fields["client_secret"].as_str();
        Ok(secret.ok_or("client_secret is not a text")?.to_owned())
    }
}

fn must_equal(name: &str, value: &Value, expected: &str) -> Checked<()> {
    if value == expected {
        return Ok(());
    }
    Err(format!("{name} of the login is {value}, not {expected}"))
}

/// The real API: a Basic header, and a body that is exactly the grant type.
fn basic(request: &Request) -> Checked<String> {
    request.must_have_no_query()?;
    request.must_have_content_type("application/x-www-form-urlencoded")?;
    if request.body.as_ref() != b"grant_type=client_credentials" {
        return Err(format!("the body of the login is {:?}", request.body));
    }
    header_secret(request)
}

/// The grant type in the URL, a Basic header, and an empty body, whose content type is left open.
fn query(request: &Request) -> Checked<String> {
    request.must_have_no_body()?;
    if request.query != [("grant_type".to_owned(), "client_credentials".to_owned())] {
        return Err(format!("the query of the login is {:?}", request.query));
    }
    header_secret(request)
}

/// The secret in `Basic base64(id:secret)`.
fn header_secret(request: &Request) -> Checked<String> {
    let value = request.header("authorization").unwrap_or_default();
    let encoded = value
        .strip_prefix("Basic ")
        .ok_or("the login has no Basic header")?;
    let decoded = STANDARD.decode(encoded).map_err(|it| it.to_string())?;
    let text = String::from_utf8(decoded).map_err(|it| it.to_string())?;
    let secret = text
        .strip_prefix(CLIENT_ID)
        .and_then(|rest| rest.strip_prefix(':'));
    Ok(secret
        .ok_or("the Basic header is not of this client")?
        .to_owned())
}

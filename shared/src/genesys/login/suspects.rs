//! The settings that are likely wrong if a login refuses a request.

use super::form::LoginSettings;

const ID: &str = "GENESYS_CLIENT_ID";
const SECRET: &str = "GENESYS_CLIENT_SECRET";
const FORM: &str = "GENESYS_LOGIN_FORM";
const PATH: &str = "GENESYS_LOGIN_PATH";
const REALM: &str = "GENESYS_LOGIN_REALM";
const SCOPE: &str = "GENESYS_LOGIN_SCOPE";

/// The subject of a refusal: what is likely wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Id,
    Secret,
    /// `GENESYS_REGION`, or `GENESYS_LOGIN_URL` for another host.
    Host,
    Form,
    Path,
    /// If the form sends one; the login may also require one that is not set.
    Realm,
    /// Like the realm.
    Scope,
}

use Subject::{Form, Host, Id, Path, Realm, Scope, Secret};

/// Subjects by the code of an OAuth error (RFC 6749, section 5.2), most likely first.
const BY_CODE: [(&str, &[Subject]); 5] = [
    ("invalid_client", &[Id, Secret, Host, Realm]),
    ("unauthorized_client", &[Id, Scope, Realm]),
    ("invalid_scope", &[Scope, Form]),
    ("unsupported_grant_type", &[Form]),
    ("invalid_request", &[Form, Realm, Scope]),
];

/// Subjects by status, for a response without one of these codes, most likely first.
const BY_STATUS: [(u16, &[Subject]); 6] = [
    (400, &[Form, Id, Secret, Host, Realm, Scope]),
    (401, &[Id, Secret, Host, Form, Realm]),
    (403, &[Id, Secret, Realm, Scope]),
    (404, &[Path, Host]),
    (405, &[Path, Host]),
    (415, &[Form]),
];

/// The names of the settings to check after this refusal, most likely first.
pub(super) fn suspects(
    status: u16,
    code: Option<&str>,
    settings: &LoginSettings,
    host: &'static str,
) -> Vec<&'static str> {
    let by_code = BY_CODE.iter().find(|(known, _)| Some(*known) == code);
    let by_status = BY_STATUS.iter().find(|(known, _)| *known == status);
    let subjects = by_code
        .map(|(_, subjects)| *subjects)
        .or(by_status.map(|(_, subjects)| *subjects));
    let name = |subject: &Subject| match subject {
        Id => Some(ID),
        Secret => Some(SECRET),
        Host => Some(host),
        Form => Some(FORM),
        Path => Some(PATH),
        Realm => settings.form.takes_realm().then_some(REALM),
        Scope => settings.form.takes_scope().then_some(SCOPE),
    };
    subjects
        .unwrap_or_default()
        .iter()
        .filter_map(name)
        .collect()
}

/// Whether other credentials may be accepted.
pub(super) fn concerns_credentials(suspects: &[&str]) -> bool {
    suspects.contains(&SECRET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesys::login::form::{LoginForm, LoginPath};

    fn settings() -> LoginSettings {
        LoginSettings {
            form: LoginForm::new("json", None, None).unwrap(),
            path: LoginPath::default(),
        }
    }

    #[test]
    fn each_refusal_names_the_settings_that_are_likely_wrong() {
        let lines = [
            (400, Some("invalid_client")),
            (401, Some("unauthorized_client")),
            (400, Some("invalid_scope")),
            (400, Some("unsupported_grant_type")),
            (400, Some("invalid_request")),
            (400, None),
            (401, None),
            (403, None),
            (404, None),
            (405, None),
            (415, None),
            (410, None),
        ]
        .map(|(status, code)| {
            let names = suspects(status, code, &settings(), "GENESYS_REGION");
            format!("{status} {}: {}", code.unwrap_or("-"), names.join(", "))
        });

        insta::assert_snapshot!(lines.join("\n"), @"
        400 invalid_client: GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET, GENESYS_REGION, GENESYS_LOGIN_REALM
        401 unauthorized_client: GENESYS_CLIENT_ID, GENESYS_LOGIN_SCOPE, GENESYS_LOGIN_REALM
        400 invalid_scope: GENESYS_LOGIN_SCOPE, GENESYS_LOGIN_FORM
        400 unsupported_grant_type: GENESYS_LOGIN_FORM
        400 invalid_request: GENESYS_LOGIN_FORM, GENESYS_LOGIN_REALM, GENESYS_LOGIN_SCOPE
        400 -: GENESYS_LOGIN_FORM, GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET, GENESYS_REGION, GENESYS_LOGIN_REALM, GENESYS_LOGIN_SCOPE
        401 -: GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET, GENESYS_REGION, GENESYS_LOGIN_FORM, GENESYS_LOGIN_REALM
        403 -: GENESYS_CLIENT_ID, GENESYS_CLIENT_SECRET, GENESYS_LOGIN_REALM, GENESYS_LOGIN_SCOPE
        404 -: GENESYS_LOGIN_PATH, GENESYS_REGION
        405 -: GENESYS_LOGIN_PATH, GENESYS_REGION
        415 -: GENESYS_LOGIN_FORM
        410 -: 
        ");
    }

    #[test]
    fn a_realm_and_a_scope_that_the_form_does_not_send_are_not_named() {
        let basic = LoginSettings::default();

        assert_eq!(
            suspects(403, None, &basic, "GENESYS_REGION"),
            ["GENESYS_CLIENT_ID", "GENESYS_CLIENT_SECRET"]
        );
    }
}

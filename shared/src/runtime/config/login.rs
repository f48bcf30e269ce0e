//! Settings of the login request.

use super::settings::Settings;
use super::table::{
    GENESYS_LOGIN_FORM, GENESYS_LOGIN_PATH, GENESYS_LOGIN_REALM, GENESYS_LOGIN_SCOPE,
};
use crate::genesys::{LoginForm, LoginPath, LoginSettings};

impl Settings<'_> {
    pub(super) fn login(&self) -> Option<LoginSettings> {
        let name = self.text(&GENESYS_LOGIN_FORM);
        let scope = self.optional(&GENESYS_LOGIN_SCOPE);
        let realm = self.optional(&GENESYS_LOGIN_REALM);
        let form = self.usable(LoginForm::new(&name, scope.as_deref(), realm.as_deref()));
        let path = self.usable(LoginPath::new(&self.text(&GENESYS_LOGIN_PATH)));
        Some(LoginSettings {
            form: form?,
            path: path?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(variables: &[(&str, &str)]) -> Result<LoginSettings, String> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let settings = Settings::new(&lookup);
        let login = settings.login();
        settings.finish(login).map_err(|error| error.to_string())
    }

    #[test]
    fn without_settings_the_login_is_that_of_genesys_cloud() {
        assert_eq!(login(&[]), Ok(LoginSettings::default()));
    }

    #[test]
    fn each_form_is_read_with_what_it_can_send() {
        let json = login(&[
            ("GENESYS_LOGIN_FORM", "json"),
            ("GENESYS_LOGIN_PATH", "/api/v2/oauth/token"),
            ("GENESYS_LOGIN_SCOPE", "archive"),
            ("GENESYS_LOGIN_REALM", "acme"),
        ]);

        assert_eq!(
            json,
            Ok(LoginSettings {
                form: LoginForm::Json {
                    scope: Some("archive".to_owned()),
                    realm: Some("acme".to_owned()),
                },
                path: LoginPath::new("/api/v2/oauth/token").unwrap(),
            })
        );
    }

    #[test]
    fn all_problems_of_the_login_are_reported_at_once() {
        let refused = login(&[
            ("GENESYS_LOGIN_PATH", "oauth/token"),
            ("GENESYS_LOGIN_SCOPE", "archive"),
        ]);

        insta::assert_snapshot!(refused.unwrap_err(), @"
        GENESYS_LOGIN_SCOPE has no effect with the login form `basic`; remove it, or set GENESYS_LOGIN_FORM to form or json
        GENESYS_LOGIN_PATH is `oauth/token`: a path such as /api/v2/oauth/token, without a query
        ");
    }
}

//! The forms of a login, each with an export of its own: what the login receives, and what a refusal says.

use std::sync::{Arc, Mutex};

use genesys_simulator::{LoginForm, Settings};

use crate::world::{DAYS, World, fast_settings};

const PATH: &str = "/api/v2/oauth/token";
const SECRET: &str = "s&3 \"cret";

/// The login request as received: query, Basic header, content type and body.
type Received = Arc<Mutex<Vec<[String; 4]>>>;

/// A gateway whose login accepts this form alone, and what it receives.
async fn gateway(form: LoginForm) -> (World, Received) {
    let received = Received::default();
    let seen = Arc::clone(&received);
    let mut settings = Settings {
        conversations: 20,
        login_form: form,
        client_id: "c1".to_owned(),
        client_secret: SECRET.to_owned(),
        login_by_form: false,
        response_filter: Some(Arc::new(move |request, response| {
            if request.path == PATH || request.path == "/oauth/token" {
                let query = request
                    .query
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"));
                let authorization = request.authorization.unwrap_or_default();
                let body = str::from_utf8(request.body).unwrap();
                seen.lock().unwrap().push([
                    query.collect::<Vec<_>>().join("&"),
                    authorization.to_owned(),
                    request.content_type.to_owned(),
                    body.to_owned(),
                ]);
            }
            response
        })),
        ..fast_settings()
    };
    if form != LoginForm::GenesysCloud {
        PATH.clone_into(&mut settings.login_path);
        settings.login_scope = Some("archive read".to_owned());
        settings.login_realm = Some("acme".to_owned());
    }
    (World::with(settings).await, received)
}

async fn export(world: &World) -> String {
    let output = world
        .export(&format!(r#"{{"exportId":"march",{DAYS}}}"#))
        .await;
    assert!(!output.err.contains("cret"), "{}", output.err);
    match output.code {
        0 => String::new(),
        _ => output.error().to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_logs_in_with_each_form() {
    let header = "Basic YzE6cyYzICJjcmV0";
    let form_type = "application/x-www-form-urlencoded";
    let form_body =
        "grant_type=client_credentials&client_id=c1&client_secret=s%263+%22cret&scope=archive+read";
    let json_body = r#"{"grant_type":"client_credentials","client_id":"c1","client_secret":"s&3 \"cret","realm":"acme","scope":"archive read"}"#;
    let grant = "grant_type=client_credentials";
    let scope = ("GENESYS_LOGIN_SCOPE", "archive read");
    let realm = ("GENESYS_LOGIN_REALM", "acme");
    let path = ("GENESYS_LOGIN_PATH", PATH);
    let cases = [
        (
            LoginForm::GenesysCloud,
            "basic",
            vec![],
            ["", header, form_type, grant],
        ),
        (
            LoginForm::Form,
            "form",
            vec![path, scope],
            ["", "", form_type, form_body],
        ),
        (
            LoginForm::Json,
            "json",
            vec![path, scope, realm],
            ["", "", "application/json", json_body],
        ),
        (
            LoginForm::Query,
            "query",
            vec![path],
            [grant, header, "", ""],
        ),
    ];

    for (form, name, settings, expected) in cases {
        let (mut world, received) = gateway(form).await;
        world.set("GENESYS_LOGIN_FORM", name);
        for (name, value) in settings {
            world.set(name, value);
        }

        let error = export(&world).await;

        assert_eq!(error, "", "{name}");
        assert_eq!(world.manifest()["metrics"]["records"], 20, "{name}");
        assert_eq!(
            *received.lock().unwrap(),
            [expected.map(str::to_owned)],
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_names_the_setting_that_is_likely_wrong() {
    let (mut world, _) = gateway(LoginForm::Json).await;
    let mut errors = vec![export(&world).await];
    for (name, value) in [
        ("GENESYS_LOGIN_PATH", PATH),
        ("GENESYS_LOGIN_FORM", "json"),
        ("GENESYS_LOGIN_REALM", "acme"),
    ] {
        world.set(name, value);
        errors.push(export(&world).await);
    }

    insta::assert_snapshot!(errors.join("\n"), @"
    login at 127.0.0.1 failed: status 404 (The requested resource was not found.); check GENESYS_LOGIN_PATH and GENESYS_LOGIN_URL
    login at 127.0.0.1 failed: status 400 (header is not supported); check GENESYS_LOGIN_FORM
    login at 127.0.0.1 failed: status 400 (scope is not supported); check GENESYS_LOGIN_SCOPE and GENESYS_LOGIN_FORM
    login at 127.0.0.1 failed: status 400 (scope is not supported); check GENESYS_LOGIN_SCOPE and GENESYS_LOGIN_FORM
    ");
}

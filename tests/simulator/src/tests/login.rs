//! Logins and tokens.

use super::*;
use crate::LoginForm;

const FORM: &str = "grant_type=client_credentials&client_id=simulated-client&client_secret=simulated-secret-not-for-any-real-org";

#[tokio::test]
async fn the_right_secret_gets_an_opaque_token_and_its_lifetime() {
    let world = World::logged_out(small_settings()).await;

    let response = world
        .login_as("simulated-client", &Settings::default().client_secret)
        .await;

    assert_eq!(response.status, 200);
    let response = response.json();
    assert_eq!(response["access_token"].as_str().unwrap().len(), 86);
    assert_eq!(
        (
            response["token_type"].as_str(),
            response["expires_in"].as_u64()
        ),
        (Some("bearer"), Some(86_400))
    );
    assert_eq!(world.simulator.stats().tokens_issued, 1);
}

#[tokio::test]
async fn an_unknown_client_is_a_400_with_an_oauth_error() {
    let world = World::logged_out(small_settings()).await;

    let response = world.login_as("somebody-else", "x").await;

    assert_eq!(response.status, 400);
    let expected = json!({ "error": "invalid_client", "description": "client not found", "error_description": "client not found" });
    assert_eq!(response.json(), expected);
}

#[tokio::test]
async fn a_wrong_secret_is_a_400_too() {
    let world = World::logged_out(small_settings()).await;

    let response = world.login_as("simulated-client", "wrong").await;

    assert_eq!(response.status, 400);
    assert_eq!(response.json()["description"], "authentication failed");
}

#[tokio::test]
async fn a_login_refusal_can_be_a_401() {
    let world = World::logged_out(Settings {
        login_refusal_status: 401,
        ..small_settings()
    })
    .await;

    let response = world.login_as("simulated-client", "wrong").await;

    assert_eq!(response.status, 401);
    assert_eq!(response.json()["error"], "invalid_client");
}

#[tokio::test]
async fn credentials_in_the_form_are_accepted_only_if_enabled() {
    let world = World::logged_out(small_settings()).await;
    let login = async || {
        let request = world.request(Method::POST, "oauth/token");
        request.form(FORM).send().await.unwrap().status
    };

    let by_form = login().await;
    world
        .simulator
        .update(|settings| settings.login_by_form = false);
    let refused = login().await;

    assert_eq!((by_form, refused), (200, 400));
}

#[tokio::test]
async fn another_grant_is_refused() {
    let world = World::logged_out(small_settings()).await;
    let request = world
        .request(Method::POST, "oauth/token")
        .basic_auth("simulated-client", &Settings::default().client_secret);

    let response = request.form("grant_type=password").send().await.unwrap();

    assert_eq!(response.status, 400);
}

#[tokio::test]
async fn a_missing_token_and_a_bad_token_have_different_codes() {
    let mut world = World::logged_out(small_settings()).await;
    let path = format!("{JOBS}/availability");

    let none = world.request(Method::GET, &path).send().await.unwrap();
    "made-up".clone_into(&mut world.token);
    let bad = world.get(&path).await;

    assert_eq!((none.status, bad.status), (401, 401));
    assert_eq!(none.json()["code"], "authentication.required");
    assert_eq!(bad.json()["code"], "bad.credentials");
}

#[tokio::test]
async fn a_token_expires_by_the_injected_clock() {
    let world = World::new(Settings {
        token_lifetime: Duration::from_mins(5),
        ..small_settings()
    })
    .await;
    let path = format!("{JOBS}/availability");
    world.advance_clock(Duration::from_secs(299));
    let before = world.get(&path).await.status;
    world.advance_clock(Duration::from_secs(1));

    let after = world.get(&path).await;

    assert_eq!((before, after.status), (200, 401));
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_a_new_one_works() {
    let mut world = World::new(small_settings()).await;
    let path = format!("{JOBS}/availability");
    world.simulator.revoke_tokens();

    let revoked = world.get(&path).await;
    world.login().await;
    let renewed = world.get(&path).await;

    assert_eq!((revoked.status, renewed.status), (401, 200));
}

/// Settings of a gateway's login, and the requests to try: path with query, Basic header, content type, body.
fn gateway(form: LoginForm) -> Settings {
    Settings {
        login_form: form,
        login_path: "/api/v2/oauth/token".to_owned(),
        login_scope: Some("archive".to_owned()),
        login_realm: Some("acme".to_owned()),
        client_secret: "s".to_owned(),
        ..small_settings()
    }
}

const FORM_BODY: &str =
    "grant_type=client_credentials&client_id=simulated-client&client_secret=s&scope=archive";
const JSON_BODY: &str = r#"{"grant_type":"client_credentials","client_id":"simulated-client","client_secret":"s","realm":"acme","scope":"archive"}"#;

/// The status of a login without a header, or with a Basic header and an empty body.
async fn login_status(world: &World, path: &str, body: Option<(&str, &str)>) -> u16 {
    let request = world.request(Method::POST, path);
    let request = match body {
        Some((FORM_TYPE, body)) => request.form(body),
        Some((_, body)) => request.json(&serde_json::from_str(body).unwrap()),
        None => request.basic_auth("simulated-client", "s"),
    };
    request.send().await.unwrap().status
}

const FORM_TYPE: &str = "form";
const JSON_TYPE: &str = "json";
const PATH: &str = "api/v2/oauth/token";
const QUERY: &str = "api/v2/oauth/token?grant_type=client_credentials";

#[tokio::test]
async fn a_gateway_accepts_its_own_form_of_login_alone() {
    let requests = [
        (LoginForm::Form, PATH, Some((FORM_TYPE, FORM_BODY))),
        (LoginForm::Json, PATH, Some((JSON_TYPE, JSON_BODY))),
        (LoginForm::Query, QUERY, None),
    ];

    for form in [LoginForm::Form, LoginForm::Json, LoginForm::Query] {
        let world = World::logged_out(gateway(form)).await;
        for (of, path, body) in requests {
            let expected = if of == form { 200 } else { 400 };

            let status = login_status(&world, path, body).await;

            assert_eq!(status, expected, "{of:?} at a gateway of {form:?}");
        }
        let documented = login_status(&world, "oauth/token", requests[0].2).await;
        assert_eq!(documented, 404, "{form:?}");
    }
}

#[tokio::test]
async fn a_missing_or_an_unknown_field_of_a_login_is_refused() {
    let form = World::logged_out(gateway(LoginForm::Form)).await;
    let json = World::logged_out(gateway(LoginForm::Json)).await;

    for body in [
        FORM_BODY.replace("&scope=archive", ""),
        format!("{FORM_BODY}&realm=acme"),
        FORM_BODY.replace("client_secret=s", "client_secret=t"),
    ] {
        let status = login_status(&form, PATH, Some((FORM_TYPE, &body))).await;

        assert_eq!(status, 400, "{body}");
    }
    for body in [
        JSON_BODY.replace(r#""realm":"acme","#, ""),
        JSON_BODY.replace('{', r#"{"audience":"a","#),
        JSON_BODY.replace(r#""acme""#, "null"),
    ] {
        let status = login_status(&json, PATH, Some((JSON_TYPE, &body))).await;

        assert_eq!(status, 400, "{body}");
    }
}

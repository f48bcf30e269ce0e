//! Tokens.

use super::*;

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

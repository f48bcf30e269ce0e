use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::genesys::login::LoginForm;

#[tokio::test]
async fn a_refusal_carries_the_apis_message_and_context_id() {
    let body = r#"{"message":"Unable to perform the requested action. You are missing the following permission(s): analytics:conversationDetail:view","code":"missing.permissions","status":403,"messageParams":{},"contextId":"4a8a3c1e","details":[],"errors":[]}"#;
    let setup = Setup::new([Scripted::new(403, body)]).await;

    let error = setup.get().await.unwrap_err();

    assert!(!error.is_transient());
    assert_eq!(error.context_id(), Some("4a8a3c1e"));
    assert_snapshot!(error, @"/api/v2/jobs returned 403 missing.permissions: Unable to perform the requested action. You are missing the following permission(s): analytics:conversationDetail:view (contextId 4a8a3c1e)");
}

#[tokio::test]
async fn an_error_that_is_a_web_page_is_reported_as_such() {
    let page = format!("<html>{}</html>", "Forbidden ".repeat(20_000));
    let setup = Setup::new([Scripted::new(403, page).header("ININ-Correlation-Id", "c-9")]).await;

    let error = setup.get().await.unwrap_err();

    assert_eq!(error.context_id(), Some("c-9"));
    assert_snapshot!(error, @"/api/v2/jobs returned 403: a web page, not an error of the API; a proxy or firewall may have responded (contextId c-9)");
}

#[tokio::test]
async fn an_error_without_a_body_is_reported_by_its_status() {
    let setup = Setup::new([Scripted::new(404, "")]).await;

    let error = setup.get().await.unwrap_err();

    assert_eq!((error.status(), error.context_id()), (Some(404), None));
    assert_snapshot!(error, @"/api/v2/jobs returned 404");
}

#[tokio::test]
async fn a_long_error_message_is_truncated() {
    let body = json!({"message": "x".repeat(1000)}).to_string();
    let setup = Setup::new([Scripted::new(400, body)]).await;

    let error = setup.get().await.unwrap_err();

    assert!(error.to_string().len() < 340);
}

#[tokio::test]
async fn a_body_over_the_limit_is_permanent_and_names_the_remedy() {
    let body = format!("\"{}\"", "x".repeat(999));
    let setup = Setup::with(
        |settings| settings.body_limit_bytes = 1000,
        [Scripted::token("t", 600)],
        [Scripted::new(200, body)],
    )
    .await;

    let error = setup.get().await.unwrap_err();

    assert!(!error.is_transient());
    assert_eq!(setup.hits(), 1);
    assert_snapshot!(error, @"/api/v2/jobs returned more than 1000 bytes; set a lower pageSize for smaller responses");
}

#[tokio::test]
async fn a_truncated_body_is_reported_as_such() {
    let setup = Setup::new([ok().cut_off()]).await;

    let error = setup.get().await.unwrap_err();

    assert!(error.is_transient());
    assert_snapshot!(error, @"/api/v2/jobs returned an incomplete response");
}

#[tokio::test]
async fn a_transient_error_keeps_its_context_id() {
    let body =
        r#"{"message":"busy","code":"service.unavailable","status":503,"contextId":"4a8a3c1e"}"#;
    let setup = Setup::new([Scripted::new(503, body)]).await;

    let error = setup.get().await.unwrap_err();

    assert_eq!(error.context_id(), Some("4a8a3c1e"));
    assert_snapshot!(error, @"/api/v2/jobs returned 503");
}

/// Every text of an error body echoes the request.
#[tokio::test]
async fn an_error_that_echoes_the_request_does_not_show_it() {
    let token = "t0ken-1";
    let echo = format!("Authorization: Bearer {token}, user Mary Roe, card 4111 1111 1111 1111");
    let bodies = [
        json!({"message": echo, "code": "missing.permissions", "status": 403}),
        json!({"message": "no", "code": token, "status": 403, "contextId": token}),
        json!({"message": format!("no\u{1b}[2J\n{echo}"), "status": 403}),
        json!({"message": "no", "status": 403, "contextId": "Mary Roe", "code": "mary.roe"}),
    ];
    for body in bodies {
        let setup = Setup::new([Scripted::new(403, body.to_string())]).await;

        let error = setup.get().await.unwrap_err();

        let shown = format!("{error} {error:?}");
        for leak in [token, "Mary", "Roe", "roe", "4111", "\u{1b}", "\n"] {
            assert!(!shown.contains(leak), "{leak}: {shown}");
        }
    }
}

#[tokio::test]
async fn a_login_error_that_echoes_its_header_does_not_show_it() {
    let (basic, secret) = (STANDARD.encode("c1:s3cret"), "s3cret");
    let echo = format!("Basic {basic} of the client with {secret}");
    let responses = [
        (
            400,
            json!({"error": "invalid_client", "error_description": echo}),
        ),
        (401, json!({"error": echo})),
        (400, json!({"error": "invalid_client", "description": echo})),
        (
            200,
            json!({"error": "invalid_client", "error_description": echo}),
        ),
        (
            403,
            json!({"message": echo, "code": "not.authorized", "status": 403}),
        ),
    ];
    for (status, body) in responses {
        let login = Scripted::new(status, body.to_string());
        let setup = Setup::with(|_| {}, [login], []).await;

        let error = setup.get().await.unwrap_err();

        let shown = format!("{error} {error:?}");
        assert!(matches!(error, ApiError::Login { .. }), "{shown}");
        for leak in [basic.as_str(), secret] {
            assert!(!shown.contains(leak), "{status}: {shown}");
        }
    }
}

#[tokio::test]
async fn a_login_error_that_echoes_its_body_does_not_show_it() {
    let form = "grant_type=client_credentials&client_id=c1&client_secret=s3cret";
    let json = json!({"client_id": "c1", "client_secret": "s3cret"}).to_string();
    for (name, echo) in [("form", form), ("json", json.as_str())] {
        let body = json!({"error": "invalid_request", "error_description": echo});
        let login = Scripted::new(400, body.to_string());
        let adjust = |settings: &mut ClientSettings| {
            settings.login.form = LoginForm::new(name, None, None).unwrap();
        };
        let setup = Setup::with(adjust, [login], []).await;

        let error = setup.get().await.unwrap_err();

        let shown = format!("{error} {error:?}");
        assert!(shown.contains("GENESYS_LOGIN_FORM"), "{shown}");
        assert!(!shown.contains("s3cret"), "{name}: {shown}");
    }
}

//! An export through each form of a login.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::client::Client;
use super::super::export_gateway::{self, ExportGateway};
use super::super::killing::kill_and_resume;
use super::super::request::{Request, pairs};
use super::super::server::Strict;
use super::{CLIENT_ID, CLIENT_SECRET, Login, LoginForm};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_through_the_default_login_is_complete() {
    exports_through(Login::basic()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_through_a_basic_login_at_another_path_is_complete() {
    exports_through(Login::of_gateway(LoginForm::Basic)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_through_a_form_login_is_complete() {
    exports_through(Login::of_gateway(LoginForm::Form)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_through_a_json_login_is_complete() {
    exports_through(Login::of_gateway(LoginForm::Json)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_through_a_query_login_is_complete() {
    exports_through(Login::of_gateway(LoginForm::Query)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_without_scope_and_realm_is_complete() {
    for form in [LoginForm::Form, LoginForm::Json] {
        exports_through(Login {
            scope: None,
            realm: None,
            ..Login::of_gateway(form)
        })
        .await;
    }
}

async fn exports_through(login: Login) {
    let (form, expected) = (login.form, expected_fields(&login));
    let server = Strict::start(login, ExportGateway::new()).await;
    let client = Client::of(&server);

    let export = client.export(&export_gateway::request()).await;

    assert_eq!(server.violations(), [""; 0], "{form:?}: {}", export.err);
    assert_eq!(export.code, 0, "{form:?}: {}", export.err);
    assert_eq!(client.archived_ids(), export_gateway::ids());
    let logins = server.logins();
    assert_eq!(logins.len(), 1, "one login for each process");
    assert_eq!(fields(&logins[0].request), expected);
    let mut requests = server.exchanges().into_iter().map(|it| it.request);
    let bearer = format!("Bearer token-{}-1", form.name());
    assert!(requests.all(|it| it.header("authorization") == Some(bearer.as_str())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_killed_at_its_login_or_a_page_logs_in_again_in_its_form() {
    for form in LoginForm::ALL {
        // The login, and the second page.
        for number in [1, 4] {
            let login = Login::of_gateway(form);
            let expected = expected_fields(&login);
            let server = Strict::start(login, ExportGateway::new()).await;
            let client = Client::of(&server);

            let killed =
                kill_and_resume(&server, &client, &export_gateway::request(), number).await;

            let context = format!(
                "{form:?}, killed at request {number}: {}",
                killed.resumed.err
            );
            assert_eq!(server.violations(), [""; 0], "{context}");
            assert_eq!(killed.resumed.code, 0, "{context}");
            assert_eq!(client.archived_ids(), export_gateway::ids(), "{context}");
            client.assert_verifies().await;
            let logins = server.logins();
            assert_eq!(logins.len(), 2, "one for each process: {context}");
            assert!(
                logins.iter().all(|it| fields(&it.request) == expected),
                "{context}"
            );
        }
    }
}

/// Everything that a login request says. Its body is an object, of a form or of JSON, whose empty fields are left out.
fn fields(request: &Request) -> Value {
    let kind = request.header("content-type").unwrap_or_default();
    let body = String::from_utf8(request.body.to_vec()).unwrap();
    let mut body: Value = if kind.starts_with("application/json") {
        serde_json::from_str(&body).unwrap()
    } else {
        let pairs = pairs(&body).into_iter();
        Value::Object(pairs.map(|(name, value)| (name, value.into())).collect())
    };
    let fields = body.as_object_mut().unwrap();
    fields.retain(|_, value| !value.is_null() && value != "");
    json!({
        "method": request.method, "path": request.path, "query": request.query,
        "authorization": request.header("authorization"), "body": body,
    })
}

fn expected_fields(login: &Login) -> Value {
    let header = format!(
        "Basic {}",
        STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"))
    );
    let grant = json!({"grant_type": "client_credentials"});
    let mut whole = json!({
        "grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
    });
    for (name, value) in [("scope", login.scope), ("realm", login.realm)] {
        if let Some(value) = value {
            whole[name] = value.into();
        }
    }
    let (query, authorization, body) = match login.form {
        LoginForm::Basic => (json!([]), json!(header), grant),
        LoginForm::Form | LoginForm::Json => (json!([]), Value::Null, whole),
        LoginForm::Query => (
            json!([["grant_type", "client_credentials"]]),
            json!(header),
            json!({}),
        ),
    };
    json!({
        "method": "POST", "path": login.path, "query": query,
        "authorization": authorization, "body": body,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_ends_within_an_export_is_replaced_by_one_login() {
    for form in LoginForm::ALL {
        let server = Strict::start(Login::of_gateway(form), ExportGateway::new()).await;
        let client = Client::of(&server);
        // After the login, the query and the first page.
        server.revoke_at(4);

        let export = client.export(&export_gateway::request()).await;

        let context = format!("{form:?}: {}", export.err);
        assert_eq!(server.violations(), [""; 0], "{context}");
        assert_eq!(export.code, 0, "{context}");
        assert_eq!(client.archived_ids(), export_gateway::ids(), "{context}");
        assert_eq!(server.logins().len(), 2, "{context}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_ends_with_2_and_nothing_is_written() {
    for form in LoginForm::ALL {
        for refusal in [400, 401, 403] {
            let login = Login {
                refusal,
                ..Login::of_gateway(form)
            };
            let server = Strict::start(login, ExportGateway::new()).await;
            let mut client = Client::of(&server);
            client.set("GENESYS_CLIENT_SECRET", "of-another-client");

            let export = client.export(&export_gateway::request()).await;

            let context = format!("{form:?} {refusal}: {}", export.err);
            assert_eq!(server.violations(), [""; 0], "{context}");
            assert_eq!(export.code, 2, "{context}");
            assert_eq!(client.archive_files(), [""; 0], "{context}");
            assert!(server.exchanges().is_empty(), "{context}");
            assert!(!export.err.contains("of-another-client"), "{context}");
            assert!(names_a_setting(&export.err), "{context}");
        }
    }
}

/// Whether the message names one of the settings that a refused login may be due to.
fn names_a_setting(message: &str) -> bool {
    let settings = [
        "GENESYS_REGION",
        "GENESYS_CLIENT_ID",
        "GENESYS_CLIENT_SECRET",
        "GENESYS_LOGIN_FORM",
        "GENESYS_LOGIN_PATH",
        "GENESYS_LOGIN_SCOPE",
        "GENESYS_LOGIN_REALM",
        "GENESYS_LOGIN_URL",
    ];
    settings.iter().any(|setting| message.contains(setting))
}

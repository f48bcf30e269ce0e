use reqwest::Request;

use super::*;

fn request(form: &LoginForm) -> Request {
    let credentials = Credentials {
        id: "c1".to_owned(),
        secret: "s&3 \"cret".into(),
    };
    let url = LoginPath::default().below(&Url::parse("https://gateway.example/genesys/").unwrap());
    let http = crate::net::transport::builder_for(&url).build().unwrap();
    form.request(&http, url, &credentials).build().unwrap()
}

/// Method, URL, the headers of the form and the body.
fn text(request: &Request) -> String {
    let header = |name| {
        request
            .headers()
            .get(name)
            .map_or("-", |it| it.to_str().unwrap())
    };
    let body = request.body().and_then(|body| body.as_bytes()).unwrap();
    format!(
        "{} {}\n{}\n{}\n{}",
        request.method(),
        request.url(),
        header(AUTHORIZATION),
        header(CONTENT_TYPE),
        str::from_utf8(body).unwrap()
    )
}

fn form(name: &str, scope: Option<&str>, realm: Option<&str>) -> LoginForm {
    LoginForm::new(name, scope, realm).unwrap()
}

#[test]
fn the_default_form_is_the_documented_request() {
    insta::assert_snapshot!(text(&request(&LoginForm::default())), @"
    POST https://gateway.example/genesys/oauth/token
    Basic YzE6cyYzICJjcmV0
    application/x-www-form-urlencoded
    grant_type=client_credentials
    ");
}

#[test]
fn the_query_form_has_an_empty_body() {
    insta::assert_snapshot!(text(&request(&form("query", None, None))), @"
    POST https://gateway.example/genesys/oauth/token?grant_type=client_credentials
    Basic YzE6cyYzICJjcmV0
    -
    ");
}

#[test]
fn the_form_and_json_forms_send_credentials_in_the_body_alone() {
    insta::assert_snapshot!(text(&request(&form("form", Some("a b"), None))), @"
    POST https://gateway.example/genesys/oauth/token
    -
    application/x-www-form-urlencoded
    grant_type=client_credentials&client_id=c1&client_secret=s%263+%22cret&scope=a+b
    ");
    insta::assert_snapshot!(text(&request(&form("json", Some("a b"), Some("r")))), @r#"
    POST https://gateway.example/genesys/oauth/token
    -
    application/json
    {"grant_type":"client_credentials","client_id":"c1","client_secret":"s&3 \"cret","realm":"r","scope":"a b"}
    "#);
}

#[test]
fn a_scope_and_a_realm_that_are_not_set_are_left_out() {
    for name in ["form", "json"] {
        let text = text(&request(&form(name, None, None)));

        assert!(!text.contains("scope") && !text.contains("realm"), "{text}");
    }
}

#[test]
fn a_setting_that_the_form_cannot_send_is_refused() {
    let refusal = |name, scope: Option<&str>, realm: Option<&str>| {
        LoginForm::new(name, scope, realm).unwrap_err().to_string()
    };
    let refusals = [
        refusal("basic", Some("s"), None),
        refusal("query", Some("s"), None),
        refusal("form", Some("s"), Some("r")),
        refusal("basic", None, Some("r")),
        refusal("digest", None, None),
    ];

    insta::assert_snapshot!(refusals.join("\n"), @"
    GENESYS_LOGIN_SCOPE has no effect with the login form `basic`; remove it, or set GENESYS_LOGIN_FORM to form or json
    GENESYS_LOGIN_SCOPE has no effect with the login form `query`; remove it, or set GENESYS_LOGIN_FORM to form or json
    GENESYS_LOGIN_REALM has no effect with the login form `form`; remove it, or set GENESYS_LOGIN_FORM to json
    GENESYS_LOGIN_REALM has no effect with the login form `basic`; remove it, or set GENESYS_LOGIN_FORM to json
    GENESYS_LOGIN_FORM is `digest`: expected basic, form, json or query
    ");
}

#[test]
fn a_login_path_is_a_plain_path() {
    for path in ["/oauth/token", "/api/v2/oauth/token", "/a%20b", "/token/"] {
        assert!(LoginPath::new(path).is_ok(), "{path}");
    }
    for path in [
        "",
        "/",
        "oauth/token",
        "/a?b=c",
        "/a#b",
        "/a/../b",
        "/a b",
        ":8080/a",
        "@host/a",
        "/\\a",
    ] {
        assert!(LoginPath::new(path).is_err(), "{path}");
    }
}

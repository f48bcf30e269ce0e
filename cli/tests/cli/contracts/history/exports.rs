//! Exports from a history gateway, in either form.

use serde_json::{Value, json};

use super::super::checking::assert_keeps_to_the_contract;
use super::super::client::Client;
use super::super::json::with_equal_moments;
use super::super::killing::{kill_and_resume, repeated};
use super::super::login::Login;
use super::super::request::Request;
use super::super::server::{Contract as _, Exchange, Strict};
use super::{END, Form, Gateway, PAGE_SIZE, Record, START, entities, ids, records};

/// A server and a client of the form.
pub(super) async fn world(form: &'static Form, records: Vec<Record>) -> (Strict, Client) {
    world_of(Gateway::new(form, records)).await
}

pub(super) async fn world_of(gateway: Gateway) -> (Strict, Client) {
    let form = gateway.form;
    let server = Strict::start(Login::basic(), gateway).await;
    let mut client = Client::of(&server);
    client.set("GATEWAY_HISTORY_FORM", form.name);
    (server, client)
}

pub(super) fn request(filters: &Value) -> Value {
    json!({
        "source": "history-gateway", "interval": format!("{START}/{END}"), "pageSize": PAGE_SIZE,
        "slices": 1, "filters": filters,
    })
}

/// A request for one record, before the plan.
pub(super) fn is_dry_run(exchange: &Exchange) -> bool {
    body(exchange)["size"] == 1
}

pub(super) fn is_page(exchange: &Exchange) -> bool {
    !is_dry_run(exchange)
}

pub(super) fn body(exchange: &Exchange) -> Value {
    serde_json::from_slice(&exchange.request.body).unwrap_or_default()
}

/// The body without its token, with moments and lists of one value in one form.
pub(super) fn body_without_token(exchange: &Exchange) -> Value {
    let mut body = with_equal_moments(&body(exchange));
    let fields = body.as_object_mut().unwrap();
    fields.remove("continuationToken");
    for name in ["channelType", "participantId"] {
        if let Some(value) = body["filter"].get_mut(name)
            && let Some([only]) = value.as_array().map(Vec::as_slice)
        {
            *value = only.clone();
        }
    }
    body
}

pub(super) fn token(form: &Form, exchange: &Exchange) -> Option<String> {
    let query = (form.read)(&exchange.request).unwrap();
    query.token
}

pub(super) async fn a_whole_export(form: &'static Form) {
    let (server, client) = world(form, records()).await;

    let export = client.export(&request(&(form.filters)())).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    assert_eq!(client.archive().records(), entities(&records()));
    assert_eq!(client.archive().manifest()["status"], "completed");
    let exchanges = server.exchanges();
    let sizes = [1, PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, PAGE_SIZE];
    let expected = sizes.map(|size| with_equal_moments(&(form.body)(size)));
    let bodies: Vec<Value> = exchanges.iter().map(body_without_token).collect();
    assert_eq!(bodies, expected, "a dry run, and four pages");
    let tokens: Vec<_> = exchanges.iter().map(|it| token(form, it)).collect();
    assert_eq!(tokens[..2], [None, None], "the dry run and the first page");
    assert_eq!(tokens[2..], issued(form, &exchanges[1..4]));
    assert_eq!(exchanges[2].answer.body["entities"], json!([]));
    assert_eq!(exchanges[4].answer.body.get(form.token_field), None);
    assert_eq!(server.logins().len(), 1);
    client.assert_verifies().await;
}

/// The token in each response.
pub(super) fn issued(form: &Form, exchanges: &[Exchange]) -> Vec<Option<String>> {
    let bodies = exchanges.iter().map(|it| &it.answer.body);
    bodies
        .map(|body| body[form.token_field].as_str().map(str::to_owned))
        .collect()
}

pub(super) async fn killed_at_each_request(form: &'static Form) {
    // The login, the dry run, and four pages.
    for number in 1..=6 {
        let (server, client) = world(form, records()).await;

        let killed = kill_and_resume(&server, &client, &request(&(form.filters)()), number).await;

        let context = format!("killed at request {number}: {}", killed.resumed.err);
        assert_eq!(server.violations(), [""; 0], "{context}");
        assert_eq!(killed.resumed.code, 0, "{context}");
        client.assert_verifies().await;
        assert_eq!(
            client.archive().records(),
            entities(&records()),
            "{context}"
        );
        let repeats = repeated(&server.exchanges(), is_page);
        assert!(repeats <= killed.uncommitted(is_page), "{context}");
    }
}

/// The command `history` sends the same bodies as an export, for ids and these arguments.
pub(super) async fn printed_by_history(form: &'static Form, arguments: &[&str]) {
    let (server, client) = world(form, records()).await;
    let ids = ids();
    let command = [
        "history",
        "--source",
        "history-gateway",
        "--format",
        "ndjson",
    ];
    let ids = ids[..4].iter().map(String::as_str);
    let arguments: Vec<&str> = command
        .into_iter()
        .chain(arguments.iter().copied())
        .chain(ids)
        .collect();

    let history = client.run(&arguments).await;

    assert_eq!(server.violations(), [""; 0], "{}", history.err);
    assert_eq!(history.code, 0, "{}", history.err);
    let lines = history.out.lines();
    let printed: Vec<Value> = lines.map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(printed, entities(&records()[..4]));
}

pub(super) async fn forbidden(form: &'static Form) {
    let (server, client) = world(form, records()).await;
    server.forbid();

    let export = client.export(&request(&(form.filters)())).await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    // A missing permission is a failure: neither the request nor a setting must change (docs/command-line.md).
    assert_eq!(export.code, 1, "{}", export.err);
    assert_eq!(client.archive_files(), [""; 0]);
    assert_eq!(server.exchanges().len(), 1, "only the dry run");
    assert!(is_dry_run(&server.exchanges()[0]));
}

pub(super) async fn checked(form: &'static Form) {
    let (server, client) = world(form, records()).await;

    assert_keeps_to_the_contract(&server, &client).await;
}

/// The entities of all pages, each requested with the token of the page before it.
pub(super) fn pages(
    gateway: &mut Gateway,
    mut request: impl FnMut(Option<String>) -> Request,
) -> Vec<Vec<Value>> {
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let page = gateway.answer(&request(token.take())).unwrap().body;
        pages.push(page["entities"].as_array().unwrap().clone());
        let next = page.get(gateway.form.token_field).and_then(Value::as_str);
        let Some(next) = next else {
            return pages;
        };
        token = Some(next.to_owned());
    }
}

/// Without a `pageSize`, and with one that the form does not permit, no larger page is requested.
pub(super) async fn large_pages(form: &'static Form) {
    for page_size in [None, Some(5_000)] {
        let (server, client) = world(form, records()).await;
        let mut request = request(&(form.filters)());
        request["pageSize"] = page_size.into();
        request
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());

        let export = client.export(&request).await;

        assert_eq!(server.violations(), [""; 0], "{}", export.err);
        if export.code == 0 {
            assert_eq!(client.archive().records(), entities(&records()));
        } else {
            assert_eq!((export.code, page_size), (2, Some(5_000)), "{}", export.err);
            assert!(server.exchanges().is_empty());
        }
    }
}

//! `check` sends a gateway the bodies of its contract.

use serde_json::Value;

use super::client::Client;
use super::export_gateway::ExportGateway;
use super::server::{Exchange, NOT_SERVED, Strict};

/// Runs `check`, and asserts that each request to a path of the contract kept to it, and that there was one. A check
/// may look for other interfaces of the host, which has none.
pub(crate) async fn assert_keeps_to_the_contract(server: &Strict, client: &Client) {
    let check = client.check().await;

    let exchanges = server.exchanges();
    let others = exchanges.iter().filter(|it| !is_probe_of_the_api(it));
    let violations: Vec<&String> = others.filter_map(|it| it.violation.as_ref()).collect();
    let of_the_contract = violations
        .into_iter()
        .filter(|it| !it.ends_with(NOT_SERVED));
    assert_eq!(
        of_the_contract.collect::<Vec<_>>(),
        [""; 0],
        "{}",
        check.out
    );
    let accepted = exchanges.iter().any(|it| it.violation.is_none());
    assert!(accepted, "{}{}", check.out, check.err);
}

/// Whether the request asks for the details query of the real API, which has the path of a history gateway and other
/// fields.
fn is_probe_of_the_api(exchange: &Exchange) -> bool {
    let body: Value = serde_json::from_slice(&exchange.request.body).unwrap_or_default();
    ["interval", "order", "paging"]
        .iter()
        .all(|name| body.get(name).is_some())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_sends_the_export_gateway_the_bodies_of_an_export() {
    let server = Strict::start(super::login::Login::basic(), ExportGateway::new()).await;
    let client = Client::of(&server);

    assert_keeps_to_the_contract(&server, &client).await;
}

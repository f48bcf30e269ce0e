use std::sync::Arc;

use insta::assert_snapshot;

use super::*;
use crate::net::address::Loopback;
use crate::net::loopback::{Loopback as Server, Scripted};

const HOOK: &str = "/hook";

fn local() -> AddressRules {
    AddressRules {
        loopback: Loopback::Allowed,
        ..AddressRules::default()
    }
}

/// The URL of the server with a name that has to be resolved.
fn by_name(server: &Server) -> WebhookUrl {
    let url = format!("http://localhost:{}{HOOK}", server.url.port().unwrap());
    WebhookUrl::parse(&url, &local()).unwrap()
}

fn chain(error: &DeliveryError) -> String {
    let causes = successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[tokio::test]
async fn a_delivery_carries_body_and_headers() {
    let server = Server::start().await;
    server.script(HOOK, [Scripted::new(202, "thanks")]);
    let sender = Sender::new(local()).unwrap();

    let headers = [("webhook-id", "msg_1".to_owned())];
    let reply = sender
        .post(&by_name(&server), &headers, Bytes::from_static(b"{}"))
        .await
        .unwrap();

    assert_eq!((reply.status, reply.failure()), (202, None));
    let seen = &server.seen(HOOK)[0];
    assert_eq!((seen.method.as_str(), seen.body.as_str()), ("POST", "{}"));
    assert_eq!(seen.headers["webhook-id"], "msg_1");
    assert_eq!(seen.headers["x-archive-source"], "genesys-cloud");
    assert_eq!(seen.headers["content-type"], "application/json");
    assert!(seen.headers["user-agent"].starts_with("genesys-conversation-archive/"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start().await;
    server.script(HOOK, [Scripted::new(307, "").header("Location", "/other")]);
    let sender = Sender::new(local()).unwrap();

    let reply = sender
        .post(&by_name(&server), &[], Bytes::new())
        .await
        .unwrap();

    assert_eq!(reply.status, 307);
    assert_eq!(server.hits("/other"), 0);
}

#[tokio::test]
async fn a_redirect_is_reported_by_scheme_and_host_only() {
    let server = Server::start().await;
    let sender = Sender::new(local()).unwrap();
    let here = server.url.origin().ascii_serialization();
    let here = here.replace("127.0.0.1", "localhost");
    let cases = [
        (
            308,
            "https://new.example/p?key=s3cret",
            Some("https://new.example"),
        ),
        (
            301,
            "http://user:s3cret@new.example:8080/p",
            Some("http://new.example:8080"),
        ),
        (302, "//other.example/p", Some("http://other.example")),
        (307, "/other?key=s3cret", Some(here.as_str())),
        (308, "https://", None),
        (201, "https://new.example/made", None),
    ];

    for (status, location, expected) in cases {
        server.script(
            HOOK,
            [Scripted::new(status, "").header("Location", location)],
        );

        let reply = sender
            .post(&by_name(&server), &[], Bytes::new())
            .await
            .unwrap();

        assert_eq!(reply.location.as_deref(), expected, "{location}");
    }
}

#[tokio::test]
async fn a_receiver_that_echoes_secrets_of_its_url_is_not_quoted() {
    let server = Server::start().await;
    let sender = Sender::new(local()).unwrap();
    let url = server.url.join("/hook/T0psecret?key=k3y-of-hook").unwrap();
    let url = WebhookUrl::parse(url.as_str(), &local()).unwrap();
    for host in [
        "t0psecret.evil.example",
        "x.k3y-of-hook.example",
        "4111-1111-1111-1111.example",
        "mary%40example.com",
    ] {
        let location = format!("https://{host}/");
        let redirect = Scripted::new(307, "").header("Location", &location);
        server.script("/hook/T0psecret", [redirect]);

        let reply = sender.post(&url, &[], Bytes::new()).await.unwrap();

        assert_eq!((reply.status, reply.location), (307, None), "{host}");
    }
}

/// The refusal of a delivery to `url`.
async fn failure_of(url: &str) -> DeliveryFailure {
    let url = WebhookUrl::parse(url, &local()).unwrap();
    let sender = Sender::new(local()).unwrap();
    let error = sender.post(&url, &[], Bytes::new()).await.unwrap_err();
    error.failure()
}

/// A resolver that fails for every name.
struct NoNames;

impl reqwest::dns::Resolve for NoNames {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async { Err("Name or service not known".into()) })
    }
}

#[tokio::test]
async fn an_unresolvable_host_has_its_own_refusal() {
    let http = transport::builder().no_proxy().dns_resolver(NoNames);
    let http = http.build().unwrap();
    let url = WebhookUrl::parse("https://hooks.example/s3cret", &local()).unwrap();

    let sent = Sender { http }.post(&url, &[], Bytes::new()).await;

    let failure = sent.unwrap_err().failure();
    assert_snapshot!(failure, @"the host name cannot be resolved (Name or service not known); correct the host of the URL, or the name server");
}

/// A server that sends bytes that are not TLS.
async fn greeting() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 hello\r\n").await;
        }
    });
    port
}

/// A server that accepts connections and closes them without a response.
async fn hanging_up() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    port
}

#[tokio::test]
async fn each_cause_of_a_missing_response_has_its_own_refusal() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_port = closed.local_addr().unwrap().port();
    drop(closed);
    let plain = Server::start().await;
    let plain_port = plain.url.port().unwrap();
    let hanging_up = hanging_up().await;

    let refused = failure_of(&format!("http://127.0.0.1:{closed_port}/s3cret")).await;
    let no_tls = failure_of(&format!("https://127.0.0.1:{plain_port}/s3cret")).await;
    let greeted = failure_of(&format!("https://127.0.0.1:{}/s3cret", greeting().await)).await;
    let no_answer = failure_of(&format!("http://127.0.0.1:{hanging_up}/s3cret")).await;

    assert!(
        matches!(refused, DeliveryFailure::NoConnection { .. }),
        "{refused:?}"
    );
    assert!(matches!(no_tls, DeliveryFailure::Tls { .. }), "{no_tls:?}");
    assert!(
        matches!(greeted, DeliveryFailure::Tls { .. }),
        "{greeted:?}"
    );
    assert!(
        matches!(no_answer, DeliveryFailure::NoAnswer { .. }),
        "{no_answer:?}"
    );
    for failure in [refused, no_tls, greeted, no_answer] {
        assert!(!failure.to_string().contains("s3cret"), "{failure}");
    }
}

#[tokio::test]
async fn a_host_that_resolves_to_loopback_is_not_connected_to() {
    let server = Server::start().await;
    server.script(HOOK, [Scripted::new(200, "")]);
    let sender = Sender::new(AddressRules::default()).unwrap();

    let error = sender
        .post(&by_name(&server), &[], Bytes::new())
        .await
        .unwrap_err();

    assert_eq!(server.hits(HOOK), 0);
    assert_snapshot!(error, @"the webhook receiver at localhost is not allowed: its name resolves to this machine");
}

#[tokio::test]
async fn the_error_for_an_unreachable_receiver_hides_its_path() {
    let url = WebhookUrl::parse("http://127.0.0.1:1/s3cret?key=s3cret", &local()).unwrap();

    let error = Sender::new(local())
        .unwrap()
        .post(&url, &[], Bytes::new())
        .await
        .unwrap_err();

    assert!(
        !chain(&error).contains("s3cret") && !format!("{error:?}").contains("s3cret"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_hanging_receiver_is_given_up_after_the_timeout() {
    let server = Server::start().await;
    let never = Arc::new(tokio::sync::Barrier::new(2));
    server.script(HOOK, [Scripted::new(200, "").wait_for(&never)]);
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_millis(20))
        .build()
        .unwrap();

    let error = Sender { http }
        .post(&by_name(&server), &[], Bytes::new())
        .await
        .unwrap_err();

    assert_snapshot!(error, @"the webhook receiver at localhost did not respond within 5 s");
}

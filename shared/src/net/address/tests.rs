use insta::assert_snapshot;

use super::*;

fn refused(text: &str) -> WebhookUrlError {
    WebhookUrl::parse(text, &AddressRules::default()).expect_err(text)
}

fn rule(text: &str) -> Option<Rule> {
    match WebhookUrl::parse(text, &AddressRules::default()) {
        Err(WebhookUrlError::Address { rule, .. }) => Some(rule),
        Err(error) => panic!("{text}: {error}"),
        Ok(_) => None,
    }
}

#[test]
fn addresses_that_are_not_public_are_refused_by_their_kind() {
    for (host, kind) in [
        ("127.0.0.1", Rule::Loopback),
        ("127.1.2.3", Rule::Loopback),
        ("localhost", Rule::Loopback),
        ("LOCALHOST.", Rule::Loopback),
        ("hooks.localhost", Rule::Loopback),
        ("10.0.0.1", Rule::Private),
        ("172.16.0.1", Rule::Private),
        ("172.31.255.255", Rule::Private),
        ("192.168.1.1", Rule::Private),
        ("169.254.1.1", Rule::LinkLocal),
        ("169.254.169.254", Rule::Metadata),
        ("100.100.100.200", Rule::Metadata),
        ("168.63.129.16", Rule::Metadata),
        ("100.64.0.1", Rule::CarrierGrade),
        ("224.0.0.1", Rule::Multicast),
        ("0.0.0.0", Rule::Unspecified),
        ("255.255.255.255", Rule::Reserved),
        ("198.18.0.1", Rule::Reserved),
        ("[::]", Rule::Unspecified),
        ("[::1]", Rule::Loopback),
        ("[fd12:3456::1]", Rule::Private),
        ("[fd00:ec2::254]", Rule::Metadata),
        ("[fe80::1]", Rule::LinkLocal),
        ("[fec0::1]", Rule::Reserved),
        ("[ff02::1]", Rule::Multicast),
    ] {
        assert_eq!(rule(&format!("https://{host}/hook")), Some(kind), "{host}");
    }
}

#[test]
fn non_public_addresses_in_other_notations_are_refused() {
    for (host, kind) in [
        ("2130706433", Rule::Loopback),
        ("0x7f.1", Rule::Loopback),
        ("0177.0.0.1", Rule::Loopback),
        ("127.1", Rule::Loopback),
        ("0", Rule::Unspecified),
        ("0xa9fea9fe", Rule::Metadata),
        ("１２７.0.0.1", Rule::Loopback),
        ("[::ffff:10.0.0.1]", Rule::Private),
        ("[::ffff:a9fe:a9fe]", Rule::Metadata),
        ("[::10.0.0.1]", Rule::Private),
        ("[::ffff:0:10.0.0.1]", Rule::Private),
        ("[64:ff9b::10.0.0.1]", Rule::Private),
        ("[64:ff9b:1::1]", Rule::Reserved),
        ("[2002:a00:1::]", Rule::Private),
        ("[2001::1]", Rule::Reserved),
    ] {
        assert_eq!(rule(&format!("https://{host}/hook")), Some(kind), "{host}");
    }
}

#[test]
fn public_hosts_are_allowed() {
    for host in [
        "hooks.example.com",
        "8.8.8.8",
        "172.32.0.1",
        "100.128.0.1",
        "[2606:4700::1]",
        "[::ffff:8.8.8.8]",
    ] {
        assert_eq!(rule(&format!("https://{host}:8443/hook")), None, "{host}");
    }
}

#[test]
fn plain_http_is_refused_whatever_the_host() {
    let rules = AddressRules {
        allowed_hosts: vec!["10.0.0.1".to_owned()],
        loopback: Loopback::Allowed,
    };

    for host in ["hooks.example.com", "10.0.0.1"] {
        let error = WebhookUrl::parse(&format!("http://{host}/hook"), &rules).unwrap_err();

        assert_eq!(
            error,
            WebhookUrlError::PlainHttp {
                host: host.to_owned()
            }
        );
    }
    assert_eq!(rule("http://[::ffff:10.0.0.1]/"), Some(Rule::Private));
}

#[test]
fn the_embedded_engine_may_reach_loopback_but_no_private_host() {
    let rules = AddressRules {
        loopback: Loopback::Allowed,
        ..AddressRules::default()
    };

    for url in [
        "http://127.0.0.1:9000/hook",
        "http://localhost:9000/hook",
        "http://[::1]/",
        "https://localhost/",
    ] {
        assert!(WebhookUrl::parse(url, &rules).is_ok(), "{url}");
    }
    assert!(WebhookUrl::parse("https://10.0.0.1/hook", &rules).is_err());
}

#[test]
fn a_listed_host_may_have_any_address() {
    let allowed_hosts = ["Hooks.Internal", "10.0.0.7", "fd00::1"]
        .map(str::to_owned)
        .to_vec();
    let rules = AddressRules {
        allowed_hosts,
        loopback: Loopback::Refused,
    };

    for url in [
        "https://hooks.internal/hook",
        "https://10.0.0.7/hook",
        "https://[fd00::1]/hook",
    ] {
        assert!(WebhookUrl::parse(url, &rules).is_ok(), "{url}");
    }
    assert!(WebhookUrl::parse("https://10.0.0.8/hook", &rules).is_err());
    assert_eq!(
        rules.broken_at("hooks.internal", [10, 0, 0, 9].into()),
        None
    );
    assert_eq!(
        rules.broken_at("other.internal", [10, 0, 0, 9].into()),
        Some(Rule::Private)
    );
}

#[test]
fn a_refusal_names_field_host_and_rule_and_not_the_path() {
    assert_snapshot!(refused("https://169.254.169.254/latest?token=s3cret"), @"webhookUrl must not point to a metadata service: `169.254.169.254`; list the host in WEBHOOK_ALLOWED_HOSTS to allow it");
    assert_snapshot!(refused("http://hooks.example.com/s3cret"), @"webhookUrl must be https: `hooks.example.com`");
    assert_snapshot!(refused("https://user:s3cret@hooks.example.com/"), @"webhookUrl must not hold a user name or password: `hooks.example.com`");
    assert_snapshot!(refused("hooks.example.com/s3cret"), @"webhookUrl is not a URL of the form https://host[:port]/path");
    assert_snapshot!(refused("ftp://hooks.example.com/"), @"webhookUrl is not a URL of the form https://host[:port]/path");
}

#[test]
fn a_displayed_webhook_url_hides_its_path() {
    let url = WebhookUrl::parse(
        "https://hooks.example.com:8443/T0/s3cret?key=s3cret",
        &AddressRules::default(),
    )
    .unwrap();

    assert_eq!(
        format!("{url} {url:?}"),
        "https://hooks.example.com:8443 WebhookUrl(https://hooks.example.com:8443)"
    );
    assert_eq!(url.host(), "hooks.example.com");
}

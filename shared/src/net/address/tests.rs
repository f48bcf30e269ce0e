use insta::assert_snapshot;

use super::*;

fn refused(text: &str) -> WebhookUrlError {
    WebhookUrl::parse(text, &AddressRules::default()).expect_err(text)
}

fn refused_kind(text: &str) -> Option<AddressKind> {
    match WebhookUrl::parse(text, &AddressRules::default()) {
        Err(WebhookUrlError::Address { kind, .. }) => Some(kind),
        Err(error) => panic!("{text}: {error}"),
        Ok(_) => None,
    }
}

#[test]
fn addresses_that_are_not_public_are_refused_by_their_kind() {
    for (host, kind) in [
        ("127.0.0.1", AddressKind::Loopback),
        ("127.1.2.3", AddressKind::Loopback),
        ("localhost", AddressKind::Loopback),
        ("LOCALHOST.", AddressKind::Loopback),
        ("hooks.localhost", AddressKind::Loopback),
        ("10.0.0.1", AddressKind::Private),
        ("172.16.0.1", AddressKind::Private),
        ("172.31.255.255", AddressKind::Private),
        ("192.168.1.1", AddressKind::Private),
        ("169.254.1.1", AddressKind::LinkLocal),
        ("169.254.169.254", AddressKind::Metadata),
        ("100.100.100.200", AddressKind::Metadata),
        ("168.63.129.16", AddressKind::Metadata),
        ("100.64.0.1", AddressKind::CarrierGrade),
        ("224.0.0.1", AddressKind::Multicast),
        ("0.0.0.0", AddressKind::Unspecified),
        ("255.255.255.255", AddressKind::Reserved),
        ("198.18.0.1", AddressKind::Reserved),
        ("[::]", AddressKind::Unspecified),
        ("[::1]", AddressKind::Loopback),
        ("[fd12:3456::1]", AddressKind::Private),
        ("[fd00:ec2::254]", AddressKind::Metadata),
        ("[fe80::1]", AddressKind::LinkLocal),
        ("[fec0::1]", AddressKind::Reserved),
        ("[ff02::1]", AddressKind::Multicast),
    ] {
        assert_eq!(
            refused_kind(&format!("https://{host}/hook")),
            Some(kind),
            "{host}"
        );
    }
}

#[test]
fn non_public_addresses_in_other_notations_are_refused() {
    for (host, kind) in [
        ("2130706433", AddressKind::Loopback),
        ("0x7f.1", AddressKind::Loopback),
        ("0177.0.0.1", AddressKind::Loopback),
        ("127.1", AddressKind::Loopback),
        ("0", AddressKind::Unspecified),
        ("0xa9fea9fe", AddressKind::Metadata),
        ("１２７.0.0.1", AddressKind::Loopback),
        ("[::ffff:10.0.0.1]", AddressKind::Private),
        ("[::ffff:a9fe:a9fe]", AddressKind::Metadata),
        ("[::10.0.0.1]", AddressKind::Private),
        ("[::ffff:0:10.0.0.1]", AddressKind::Private),
        ("[64:ff9b::10.0.0.1]", AddressKind::Private),
        ("[64:ff9b:1::1]", AddressKind::Reserved),
        ("[2002:a00:1::]", AddressKind::Private),
        ("[2001::1]", AddressKind::Reserved),
    ] {
        assert_eq!(
            refused_kind(&format!("https://{host}/hook")),
            Some(kind),
            "{host}"
        );
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
        assert_eq!(
            refused_kind(&format!("https://{host}:8443/hook")),
            None,
            "{host}"
        );
    }
}

#[test]
fn plain_http_is_refused_whatever_the_host() {
    let rules = AddressRules {
        allowed_hosts: vec!["10.0.0.1".to_owned()],
        loopback: Loopback::Allowed,
        ..AddressRules::default()
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
    assert_eq!(
        refused_kind("http://[::ffff:10.0.0.1]/"),
        Some(AddressKind::Private)
    );
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
        ..AddressRules::default()
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
        rules.forbidden_kind_at("hooks.internal", [10, 0, 0, 9].into()),
        None
    );
    assert_eq!(
        rules.forbidden_kind_at("other.internal", [10, 0, 0, 9].into()),
        Some(AddressKind::Private)
    );
}

#[test]
fn only_listed_receivers_are_allowed_if_a_list_is_set() {
    let rules = |hosts: &[&str]| AddressRules {
        allowed_hosts: vec!["10.0.0.7".to_owned()],
        receivers: Receivers::Only(hosts.iter().map(ToString::to_string).collect()),
        ..AddressRules::default()
    };
    let host_of = |url: &str| WebhookUrl::parse(url, &rules(&["Lake.example", "10.0.0.7"]));

    for url in [
        "https://lake.example./hook",
        "https://LAKE.example:8443/",
        "https://10.0.0.7/hook",
    ] {
        assert!(host_of(url).is_ok(), "{url}");
    }
    for host in ["collector.example", "lake.example.evil", "10.0.0.8"] {
        assert!(host_of(&format!("https://{host}/hook")).is_err(), "{host}");
    }
    assert!(WebhookUrl::parse("https://lake.example/", &rules(&[])).is_err());
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

use super::*;

const FILE: &str = "/api/v2/downloads/7";

/// A client that may fetch files from all hosts on this machine.
async fn setup() -> Setup {
    Setup::with(
        |settings| settings.file_hosts = vec!["127.0.0.1".to_owned()],
        [Scripted::token("t0ken-1", 86_400)],
        [],
    )
    .await
}

async fn fetch_file(setup: &Setup, address: &Url) -> Result<Vec<u8>, ApiError> {
    let call = Call::fetch(address.clone()).with_reply_limit(100);
    let reply = setup
        .client
        .call(&call, Deadline::NONE, |bytes| Ok(bytes.to_vec()))
        .await;
    reply.map(|reply| reply.value)
}

#[tokio::test]
async fn the_token_is_sent_to_the_api_but_not_to_a_redirect_target() {
    let setup = setup().await;
    let other_host = Loopback::start().await;
    let target = other_host.url.join(FILE).unwrap();
    let redirect = Scripted::new(303, "").header("Location", target.as_str());
    setup.server.script(FILE, [redirect]);
    other_host.script(FILE, [Scripted::new(200, "bytes")]);
    let address = setup
        .server
        .url
        .join("/api/v2/downloads/7?key=s3cret")
        .unwrap();

    let bytes = fetch_file(&setup, &address).await.unwrap();

    assert_eq!(bytes, b"bytes");
    let api_request = &setup.server.seen(FILE)[0];
    assert_eq!(api_request.headers["authorization"], "Bearer t0ken-1");
    assert_eq!(api_request.target, "/api/v2/downloads/7?key=s3cret");
    let redirected_request = &other_host.seen(FILE)[0];
    assert!(!redirected_request.headers.contains_key("authorization"));
    assert!(
        !redirected_request.headers.contains_key("referer"),
        "only this client has the key"
    );
}

#[tokio::test]
async fn other_hosts_get_no_token_and_errors_hide_the_query() {
    let setup = setup().await;
    let other_host = Loopback::start().await;
    other_host.script(FILE, [Scripted::new(404, "")]);
    let address = other_host
        .url
        .join("/api/v2/downloads/7?key=s3cret")
        .unwrap();

    let error = fetch_file(&setup, &address).await.unwrap_err();

    assert_eq!(error.status(), Some(404));
    assert_snapshot!(error, @"a file of 127.0.0.1 returned 404");
    assert!(
        !other_host.seen(FILE)[0]
            .headers
            .contains_key("authorization")
    );
    assert_eq!(setup.server.hits(LOGIN), 0);
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_not_followed() {
    for target in [
        "http://10.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/x",
        "http://example.com/x",
        // Public, but not listed.
        "https://example.com/x",
        "https://api.mypurecloud.de.example.com/api/v2/downloads/7",
        "https://storage.example.net/mary.pdf",
        "https://mary:pw@example.com/x",
        "ftp://example.com/x",
    ] {
        let setup = setup().await;
        let redirect = Scripted::new(302, "").header("Location", target);
        setup.server.script(FILE, [redirect]);
        let address = setup.server.url.join(FILE).unwrap();

        let error = fetch_file(&setup, &address).await.unwrap_err();

        assert_eq!(error.status(), Some(302), "{target}");
        assert_eq!(setup.server.hits(FILE), 1);
    }
}

#[tokio::test]
async fn only_the_route_for_downloads_gets_the_token() {
    for (address, path) in [
        ("/api/v2/users/me", "/api/v2/users/me"),
        ("/api/v2/downloads", "/api/v2/downloads"),
        ("/api/v2/downloads/", "/api/v2/downloads/"),
        ("/api/v2/downloads/7/x", "/api/v2/downloads/7/x"),
        ("/api/v2/downloads/../users/me", "/api/v2/users/me"),
        ("/api/v2/downloads/%2e%2e/users/me", "/api/v2/users/me"),
        ("/api/v2/downloads/7%2Fx", "/api/v2/downloads/7%2Fx"),
        ("/files/7", "/files/7"),
    ] {
        let setup = setup().await;
        setup.server.script(path, [Scripted::new(200, "bytes")]);
        let address = setup.server.url.join(address).unwrap();

        fetch_file(&setup, &address).await.unwrap();

        let seen = &setup.server.seen(path)[0];
        assert!(!seen.headers.contains_key("authorization"), "{address}");
        assert_eq!(setup.server.hits(LOGIN), 0, "{address}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_path_of_the_api_loses_the_token() {
    for path in ["/api/v2/users/me", "/media/7", "/"] {
        let setup = setup().await;
        setup
            .server
            .script(FILE, [Scripted::new(303, "").header("Location", path)]);
        setup.server.script(path, [Scripted::new(200, "bytes")]);
        let address = setup.server.url.join(FILE).unwrap();

        let bytes = fetch_file(&setup, &address).await.unwrap();

        assert_eq!(bytes, b"bytes");
        assert!(
            setup.server.seen(FILE)[0]
                .headers
                .contains_key("authorization")
        );
        let redirected = &setup.server.seen(path)[0];
        assert!(!redirected.headers.contains_key("authorization"), "{path}");
    }
}

#[tokio::test]
async fn a_name_of_a_forbidden_address_is_refused_for_good() {
    let setup = Setup::with(
        |settings| {
            settings.endpoints = Endpoints::new(
                None,
                Some("https://api.example.com"),
                Some("https://login.example.com"),
            )
            .unwrap();
        },
        [],
        [],
    )
    .await;
    // Resolves to this machine (RFC 6761), which only a listed host may be.
    let address = Url::parse("https://localhost/7").unwrap();

    let error = fetch_file(&setup, &address).await.unwrap_err();

    assert!(!error.is_transient(), "{error}");
    assert_snapshot!(error, @"a file of localhost is not fetched: the host's name resolves to this machine");
}

#[tokio::test]
async fn redirects_are_followed_at_most_three_times() {
    let setup = setup().await;
    let address = setup.server.url.join(FILE).unwrap();
    let redirect = Scripted::new(302, "").header("Location", address.as_str());
    setup.server.script(FILE, [redirect]);

    let error = fetch_file(&setup, &address).await.unwrap_err();

    assert_eq!(error.status(), Some(302));
    assert_eq!(setup.server.hits(FILE), 4);
}

#[tokio::test]
async fn a_401_or_429_of_another_host_does_not_affect_calls_to_the_api() {
    let setup = Setup::with(
        |settings| settings.file_hosts = vec!["127.0.0.1".to_owned()],
        [Scripted::token("t0ken-1", 86_400)],
        [ok()],
    )
    .await;
    let other_host = Loopback::start().await;
    let target = other_host.url.join(FILE).unwrap();
    let redirect = Scripted::new(303, "").header("Location", target.as_str());
    setup.server.script(FILE, [redirect]);
    let address = setup.server.url.join(FILE).unwrap();

    for status in [401, 403] {
        other_host.script(FILE, [Scripted::new(status, "")]);
        let error = fetch_file(&setup, &address).await.unwrap_err();
        assert_eq!(error.status(), Some(status));
    }
    other_host.script(FILE, [Scripted::new(429, "").header("Retry-After", "600")]);
    fetch_file(&setup, &address).await.unwrap_err();

    assert_eq!(setup.server.hits(LOGIN), 1, "the token is still good");
    setup.get().await.unwrap();
    assert_eq!(setup.waited(), Duration::ZERO, "no request is delayed");
}

#[tokio::test]
async fn a_file_over_the_size_limit_is_refused() {
    let setup = setup().await;
    setup
        .server
        .script(FILE, [Scripted::new(200, "x".repeat(101))]);
    let address = setup.server.url.join(FILE).unwrap();

    let error = fetch_file(&setup, &address).await.unwrap_err();

    assert!(matches!(error, ApiError::TooLarge { limit: 100, .. }));
}

#[test]
fn files_are_fetched_only_from_the_api_domain_and_listed_hosts() {
    let endpoints = Endpoints::new(
        None,
        Some("https://api.mypurecloud.de"),
        Some("https://login.mypurecloud.de"),
    );
    let mut settings = ClientSettings::new(endpoints.unwrap());
    settings.file_hosts = vec!["cdn.example.com".to_owned()];
    let is_allowed = |address: &str| {
        let url = Url::parse(address).unwrap();
        crate::genesys::client::files::is_allowed(FileKind::Attachment, &url, &settings)
    };

    for address in [
        "https://api.mypurecloud.de/api/v2/downloads/1",
        "https://apps.mypurecloud.de/1",
        "https://cdn.example.com/1",
        "https://eu.cdn.example.com/1",
    ] {
        assert!(is_allowed(address), "{address}");
    }
    for address in [
        "http://apps.mypurecloud.de/1",
        "https://evilmypurecloud.de/1",
        "https://example.com/1",
        "https://user@apps.mypurecloud.de/1",
        "https://user:pw@api.mypurecloud.de/api/v2/downloads/1",
        "https://169.254.169.254/latest",
        "http://127.0.0.1/1",
        "file:///etc/passwd",
    ] {
        assert!(!is_allowed(address), "{address}");
    }
}

#[test]
fn transcripts_come_from_s3_and_attachments_do_not() {
    let host = |prefix: &str| format!("https://{prefix}.mypurecloud.de");
    let endpoints = Endpoints::new(None, Some(&host("api")), Some(&host("login")));
    let settings = ClientSettings::new(endpoints.unwrap());
    let is_allowed = |kind, address: &str| {
        let url = Url::parse(address).unwrap();
        crate::genesys::client::files::is_allowed(kind, &url, &settings)
    };

    for host in [
        "transcripts.s3.amazonaws.com",
        "dev.transcripts.s3.eu-central-1.amazonaws.com",
        "transcripts.s3.dualstack.eu-west-2.amazonaws.com",
        "transcripts.s3-eu-west-1.amazonaws.com",
        "s3.us-gov-east-1.amazonaws.com",
        "transcripts.s3.cn-north-1.amazonaws.com.cn",
        "files.mypurecloud.de",
    ] {
        let address = format!("https://{host}/key?X-Amz-Signature=x");
        assert!(is_allowed(FileKind::Transcript, &address), "{host}");
    }
    for address in [
        "https://ec2-198-51-100-7.eu-central-1.compute.amazonaws.com/x",
        "https://s3.execute-api.eu-central-1.amazonaws.com/x",
        "https://abc.execute-api.eu-central-1.amazonaws.com/x",
        "https://s3.example.com/x",
        "https://s3.amazonaws.com.example.com/x",
        "https://s3amazonaws.com/x",
        "http://transcripts.s3.amazonaws.com/x",
        "https://user@transcripts.s3.amazonaws.com/x",
        "https://169.254.169.254/latest",
        "http://127.0.0.1/x",
    ] {
        assert!(!is_allowed(FileKind::Transcript, address), "{address}");
    }
    let bucket = "https://transcripts.s3.amazonaws.com/x";
    assert!(!is_allowed(FileKind::Attachment, bucket));
}

#[tokio::test]
async fn the_download_of_a_transcript_carries_no_token_even_to_the_api() {
    let setup = setup().await;
    setup.server.script(FILE, [Scripted::new(200, "bytes")]);
    let call = Call::fetch_transcript(setup.server.url.join(FILE).unwrap());

    let reply = setup
        .client
        .call(&call, Deadline::NONE, |bytes| Ok(bytes.to_vec()));

    assert_eq!(reply.await.unwrap().value, b"bytes");
    let request = &setup.server.seen(FILE)[0];
    assert!(!request.headers.contains_key("authorization"));
}

/// Fetches a file of this machine by a name that only `TRANSCRIPT_HOSTS` lists, with the client of this kind of file.
async fn fetch_from_listed_transcript_host(kind: FileKind) -> Result<reqwest::StatusCode, String> {
    let host = Loopback::start().await;
    host.script(FILE, [Scripted::new(200, "bytes")]);
    let endpoints = Endpoints::new(
        None,
        Some("https://api.mypurecloud.de"),
        Some("https://login.mypurecloud.de"),
    );
    let mut settings = ClientSettings::new(endpoints.unwrap());
    settings.transcript_hosts = vec!["localhost".to_owned()];
    let clients = FileClients::default();
    let mut address = host.url.join(FILE).unwrap();
    address.set_host(Some("localhost")).unwrap();

    let http = clients.get(kind, &settings).unwrap();
    let response = http.get(address).send().await;

    let refusal = |error| format!("{:?}", crate::net::forbidden_kind(&error));
    response.map(|response| response.status()).map_err(refusal)
}

#[tokio::test]
async fn an_internal_host_of_transcripts_serves_no_attachment() {
    let of = fetch_from_listed_transcript_host;

    let transcript = of(FileKind::Transcript).await;
    let attachment = of(FileKind::Attachment).await;

    assert_eq!(transcript, Ok(reqwest::StatusCode::OK));
    assert_eq!(attachment, Err("Some(Loopback)".to_owned()));
}

//! Stores that refuse S3's checksums.

use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};

use super::*;

/// The store's client with these checksum settings of the SDK.
fn with_checksums(
    fake: &FakeAws,
    calculation: RequestChecksumCalculation,
    validation: ResponseChecksumValidation,
) -> S3Store {
    let config = sdk_config(fake).into_builder();
    let config = config
        .request_checksum_calculation(calculation)
        .response_checksum_validation(validation);
    let clients = AwsClients::new(
        config.build(),
        AwsSettings {
            force_path_style: true,
        },
    );
    S3Store {
        client: clients.s3(),
        ..store(fake, None)
    }
}

#[tokio::test]
async fn checksums_are_omitted_if_set_to_when_required() {
    let fake = FakeAws::start(|_| Reply::ok("")).await;
    let store = with_checksums(
        &fake,
        RequestChecksumCalculation::WhenRequired,
        ResponseChecksumValidation::WhenRequired,
    );

    store.create(object()).await.unwrap();
    store.replace(object()).await.unwrap();
    store.get("k").await.unwrap();
    store.delete("k").await.unwrap();

    let is_of_checksums = |name: &str| {
        ["checksum", "trailer"]
            .iter()
            .any(|word| name.contains(word))
    };
    for request in fake.requests() {
        let sent: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, value)| is_of_checksums(name) || value.contains("aws-chunked"))
            .collect();
        assert!(sent.is_empty(), "{} {sent:?}", request.method);
    }
    assert_eq!(fake.requests()[0].header("if-none-match"), Some("*"));
    assert_eq!(fake.requests()[0].body, b"hello");
}

#[tokio::test]
async fn the_error_of_a_store_without_checksums_names_the_setting() {
    let refusals: [fn() -> Reply; 4] = [
        || Reply::s3_error(501, "NotImplemented"),
        || Reply::s3_error(400, "InvalidArgument"),
        || Reply::s3_error(400, "XAmzContentSHA256Mismatch"),
        || Reply::status(400),
    ];
    let mut messages = Vec::new();
    for refusal in refusals {
        let fake = FakeAws::with_replies([refusal]).await;
        let store = store(&fake, None);
        let errors = [
            store.create(object()).await.unwrap_err(),
            store.replace(object()).await.unwrap_err(),
            store.get("k").await.unwrap_err(),
        ];
        assert!(errors.iter().all(|error| !error.is_transient()));
        messages.extend(errors.map(|error| format!("{:#}", anyhow::Error::from(error))));
    }

    for (number, text) in messages.iter().enumerate() {
        let setting = if number % 3 == 2 {
            "AWS_RESPONSE_CHECKSUM_VALIDATION=when_required"
        } else {
            "AWS_REQUEST_CHECKSUM_CALCULATION=when_required"
        };
        assert!(text.ends_with(setting), "{text}");
    }
}

#[tokio::test]
async fn a_setting_already_in_effect_is_not_suggested() {
    let fake =
        FakeAws::with_replies([(|| Reply::s3_error(501, "NotImplemented")) as fn() -> Reply]).await;
    let store = with_checksums(
        &fake,
        RequestChecksumCalculation::WhenRequired,
        ResponseChecksumValidation::WhenRequired,
    );

    let create = store.create(object()).await.unwrap_err();
    let replace = store.replace(object()).await.unwrap_err();

    let messages = [create, replace].map(|error| format!("{:#}", anyhow::Error::from(error)));
    insta::assert_snapshot!(messages.join("\n"), @"
    cannot create exports/e/page.ndjson.gz: S3 returned NotImplemented: as scripted; the store does not implement conditional writes (If-None-Match), which exports rely on; use one that does
    cannot replace exports/e/page.ndjson.gz: S3 returned NotImplemented: as scripted
    ");
}

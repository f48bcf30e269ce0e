use std::io::Write as _;

use flate2::Compression as Level;
use flate2::write::GzEncoder;

use super::*;

fn compressed(body: &str) -> Scripted {
    let mut member = GzEncoder::new(Vec::new(), Level::default());
    member.write_all(body.as_bytes()).unwrap();
    Scripted::new(200, member.finish().unwrap()).header("Content-Encoding", "gzip")
}

async fn setup_with_compression(responses: impl IntoIterator<Item = Scripted>) -> Setup {
    let adjust = |settings: &mut ClientSettings| {
        settings.compression = Compression::Requested;
        settings.body_limit_bytes = 1000;
    };
    Setup::with(adjust, [Scripted::token("t", 600)], responses).await
}

#[tokio::test]
async fn a_compressed_reply_is_requested_and_decoded() {
    let setup = setup_with_compression([compressed(r#"{"jobId":"j1"}"#)]).await;

    let reply = setup.get().await.unwrap();

    assert_eq!(reply.value["jobId"], "j1");
    assert_eq!(reply.bytes_in, 14);
    let seen = &setup.server.seen(JOBS)[0];
    assert_eq!(seen.headers["accept-encoding"], "gzip");
}

#[tokio::test]
async fn an_uncompressed_reply_is_read_too() {
    let setup = setup_with_compression([ok()]).await;

    assert_eq!(setup.get().await.unwrap().value["jobId"], "j1");
}

#[tokio::test]
async fn the_size_limit_applies_after_decompression() {
    let setup = setup_with_compression([compressed(&format!("\"{}\"", "x".repeat(999)))]).await;

    let error = setup.get().await.unwrap_err();

    assert!(
        matches!(error, ApiError::TooLarge { limit: 1000, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_truncated_or_invalid_compressed_reply_is_retried() {
    let whole = compressed(r#"{"jobId":"j1"}"#);
    let plain = ok().header("Content-Encoding", "gzip");
    let setup = setup_with_compression([whole.clone().cut_off(), plain, whole]).await;

    let reply = setup.get().await.unwrap();

    assert_eq!(
        (reply.value["jobId"].as_str(), reply.tries),
        (Some("j1"), 3)
    );
}

#[tokio::test]
async fn no_compression_is_requested_from_loopback_by_default() {
    let setup = Setup::new([ok()]).await;

    setup.get().await.unwrap();

    assert!(
        !setup.server.seen(JOBS)[0]
            .headers
            .contains_key("accept-encoding")
    );
}

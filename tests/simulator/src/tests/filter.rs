//! Responses that a test replaces before they are sent.

use super::faults::AVAILABILITY;
use super::*;
use crate::{ApiResponse as Sent, ResponseFilter, Route, ServedRequest};

async fn world_with_filter(
    change: impl Fn(&ServedRequest<'_>, Sent) -> Sent + Send + Sync + 'static,
) -> World {
    let world = World::new(small_settings()).await;
    let filter: ResponseFilter = Arc::new(change);
    world
        .simulator
        .update(|settings| settings.response_filter = Some(filter));
    world
}

#[tokio::test]
async fn a_filter_sees_request_and_response_and_replaces_the_response() {
    let world = world_with_filter(|request, response| {
        assert_eq!(response.status, 200);
        let request_text = format!(
            "{} {} {} {:?} {}",
            request.route,
            request.method,
            request.path,
            request.query,
            String::from_utf8_lossy(request.body),
        );
        Sent {
            status: 425,
            headers: vec![("retry-after", "soon".to_owned())],
            body: request_text.into(),
            content_length: None,
        }
    })
    .await;

    let path = "api/v2/analytics/conversations/details/query?x=a%20b";
    let response = world.post(path, &json!({ "interval": INTERVAL })).await;

    assert_eq!(
        (response.status, response.header("retry-after")),
        (425, "soon")
    );
    assert_eq!(
        response.text(),
        format!(
            "details-query POST /{} [(\"x\", \"a b\")] {{\"interval\":\"{INTERVAL}\"}}",
            path.trim_end_matches("?x=a%20b")
        )
    );
}

#[tokio::test]
async fn a_filter_can_be_removed_while_the_simulator_runs() {
    let world = world_with_filter(|request, response| Sent {
        status: if request.route == Route::Availability {
            599
        } else {
            response.status
        },
        ..response
    })
    .await;

    let filtered = world.get(AVAILABILITY).await.status;
    world
        .simulator
        .update(|settings| settings.response_filter = None);
    let healed = world.get(AVAILABILITY).await.status;

    assert_eq!((filtered, healed), (599, 200));
}

#[tokio::test]
async fn too_large_a_content_length_is_an_error_and_a_small_one_truncates() {
    for (difference, is_whole) in [(1, false), (-1, true)] {
        let world = world_with_filter(move |_, response| Sent {
            content_length: response.body.len().checked_add_signed(difference),
            ..response
        })
        .await;

        let response = world.try_get(AVAILABILITY).await;

        assert_eq!(response.is_ok(), is_whole, "{difference}");
        if let Ok(response) = response {
            assert!(serde_json::from_slice::<Value>(&response.body).is_err());
        }
    }
}

//! The selection of a job's conversations.

use super::*;

#[tokio::test]
async fn a_missing_or_invalid_interval_is_refused() {
    let world = World::new(Settings {
        job_interval_max: Some(Duration::from_hours(48)),
        ..small_settings()
    })
    .await;

    let refused = [
        json!({}),
        json!({ "interval": "2026-03-01T00:00:00Z" }),
        json!({ "interval": "yesterday/today" }),
        json!({ "interval": "2026-03-02T00:00:00Z/2026-03-01T00:00:00Z" }),
        json!({ "interval": "2026-03-01T00:00:00Z/2026-03-01T00:00:00Z" }),
        json!({ "interval": "2026-03-01T00:00:00Z/2026-03-04T00:00:00Z" }),
    ];

    for body in refused {
        assert_eq!(world.post(JOBS, &body).await.status, 400, "{body}");
    }
    assert_eq!(world.simulator.stats().jobs_submitted, 0);
}

#[tokio::test]
async fn unsupported_filters_are_refused_even_for_an_empty_interval() {
    let world = World::new(small_settings()).await;
    let nothing = "2020-01-01T00:00:00Z/2020-01-02T00:00:00Z";
    let filtered = |kind: &str, predicate: Value| json!({ "interval": nothing, kind: [{ "type": "and", "predicates": [predicate] }] });

    let refused = [
        filtered(
            "segmentFilters",
            json!({ "dimension": "shoeSize", "value": "47" }),
        ),
        filtered(
            "conversationFilters",
            json!({ "dimension": "mediaType", "value": "voice" }),
        ),
        filtered("segmentFilters", json!({ "dimension": "mediaType" })),
        filtered(
            "segmentFilters",
            json!({ "type": "metric", "metric": "tTalk", "range": { "gt": 5 } }),
        ),
        // Ignoring the range beside a value would return wrong results.
        filtered(
            "segmentFilters",
            json!({ "dimension": "mediaType", "value": "voice", "range": { "gt": 5 } }),
        ),
        filtered(
            "segmentFilters",
            json!({ "dimension": "mediaType", "value": "voice", "metric": "tTalk" }),
        ),
        filtered(
            "conversationFilters",
            json!({ "dimension": "divisionId", "value": "x", "property": "p", "propertyType": "string" }),
        ),
        json!({ "interval": nothing, "segmentFilters": [{ "type": "and", "predicate": [] }] }),
        filtered(
            "evaluationFilters",
            json!({ "dimension": "evaluationId", "operator": "exists" }),
        ),
        filtered(
            "surveyFilters",
            json!({ "dimension": "surveyId", "operator": "exists" }),
        ),
        filtered(
            "resolutionFilters",
            json!({ "dimension": "resolutionId", "operator": "exists" }),
        ),
    ];

    for body in refused {
        assert_eq!(world.post(JOBS, &body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_job_past_the_watermark_is_silently_partial() {
    let watermark = Watermark::CatchesUp {
        at: time("2026-03-05T13:00:00Z"),
        from: time("2026-03-02T00:00:00Z"),
        to: time("2026-03-04T00:00:00Z"),
    };
    let world = World::new(Settings {
        watermark,
        ..small_settings()
    })
    .await;

    let partial = world.ids_in(INTERVAL).await;
    let availability = world.get(&format!("{JOBS}/availability")).await.json();
    world.advance_clock(Duration::from_hours(1));
    let complete = world.ids_in(INTERVAL).await;

    assert_eq!(availability["dataAvailabilityDate"], "2026-03-02T00:00:00Z");
    assert!(!partial.is_empty() && partial.len() < complete.len());
    assert_eq!(complete.len(), world.simulator.truth().conversations.len());
}

#[tokio::test]
async fn filters_narrow_a_job() {
    let world = World::new(small_settings()).await;
    let all = world.ids_in(INTERVAL).await;
    let predicate = |dimension: &str, value: &str| json!({ "type": "dimension", "dimension": dimension, "operator": "matches", "value": value });
    let ids_of = async |kind: &str, combination: &str, predicates: Vec<Value>| {
        let id = world.finish_job(&json!({ "interval": INTERVAL, kind: [{ "type": combination, "predicates": predicates }] })).await;
        world.read_all(&id, 1000).await.len()
    };

    let voice = ids_of(
        "segmentFilters",
        "and",
        vec![predicate("mediaType", "voice")],
    )
    .await;
    let web = ids_of(
        "segmentFilters",
        "and",
        vec![
            predicate("mediaType", "message"),
            predicate("messageType", "webmessaging"),
        ],
    )
    .await;
    let either = ids_of(
        "segmentFilters",
        "or",
        vec![
            predicate("mediaType", "voice"),
            predicate("messageType", "webmessaging"),
        ],
    )
    .await;
    let neither = ids_of(
        "segmentFilters",
        "and",
        vec![
            predicate("mediaType", "voice"),
            predicate("messageType", "webmessaging"),
        ],
    )
    .await;
    let two = ids_of(
        "conversationFilters",
        "or",
        vec![
            predicate("conversationId", &all[3]),
            predicate("conversationId", &all[8]),
        ],
    )
    .await;

    assert!(voice > 0 && web > 0 && voice + web < all.len());
    assert_eq!((either, neither, two), (voice + web, 0, 2));
}

#[tokio::test]
async fn a_filter_on_a_queue_finds_the_conversations_that_waited_there() {
    let world = World::new(small_settings()).await;
    let truth = world.simulator.truth().conversations;
    let first: Value = serde_json::from_str(&truth[0].json).unwrap();
    let acd = first["participants"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["purpose"] == "acd")
        .unwrap();
    let queue = acd["sessions"][0]["segments"][0]["queueId"]
        .as_str()
        .unwrap()
        .to_owned();
    let filter =
        json!([{ "type": "or", "predicates": [{ "dimension": "queueId", "value": queue }] }]);

    let id = world
        .finish_job(&json!({ "interval": INTERVAL, "segmentFilters": filter }))
        .await;

    let waited: Vec<_> = truth
        .iter()
        .filter(|it| it.json.contains(&queue))
        .map(|it| it.id.clone())
        .collect();
    assert_eq!(world.read_all(&id, 1000).await, waited);
}

#[tokio::test]
async fn start_of_day_matching_excludes_conversations_of_earlier_days() {
    let world = World::new(small_settings()).await;

    let id = world.finish_job(&json!({ "interval": "2026-03-01T06:00:00Z/2026-03-03T00:00:00Z", "startOfDayIntervalMatching": true })).await;

    let ids = world.read_all(&id, 1000).await;
    let truth = world.simulator.truth().conversations;
    let old: Vec<_> = truth
        .iter()
        .filter(|it| it.start < time("2026-03-01T00:00:00Z"))
        .collect();
    assert!(!old.is_empty() && old.iter().all(|it| !ids.contains(&it.id)));
}

#[tokio::test]
async fn a_job_holds_every_conversation_that_starts_in_its_half_open_interval() {
    let world = World::new(Settings {
        conversations: 400,
        ..small_settings()
    })
    .await;
    let truth = world.simulator.truth().conversations;

    for (from, to) in [
        ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"),
        ("2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"),
        ("2026-03-01T23:00:00Z", "2026-03-02T00:00:00Z"),
    ] {
        let ids = world.ids_in(&format!("{from}/{to}")).await;
        let starting: Vec<_> = truth
            .iter()
            .filter(|it| time(from) <= it.start && it.start < time(to))
            .collect();
        assert!(starting.len() > 3 && starting.iter().all(|it| ids.contains(&it.id)));
        assert!(ids.len() > starting.len(), "others were active too");
    }
}

#[tokio::test]
async fn a_conversation_is_returned_only_by_intervals_of_its_activity() {
    let world = World::new(Settings {
        conversations: 400,
        ..small_settings()
    })
    .await;
    let truth = world.simulator.truth().conversations;
    let returns = truth.iter().find(|it| it.active.len() > 1).unwrap();
    let (silence, again) = (returns.active[0].1.unwrap(), returns.active[1].0);
    let hour = Duration::from_hours(1);

    let idle = world
        .ids_in(&format!(
            "{}/{}",
            silence.checked_add(hour).unwrap(),
            again.checked_sub(hour).unwrap()
        ))
        .await;
    let active = world
        .ids_in(&format!("{}/{}", again, again.checked_add(hour).unwrap()))
        .await;

    assert!(!idle.contains(&returns.id) && active.contains(&returns.id));
}

#[tokio::test]
async fn both_ends_of_a_job_interval_count_as_activity() {
    let world = World::new(small_settings()).await;
    let truth = world.simulator.truth().conversations;
    let ended = truth
        .iter()
        .find(|it| it.active.len() == 1 && it.active[0].1.is_some())
        .unwrap();
    let (start, end) = (ended.start, ended.active[0].1.unwrap());
    let moment = Duration::from_millis(1);

    let from_its_end = world
        .ids_in(&format!("{end}/{}", end.checked_add(moment).unwrap()))
        .await;
    let to_its_start = world
        .ids_in(&format!("{}/{start}", start.checked_sub(moment).unwrap()))
        .await;
    let later = world
        .ids_in(&format!(
            "{}/{}",
            end.checked_add(moment).unwrap(),
            end.checked_add(2 * moment).unwrap()
        ))
        .await;

    assert!(from_its_end.contains(&ended.id) && to_its_start.contains(&ended.id));
    assert!(!later.contains(&ended.id));
}

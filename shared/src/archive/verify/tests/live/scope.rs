//! Streams and days in scope.

use super::super::edits::{Concealment, with_edit};
use super::world::chains;
use super::*;

fn days(from: Option<&str>, until: Option<&str>) -> LiveScope {
    let day = |text: &str| format!("2026-03-{text}").parse().unwrap();
    LiveScope {
        stream: None,
        days: DayRange {
            from: from.map(day),
            until: until.map(day),
        },
    }
}

#[tokio::test]
async fn only_the_stream_in_scope_is_checked() {
    let scope = |name: &str| LiveScope {
        stream: Some(name.parse().unwrap()),
        ..LiveScope::default()
    };
    let mut objects = eventful().await;
    for body in objects
        .iter_mut()
        .filter(|(key, _)| key.starts_with("live/events/dt="))
    {
        *body.1 = "damaged".into();
    }

    let queues = verified_in(objects.clone(), &scope("queues"))
        .await
        .unwrap();
    let none = verified_in(objects.clone(), &scope("users")).await.unwrap();

    assert_eq!(queues.streams.len(), 1);
    assert_eq!(queues.streams[0].frames, 1);
    assert!(none.streams.is_empty());
    live_damage(verified_in(objects, &scope("events")).await);
}

#[tokio::test]
async fn days_out_of_scope_are_not_read() {
    let objects = eventful().await;
    let without = |day: &str| {
        let mut objects = objects.clone();
        let prefix = format!("live/events/dt=2026-03-{day}");
        objects.retain(|key, _| !key.starts_with(&prefix));
        objects
    };

    let later = verified_in(without("02"), &days(Some("03"), None)).await;
    let earlier = verified_in(without("04"), &days(None, Some("03"))).await;
    let between = verified_in(objects.clone(), &days(Some("03"), Some("03"))).await;

    let [later, earlier, between] =
        [later, earlier, between].map(|it| it.unwrap().streams.remove(0));
    assert_eq!((later.days, later.records, later.sealed_days), (2, 7, 1));
    assert_eq!(
        (earlier.days, earlier.records, earlier.sealed_days),
        (2, 5, 2)
    );
    assert_eq!(
        (between.days, between.records, between.sealed_days),
        (1, 4, 1)
    );
    assert_eq!((between.open_gaps.len(), between.closed_gaps.len()), (2, 1));
    assert_eq!(earlier.unsealed_days, []);
}

#[tokio::test]
async fn with_days_in_scope_a_record_before_them_may_be_missing_and_no_other() {
    let mut objects = eventful().await;
    let chain = chains(&objects).remove(0);
    objects.remove(&chain[0]);

    let from_third = verified_in(objects.clone(), &days(Some("03"), None)).await;
    let all = verified_live(objects).await;

    assert!(from_third.is_ok(), "{from_third:?}");
    assert_eq!(live_damage(all).key, chain[0]);
}

#[tokio::test]
async fn the_comparison_of_a_day_needs_the_next_day_in_scope() {
    let objects = eventful().await;
    let seal = "live/events/days/2026-03-03.json";
    let objects = with_edit(&objects, seal, Concealment::Reseal, |seal| {
        seal["unheard"] = 1.into();
    });

    let until_third = verified_in(objects.clone(), &days(None, Some("03"))).await;
    let from_third = verified_in(objects, &days(Some("03"), None)).await;

    assert!(until_third.is_ok(), "{until_third:?}");
    assert_eq!(live_damage(from_third).key, seal);
}

//! Where a process can be suspended.

use std::collections::BTreeSet;

use conversation_archive::storage::queue::Queue;
use end_to_end::seams::Steps;
use end_to_end::world::{organisation, start_job};

#[tokio::test]
async fn a_handler_is_suspended_before_each_of_its_requests() {
    let (mut world, _) = start_job(organisation(7, 4), r#","slices":1"#).await;
    let delivery = world.receive_from(&[Queue::Pages]);
    let delivery = delivery.expect("the first page message");

    // Numbers of requests that the API had answered when the process was suspended: after the login, a submission, and
    // so on.
    let mut request_counts = BTreeSet::new();
    for step in 0.. {
        let before = world.simulator.stats().total_requests();
        let invocation = world.invocation();
        let gated = world.gated_process(Steps::suspend_before(step)).await;
        let is_suspended = tokio::select! {
            biased;
            () = gated.steps.wait_until_suspended() => true,
            handled = gated.process.handle(&delivery, &invocation) => handled.is_err(),
        };
        if !is_suspended {
            break;
        }
        request_counts.insert(world.simulator.stats().total_requests() - before);
    }

    assert!(request_counts.len() > 3, "{request_counts:?}");
    assert!(
        request_counts
            .iter()
            .copied()
            .eq(0..request_counts.len() as u64),
        "{request_counts:?}"
    );
}

#[tokio::test]
async fn a_suspended_handler_continues_where_it_was() {
    let (mut world, id) = start_job(organisation(7, 4), r#","slices":1"#).await;
    let delivery = world.receive_from(&[Queue::Pages]);
    let delivery = delivery.expect("the first page message");
    let invocation = world.invocation();
    let gated = world.gated_process(Steps::suspend_before(5)).await;
    let mut handling = Box::pin(gated.process.handle(&delivery, &invocation));
    tokio::select! {
        biased;
        () = gated.steps.wait_until_suspended() => {}
        _ = &mut handling => panic!("it was not suspended"),
    }
    assert_eq!(gated.steps.step_count(), 6);

    gated.steps.release();
    handling.await.expect("handled");
    world.queues.delete(delivery.queue, &delivery.receipt);
    world.run().await;

    assert_eq!(world.manifest(&id).await.content.counts.archived, 4);
}

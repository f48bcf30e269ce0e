//! One wait in a queue and its outcome: answered, not answered and offered to another agent, or abandoned.

use super::cast::{Agent, Queue};
use super::chance::{long_tailed, one_in, pick};
use super::model::{Flow, Segment, Session};
use super::moment::{MINUTE, Moment, SECOND};
use super::scene::Scene;

/// The time range that the visits of a queue share.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    /// Whether the last visit continues after `to`.
    pub(crate) open: bool,
}

/// Most conversations are transferred rarely. A few are transferred again and again; these make the large records.
pub(crate) fn visits(scene: &mut Scene<'_>, span: Span) {
    let count = if one_in(&mut scene.rng, 300) {
        scene.rng.i64(20..60)
    } else {
        long_tailed(&mut scene.rng, 100, 0.6) / 100
    };
    let count = count.clamp(1, 60);
    let part = (span.to.0 - span.from.0) / count;
    for number in 0..count {
        let last = number + 1 == count;
        let from = span.from + number * part;
        let to = if last { span.to } else { from + part };
        visit(
            scene,
            Span {
                from,
                to,
                open: span.open && last,
            },
            last,
        );
    }
}

fn visit(scene: &mut Scene<'_>, span: Span, last: bool) {
    let cast = scene.cast;
    let queue = pick(&mut scene.rng, &cast.queues);
    let abandoned = last && !span.open && one_in(&mut scene.rng, 9);
    if abandoned {
        return wait(scene, queue, None, span.from, span.to);
    }
    let agent = pick(&mut scene.rng, &cast.agents);
    let room = span.to.0 - span.from.0;
    let mut from = span.from;
    if one_in(&mut scene.rng, 10) {
        let missed = pick(&mut scene.rng, &cast.agents);
        from = from + long_tailed(&mut scene.rng, 20 * SECOND, 0.4).min(room / 4);
        wait(scene, queue, Some(missed), span.from, from);
        not_answered(scene, queue, missed, span.from, from);
    }
    let answered = from + long_tailed(&mut scene.rng, 25 * SECOND, 0.9).min(room / 4);
    wait(scene, queue, Some(agent), from, answered);
    let mut session = offered(scene, agent);
    talk(scene, &mut session, queue, answered, span);
    if !span.open {
        wrap_up(scene, &mut session, queue, answered, span.to);
    }
    scene.add_agent(agent, session);
}

/// The queue's own session. Without an agent, the customer abandoned the wait.
fn wait(scene: &mut Scene<'_>, queue: &Queue, agent: Option<&Agent>, from: Moment, to: Moment) {
    let mut session = scene.session();
    session.flow_in_type = Some("workflow");
    session.requested_routings = vec!["Standard"];
    session.used_routing = agent.map(|_| "Standard");
    session.selected_agent_id = agent.map(|it| it.id.clone());
    session.flow = Some(Flow {
        flow_id: queue.flow.clone(),
        flow_name: queue.language.flow,
        flow_version: "3.0",
        flow_type: if session.media_type == "message" {
            "INQUEUESHORTMESSAGE"
        } else {
            "INQUEUECALL"
        },
        starting_language: queue.language.code,
        exit_reason: None,
        transfer_type: None,
        transfer_target_name: None,
    });
    session.measure("nOffered", 1, from);
    session.measure(
        if agent.is_some() { "tAcd" } else { "tAbandon" },
        to.0 - from.0,
        to,
    );
    let disconnect = if agent.is_some() { "transfer" } else { "peer" };
    session.segments.push(
        Segment::new("interact", from, Some(to))
            .in_queue(&queue.id)
            .disconnected(disconnect),
    );
    scene.add_named("acd", queue.language.queue, session);
}

fn offered(scene: &mut Scene<'_>, agent: &Agent) -> Session {
    let mut session = scene.session();
    session.requested_routings = vec!["Standard"];
    session.used_routing = Some("Standard");
    session.selected_agent_id = Some(agent.id.clone());
    session
}

fn not_answered(scene: &mut Scene<'_>, queue: &Queue, agent: &Agent, from: Moment, to: Moment) {
    let mut session = offered(scene, agent);
    session.measure("tNotResponding", to.0 - from.0, to);
    session.segments.push(
        Segment::new("alert", from, Some(to))
            .in_queue(&queue.id)
            .disconnected("client"),
    );
    scene.add_agent(agent, session);
}

/// Alert, then interact segments with holds between them; the last segment of an open visit has no end.
fn talk(scene: &mut Scene<'_>, session: &mut Session, queue: &Queue, answered: Moment, span: Span) {
    let alert = scene
        .rng
        .i64(0..=2 * SECOND)
        .min((answered.0 - span.from.0) / 2);
    session.measure("tAlert", alert, answered);
    session.measure("tAnswered", answered.0 - span.from.0, answered);
    session
        .segments
        .push(Segment::new("alert", answered + -alert, Some(answered)).in_queue(&queue.id));
    let holds = if session.media_type == "voice" {
        long_tailed(&mut scene.rng, 70, 0.8) / 100
    } else {
        0
    };
    let stretch = (span.to.0 - answered.0) / (2 * holds + 1);
    let mut at = answered;
    for number in 0..2 * holds {
        let (kind, metric) = if number % 2 == 0 {
            ("interact", "tTalk")
        } else {
            ("hold", "tHeld")
        };
        session.measure(metric, stretch, at + stretch);
        session
            .segments
            .push(Segment::new(kind, at, Some(at + stretch)).in_queue(&queue.id));
        at = at + stretch;
    }
    let end = (!span.open).then_some(span.to);
    let mut last = Segment::new("interact", at, end).in_queue(&queue.id);
    if let Some(end) = end {
        last.disconnect_type = Some(pick::<&str>(
            &mut scene.rng,
            &["client", "peer", "endpoint", "transfer", "teleported"],
        ));
        session.measure("tTalk", end.0 - at.0, end);
        session.measure("tTalkComplete", end.0 - answered.0 - stretch * holds, end);
        session.measure("oMessageTurn", scene.rng.i64(1..30), end);
    }
    session.segments.push(last);
}

/// After-call work, which may last beyond the end of the conversation.
fn wrap_up(
    scene: &mut Scene<'_>,
    session: &mut Session,
    queue: &Queue,
    answered: Moment,
    from: Moment,
) {
    let time = long_tailed(&mut scene.rng, 30 * SECOND, 0.8).clamp(1, 15 * MINUTE);
    let mut segment = Segment::new("wrapup", from, Some(from + time))
        .in_queue(&queue.id)
        .disconnected("client");
    segment.wrap_up_code = Some(scene.id());
    if one_in(&mut scene.rng, 2) {
        segment.wrap_up_note = Some(scene.cast.text(&mut scene.rng, scene.language));
    }
    session.measure("tAcw", time, from + time);
    session.measure("tHandle", from.0 - answered.0 + time, from + time);
    session.segments.push(segment);
}

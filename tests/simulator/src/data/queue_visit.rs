//! One wait in a queue and its outcome: answered, not answered and offered to another agent, or abandoned.

use super::conversation_builder::ConversationBuilder;
use super::directory::{Agent, Queue};
use super::model::{Flow, Segment, Session};
use super::moment::{MINUTE, Moment, SECOND};
use super::random::{long_tailed, one_in, pick};

/// The time range that the visits of a queue share.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    /// Whether the last visit continues after `to`.
    pub(crate) open: bool,
}

/// Most conversations are transferred rarely. A few are transferred again and again; these make the large records.
pub(crate) fn visits(builder: &mut ConversationBuilder<'_>, span: Span) {
    let count = if one_in(&mut builder.rng, 300) {
        builder.rng.i64(20..60)
    } else {
        long_tailed(&mut builder.rng, 100, 0.6) / 100
    };
    let count = count.clamp(1, 60);
    let part = (span.to.0 - span.from.0) / count;
    for number in 0..count {
        let last = number + 1 == count;
        let from = span.from + number * part;
        let to = if last { span.to } else { from + part };
        visit(
            builder,
            Span {
                from,
                to,
                open: span.open && last,
            },
            last,
        );
    }
}

fn visit(builder: &mut ConversationBuilder<'_>, span: Span, last: bool) {
    let directory = builder.directory;
    let queue = pick(&mut builder.rng, &directory.queues);
    let abandoned = last && !span.open && one_in(&mut builder.rng, 9);
    if abandoned {
        return add_queue_session(builder, queue, None, span.from, span.to);
    }
    let agent = pick(&mut builder.rng, &directory.agents);
    let room = span.to.0 - span.from.0;
    let mut from = span.from;
    if one_in(&mut builder.rng, 10) {
        let missed = pick(&mut builder.rng, &directory.agents);
        from = from + long_tailed(&mut builder.rng, 20 * SECOND, 0.4).min(room / 4);
        add_queue_session(builder, queue, Some(missed), span.from, from);
        add_unanswered_session(builder, queue, missed, span.from, from);
    }
    let answered = from + long_tailed(&mut builder.rng, 25 * SECOND, 0.9).min(room / 4);
    add_queue_session(builder, queue, Some(agent), from, answered);
    let mut session = new_agent_session(builder, agent);
    add_talk_segments(builder, &mut session, queue, answered, span);
    if !span.open {
        add_wrap_up_segment(builder, &mut session, queue, answered, span.to);
    }
    builder.add_agent(agent, session);
}

/// The queue's own session. Without an agent, the customer abandoned the wait.
fn add_queue_session(
    builder: &mut ConversationBuilder<'_>,
    queue: &Queue,
    agent: Option<&Agent>,
    from: Moment,
    to: Moment,
) {
    let mut session = builder.session();
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
    builder.add_named("acd", queue.language.queue, session);
}

fn new_agent_session(builder: &mut ConversationBuilder<'_>, agent: &Agent) -> Session {
    let mut session = builder.session();
    session.requested_routings = vec!["Standard"];
    session.used_routing = Some("Standard");
    session.selected_agent_id = Some(agent.id.clone());
    session
}

fn add_unanswered_session(
    builder: &mut ConversationBuilder<'_>,
    queue: &Queue,
    agent: &Agent,
    from: Moment,
    to: Moment,
) {
    let mut session = new_agent_session(builder, agent);
    session.measure("tNotResponding", to.0 - from.0, to);
    session.segments.push(
        Segment::new("alert", from, Some(to))
            .in_queue(&queue.id)
            .disconnected("client"),
    );
    builder.add_agent(agent, session);
}

/// Alert, then interact segments with holds between them; the last segment of an open visit has no end.
fn add_talk_segments(
    builder: &mut ConversationBuilder<'_>,
    session: &mut Session,
    queue: &Queue,
    answered: Moment,
    span: Span,
) {
    let alert = builder
        .rng
        .i64(0..=2 * SECOND)
        .min((answered.0 - span.from.0) / 2);
    session.measure("tAlert", alert, answered);
    session.measure("tAnswered", answered.0 - span.from.0, answered);
    session
        .segments
        .push(Segment::new("alert", answered + -alert, Some(answered)).in_queue(&queue.id));
    let holds = if session.media_type == "voice" {
        long_tailed(&mut builder.rng, 70, 0.8) / 100
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
            &mut builder.rng,
            &["client", "peer", "endpoint", "transfer", "teleported"],
        ));
        session.measure("tTalk", end.0 - at.0, end);
        session.measure("tTalkComplete", end.0 - answered.0 - stretch * holds, end);
        session.measure("oMessageTurn", builder.rng.i64(1..30), end);
    }
    session.segments.push(last);
}

/// After-call work, which may last beyond the end of the conversation.
fn add_wrap_up_segment(
    builder: &mut ConversationBuilder<'_>,
    session: &mut Session,
    queue: &Queue,
    answered: Moment,
    from: Moment,
) {
    let time = long_tailed(&mut builder.rng, 30 * SECOND, 0.8).clamp(1, 15 * MINUTE);
    let mut segment = Segment::new("wrapup", from, Some(from + time))
        .in_queue(&queue.id)
        .disconnected("client");
    segment.wrap_up_code = Some(builder.id());
    if one_in(&mut builder.rng, 2) {
        segment.wrap_up_note = Some(builder.directory.text(&mut builder.rng, builder.language));
    }
    session.measure("tAcw", time, from + time);
    session.measure("tHandle", from.0 - answered.0 + time, from + time);
    session.segments.push(segment);
}

//! Calls: customer, voice menu, queue and agent, with the statistics of each leg; sometimes a callback or a
//! consultation.

use super::conversation_builder::ConversationBuilder;
use super::model::{Flow, MediaEndpointStat, Segment, Session};
use super::moment::{Moment, SECOND};
use super::outline::{Media, Outline};
use super::queue_visit::{Span, visits};
use super::random::{one_in, pick};

pub(crate) fn write(builder: &mut ConversationBuilder<'_>, outline: &Outline) {
    let directory = builder.directory;
    let line = format!("tel:{}", pick(&mut builder.rng, &directory.phones));
    builder.template = Session {
        media_type: if outline.media == Media::Undocumented {
            "hologram"
        } else {
            "voice"
        },
        provider: "Edge",
        direction: "inbound",
        ani: Some(format!("tel:{}", pick(&mut builder.rng, &directory.phones))),
        dnis: Some(line.clone()),
        session_dnis: Some(line),
        edge_id: Some(builder.id()),
        protocol_call_id: Some(builder.id()),
        ..Session::default()
    };
    let (from, to) = outline.active_periods[0];
    customer(
        builder,
        Span {
            from,
            to,
            open: outline.open,
        },
    );
    let routed = from + (30 * SECOND).min((to.0 - from.0) / 4);
    menu(builder, from, routed);
    visits(
        builder,
        Span {
            from: routed,
            to,
            open: outline.open,
        },
    );
    if outline.media == Media::VoiceWithCallback {
        callback(builder, routed, to);
    }
    if !outline.open && one_in(&mut builder.rng, 20) {
        consultation(builder, routed);
    }
}

/// Adds a call between an agent and the customer to a written conversation, in its first active period.
pub(crate) fn add_call(builder: &mut ConversationBuilder<'_>, outline: &Outline) {
    let (from, to) = outline.active_periods[0];
    let middle = Moment(i64::midpoint(from.0, to.0));
    let directory = builder.directory;
    let agent = pick(&mut builder.rng, &directory.agents);
    for is_customer in [true, false] {
        let mut session = builder.session();
        session.media_type = "voice";
        session.message_type = None;
        session.provider = "Edge";
        session.direction = "outbound";
        session.recording = Some(true);
        let segment = Segment::new("interact", middle, Some(to));
        session.segments.push(segment.disconnected("endpoint"));
        if is_customer {
            builder.add_customer(session);
        } else {
            builder.add_agent(agent, session);
        }
    }
}

fn customer(builder: &mut ConversationBuilder<'_>, span: Span) {
    let Span { from, to, open } = span;
    let mut session = builder.customer_session();
    let connected = from + 103.min((to.0 - from.0) / 4);
    session.remote_name_displayable = Some(builder.directory.customer(&mut builder.rng).to_owned());
    session.recording = Some(true);
    session
        .segments
        .push(Segment::new("system", from, Some(connected)));
    session.measure("nConnected", 1, connected);
    let mut segment = Segment::new("interact", connected, (!open).then_some(to));
    if !open {
        segment.disconnect_type = Some("endpoint");
        session.measure("tConnected", to.0 - connected.0, to);
        session.media_endpoint_stats = vec![stat(builder, to)];
    }
    session.segments.push(segment);
    builder.add_customer(session);
}

fn menu(builder: &mut ConversationBuilder<'_>, from: Moment, to: Moment) {
    let language = builder.language;
    let mut session = builder.session();
    session.media_endpoint_stats = vec![stat(builder, to)];
    session.flow = Some(Flow {
        flow_id: builder.id(),
        flow_name: language.flow,
        flow_version: "41.0",
        flow_type: "INBOUNDCALL",
        starting_language: language.code,
        exit_reason: Some("TRANSFER"),
        transfer_type: Some("ACD"),
        transfer_target_name: Some(language.queue),
    });
    session.measure("nFlow", 1, from);
    session.measure("tIvr", to.0 - from.0, to);
    session.measure("tFlow", to.0 - from.0, to);
    session
        .segments
        .push(Segment::new("ivr", from, Some(to)).disconnected("transfer"));
    builder.add_named("ivr", language.flow, session);
}

/// Adds a session of another medium to the same conversation.
fn callback(builder: &mut ConversationBuilder<'_>, from: Moment, to: Moment) {
    let mut session = builder.session();
    session.media_type = "callback";
    session.provider = "PureCloud Callback";
    session.callback_numbers = vec![pick(&mut builder.rng, &builder.directory.phones).clone()];
    session.callback_user_name = Some(builder.directory.customer(&mut builder.rng).to_owned());
    session.callback_scheduled_time = Some(to);
    let middle = Moment(i64::midpoint(from.0, to.0));
    session
        .segments
        .push(Segment::new("scheduled", from, Some(middle)));
    let mut dialled = Segment::new("callback", middle, Some(to)).disconnected("client");
    dialled.subject = Some(builder.directory.text(&mut builder.rng, builder.language));
    session.segments.push(dialled);
    builder.add_customer(session);
}

/// Adds a leg whose last segment has no end, although the conversation has one.
fn consultation(builder: &mut ConversationBuilder<'_>, from: Moment) {
    let mut session = builder.session();
    session.direction = "outbound";
    let mut segment = Segment::new("interact", from, None);
    segment.destination_conversation_id = Some(builder.id());
    session.segments.push(segment);
    let name = builder.directory.customer(&mut builder.rng);
    builder.add_named("external", name, session);
}

fn stat(builder: &mut ConversationBuilder<'_>, at: Moment) -> MediaEndpointStat {
    MediaEndpointStat {
        codecs: ["audio/opus"],
        event_time: at,
        max_latency_ms: builder.rng.i64(5..400),
        min_mos: f64::from(builder.rng.u16(2000..4900)) / 1000.0,
        min_r_factor: f64::from(builder.rng.u16(4000..9400)) / 100.0,
        received_packets: builder.rng.i64(100..90_000),
    }
}

//! Calls: customer, voice menu, queue and agent, with the statistics of each leg; sometimes a callback or a
//! consultation.

use super::chance::{one_in, pick};
use super::model::{Flow, MediaEndpointStat, Segment, Session};
use super::moment::{Moment, SECOND};
use super::outline::{Media, Outline};
use super::queue_visit::{Span, visits};
use super::scene::Scene;

pub(crate) fn write(scene: &mut Scene<'_>, outline: &Outline) {
    let cast = scene.cast;
    let line = format!("tel:{}", pick(&mut scene.rng, &cast.phones));
    scene.template = Session {
        media_type: if outline.media == Media::Unheard {
            "hologram"
        } else {
            "voice"
        },
        provider: "Edge",
        direction: "inbound",
        ani: Some(format!("tel:{}", pick(&mut scene.rng, &cast.phones))),
        dnis: Some(line.clone()),
        session_dnis: Some(line),
        edge_id: Some(scene.id()),
        protocol_call_id: Some(scene.id()),
        ..Session::default()
    };
    let (from, to) = outline.stretches[0];
    customer(
        scene,
        Span {
            from,
            to,
            open: outline.open,
        },
    );
    let routed = from + (30 * SECOND).min((to.0 - from.0) / 4);
    menu(scene, from, routed);
    visits(
        scene,
        Span {
            from: routed,
            to,
            open: outline.open,
        },
    );
    if outline.media == Media::VoiceWithCallback {
        callback(scene, routed, to);
    }
    if !outline.open && one_in(&mut scene.rng, 20) {
        consultation(scene, routed);
    }
}

fn customer(scene: &mut Scene<'_>, span: Span) {
    let Span { from, to, open } = span;
    let mut session = scene.customer_session();
    let connected = from + 103.min((to.0 - from.0) / 4);
    session.remote_name_displayable = Some(scene.cast.customer(&mut scene.rng).to_owned());
    session.recording = Some(true);
    session
        .segments
        .push(Segment::new("system", from, Some(connected)));
    session.measure("nConnected", 1, connected);
    let mut segment = Segment::new("interact", connected, (!open).then_some(to));
    if !open {
        segment.disconnect_type = Some("endpoint");
        session.measure("tConnected", to.0 - connected.0, to);
        session.media_endpoint_stats = vec![stat(scene, to)];
    }
    session.segments.push(segment);
    scene.add_customer(session);
}

fn menu(scene: &mut Scene<'_>, from: Moment, to: Moment) {
    let language = scene.language;
    let mut session = scene.session();
    session.media_endpoint_stats = vec![stat(scene, to)];
    session.flow = Some(Flow {
        flow_id: scene.id(),
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
    scene.add_named("ivr", language.flow, session);
}

/// Adds a session of another medium to the same conversation.
fn callback(scene: &mut Scene<'_>, from: Moment, to: Moment) {
    let mut session = scene.session();
    session.media_type = "callback";
    session.provider = "PureCloud Callback";
    session.callback_numbers = vec![pick(&mut scene.rng, &scene.cast.phones).clone()];
    session.callback_user_name = Some(scene.cast.customer(&mut scene.rng).to_owned());
    session.callback_scheduled_time = Some(to);
    let middle = Moment(i64::midpoint(from.0, to.0));
    session
        .segments
        .push(Segment::new("scheduled", from, Some(middle)));
    let mut dialled = Segment::new("callback", middle, Some(to)).disconnected("client");
    dialled.subject = Some(scene.cast.text(&mut scene.rng, scene.language));
    session.segments.push(dialled);
    scene.add_customer(session);
}

/// Adds a leg whose last segment has no end, although the conversation has one.
fn consultation(scene: &mut Scene<'_>, from: Moment) {
    let mut session = scene.session();
    session.direction = "outbound";
    let mut segment = Segment::new("interact", from, None);
    segment.destination_conversation_id = Some(scene.id());
    session.segments.push(segment);
    let name = scene.cast.customer(&mut scene.rng);
    scene.add_named("external", name, session);
}

fn stat(scene: &mut Scene<'_>, at: Moment) -> MediaEndpointStat {
    MediaEndpointStat {
        codecs: ["audio/opus"],
        event_time: at,
        max_latency_ms: scene.rng.i64(5..400),
        min_mos: f64::from(scene.rng.u16(2000..4900)) / 1000.0,
        min_r_factor: f64::from(scene.rng.u16(4000..9400)) / 100.0,
        received_packets: scene.rng.i64(100..90_000),
    }
}

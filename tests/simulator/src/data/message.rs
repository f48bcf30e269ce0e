//! Message conversations: customer, workflow, queue, agent; repeated each time the customer returns.

use super::model::{Flow, Segment, Session};
use super::moment::{Moment, SECOND};
use super::outline::Outline;
use super::queue_visit::{Span, visits};
use super::scene::Scene;

pub(crate) fn write(scene: &mut Scene<'_>, outline: &Outline, message_type: &'static str) {
    scene.template = Session {
        media_type: "message",
        message_type: Some(message_type),
        provider: "PureCloud Messaging",
        direction: "inbound",
        address_from: Some(scene.id()),
        address_to: Some(scene.id()),
        journey_customer_id: Some(scene.id()).filter(|_| message_type == "webmessaging"),
        journey_customer_id_type: Some("cookie").filter(|_| message_type == "webmessaging"),
        ..Session::default()
    };
    for (number, (from, to)) in outline.stretches.iter().enumerate() {
        let open = outline.open && number + 1 == outline.stretches.len();
        stretch(
            scene,
            Span {
                from: *from,
                to: *to,
                open,
            },
        );
    }
}

fn stretch(scene: &mut Scene<'_>, span: Span) {
    let Span { from, to, open } = span;
    customer(scene, span);
    let routed = from + (4 * SECOND).min((to.0 - from.0) / 4);
    workflow(scene, from, routed);
    visits(
        scene,
        Span {
            from: routed,
            to,
            open,
        },
    );
}

fn customer(scene: &mut Scene<'_>, span: Span) {
    let mut session = scene.customer_session();
    session.measure("nConnected", 1, span.from);
    let mut segment = Segment::new("interact", span.from, (!span.open).then_some(span.to));
    if !span.open {
        segment.disconnect_type = Some("peer");
        session.measure("tConnected", span.to.0 - span.from.0, span.to);
    }
    session.segments.push(segment);
    scene.add_customer(session);
}

fn workflow(scene: &mut Scene<'_>, from: Moment, to: Moment) {
    let language = scene.language;
    let mut session = scene.session();
    session.remote = Some("Guest".to_owned());
    session.flow = Some(Flow {
        flow_id: scene.id(),
        flow_name: language.flow,
        flow_version: "12.0",
        flow_type: "INBOUNDSHORTMESSAGE",
        starting_language: language.code,
        exit_reason: Some("TRANSFER"),
        transfer_type: Some("ACD"),
        transfer_target_name: Some(language.queue),
    });
    session.measure("nFlow", 1, from);
    session.measure("tFlow", to.0 - from.0, to);
    session
        .segments
        .push(Segment::new("interact", from, Some(to)).disconnected("transfer"));
    scene.add_named("workflow", language.flow, session);
}

//! Message conversations: customer, workflow, queue, agent; repeated each time the customer returns.

use super::conversation_builder::ConversationBuilder;
use super::model::{Flow, Segment, Session};
use super::moment::{Moment, SECOND};
use super::outline::Outline;
use super::queue_visit::{Span, visits};

pub(crate) fn write(
    builder: &mut ConversationBuilder<'_>,
    outline: &Outline,
    message_type: &'static str,
) {
    builder.template = Session {
        media_type: "message",
        message_type: Some(message_type),
        provider: "PureCloud Messaging",
        direction: "inbound",
        address_from: Some(builder.id()),
        address_to: Some(builder.id()),
        journey_customer_id: Some(builder.id()).filter(|_| message_type == "webmessaging"),
        journey_customer_id_type: Some("cookie").filter(|_| message_type == "webmessaging"),
        ..Session::default()
    };
    for (number, (from, to)) in outline.active_periods.iter().enumerate() {
        let open = outline.open && number + 1 == outline.active_periods.len();
        add_active_period(
            builder,
            Span {
                from: *from,
                to: *to,
                open,
            },
        );
    }
}

fn add_active_period(builder: &mut ConversationBuilder<'_>, span: Span) {
    let Span { from, to, open } = span;
    customer(builder, span);
    let routed = from + (4 * SECOND).min((to.0 - from.0) / 4);
    workflow(builder, from, routed);
    visits(
        builder,
        Span {
            from: routed,
            to,
            open,
        },
    );
}

fn customer(builder: &mut ConversationBuilder<'_>, span: Span) {
    let mut session = builder.customer_session();
    session.measure("nConnected", 1, span.from);
    let mut segment = Segment::new("interact", span.from, (!span.open).then_some(span.to));
    if !span.open {
        segment.disconnect_type = Some("peer");
        session.measure("tConnected", span.to.0 - span.from.0, span.to);
    }
    session.segments.push(segment);
    builder.add_customer(session);
}

fn workflow(builder: &mut ConversationBuilder<'_>, from: Moment, to: Moment) {
    let language = builder.language;
    let mut session = builder.session();
    session.remote = Some("Guest".to_owned());
    session.flow = Some(Flow {
        flow_id: builder.id(),
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
    builder.add_named("workflow", language.flow, session);
}

//! The tables of conversations of the analytics API: its models `AnalyticsConversation` and those that it contains.

use super::column::{Column, Source, Type, above, column, count, member, position};
use super::{Entries, List, Table, TableName};

pub(super) static CONVERSATIONS: Table = Table {
    name: TableName::Conversations,
    own: &CONVERSATION,
    lists: &[List {
        path: "participants",
        table: TableName::Participants,
        entries: Entries::Elements,
    }],
    omitted: &[],
};

pub(super) static PARTICIPANTS: Table = Table {
    name: TableName::Participants,
    own: &PARTICIPANT,
    lists: &[
        List {
            path: "attributes",
            table: TableName::Attributes,
            entries: Entries::Members,
        },
        List {
            path: "sessions",
            table: TableName::Sessions,
            entries: Entries::Elements,
        },
    ],
    omitted: &[],
};

pub(super) static ATTRIBUTES: Table = Table {
    name: TableName::Attributes,
    own: &ATTRIBUTE,
    lists: &[],
    omitted: &[],
};

pub(super) static SESSIONS: Table = Table {
    name: TableName::Sessions,
    own: &SESSION,
    lists: &[
        List {
            path: "segments",
            table: TableName::Segments,
            entries: Entries::Elements,
        },
        List {
            path: "metrics",
            table: TableName::Metrics,
            entries: Entries::Elements,
        },
        List {
            path: "flow.outcomes",
            table: TableName::FlowOutcomes,
            entries: Entries::Elements,
        },
    ],
    omitted: &[],
};

pub(super) static SEGMENTS: Table = Table {
    name: TableName::Segments,
    own: &SEGMENT,
    lists: &[],
    omitted: &[],
};

pub(super) static METRICS: Table = Table {
    name: TableName::Metrics,
    own: &METRIC,
    lists: &[],
    omitted: &[],
};

pub(super) static FLOW_OUTCOMES: Table = Table {
    name: TableName::FlowOutcomes,
    own: &FLOW_OUTCOME,
    lists: &[],
    omitted: &[],
};

const CONVERSATION: [Column; 21] = [
    member("conversation_start", Type::Moment, "conversationStart"),
    member("conversation_end", Type::Moment, "conversationEnd"),
    member("access_attributes", Type::Json, "accessAttributes"),
    member(
        "associated_conversation_id",
        Type::Text,
        "associatedConversationId",
    ),
    member("conference_start", Type::Moment, "conferenceStart"),
    member(
        "consultation_conversation_ids",
        Type::Json,
        "consultationConversationIds",
    ),
    member(
        "conversation_initiator",
        Type::Text,
        "conversationInitiator",
    ),
    member(
        "customer_participation",
        Type::Boolean,
        "customerParticipation",
    ),
    member("division_ids", Type::Json, "divisionIds"),
    member("external_tag", Type::Text, "externalTag"),
    member("inactivity_timeout", Type::Moment, "inactivityTimeout"),
    member("knowledge_base_ids", Type::Json, "knowledgeBaseIds"),
    member(
        "media_stats_min_conversation_mos",
        Type::Double,
        "mediaStatsMinConversationMos",
    ),
    member(
        "media_stats_min_conversation_r_factor",
        Type::Double,
        "mediaStatsMinConversationRFactor",
    ),
    member("originating_direction", Type::Text, "originatingDirection"),
    member(
        "originating_social_media_public",
        Type::Boolean,
        "originatingSocialMediaPublic",
    ),
    member("self_served", Type::Boolean, "selfServed"),
    member("evaluations", Type::Json, "evaluations"),
    member("surveys", Type::Json, "surveys"),
    member("resolutions", Type::Json, "resolutions"),
    count("participant_count", "participants"),
];

const PARTICIPANT: [Column; 12] = [
    position("participant_ix", 0),
    member("participant_id", Type::Text, "participantId"),
    member("purpose", Type::Text, "purpose"),
    member("participant_name", Type::Text, "participantName"),
    member("user_id", Type::Text, "userId"),
    member("external_contact_id", Type::Text, "externalContactId"),
    member(
        "external_organization_id",
        Type::Text,
        "externalOrganizationId",
    ),
    member("flagged_reason", Type::Text, "flaggedReason"),
    member("screen_recording", Type::Boolean, "screenRecording"),
    member("team_id", Type::Text, "teamId"),
    count("attribute_count", "attributes"),
    count("session_count", "sessions"),
];

const ATTRIBUTE: [Column; 5] = [
    position("participant_ix", 0),
    position("attribute_ix", 1),
    above("purpose", 1),
    column("name", Type::Text, Source::EntryName),
    column("value", Type::Text, Source::EntryValue),
];

const SESSION: [Column; 107] = [
    position("participant_ix", 0),
    position("session_ix", 1),
    above("purpose", 1),
    above("user_id", 1),
    member("session_id", Type::Text, "sessionId"),
    member("media_type", Type::Text, "mediaType"),
    member("message_type", Type::Text, "messageType"),
    member("direction", Type::Text, "direction"),
    member("provider", Type::Text, "provider"),
    member("active_skill_ids", Type::Json, "activeSkillIds"),
    member("acw_skipped", Type::Boolean, "acwSkipped"),
    member("address_from", Type::Text, "addressFrom"),
    member("address_other", Type::Text, "addressOther"),
    member("address_self", Type::Text, "addressSelf"),
    member("address_to", Type::Text, "addressTo"),
    member("agent_assistant_id", Type::Text, "agentAssistantId"),
    member("agent_bullseye_ring", Type::Integer, "agentBullseyeRing"),
    member("agent_owned", Type::Boolean, "agentOwned"),
    member("ani", Type::Text, "ani"),
    member("assigner_id", Type::Text, "assignerId"),
    member("authenticated", Type::Boolean, "authenticated"),
    member("barged_participant_id", Type::Text, "bargedParticipantId"),
    member("bcc", Type::Json, "bcc"),
    member("callback_numbers", Type::Json, "callbackNumbers"),
    member(
        "callback_scheduled_time",
        Type::Moment,
        "callbackScheduledTime",
    ),
    member("callback_user_name", Type::Text, "callbackUserName"),
    member("cc", Type::Json, "cc"),
    member("cleared", Type::Boolean, "cleared"),
    member("coached_participant_id", Type::Text, "coachedParticipantId"),
    member("cobrowse_role", Type::Text, "cobrowseRole"),
    member("cobrowse_room_id", Type::Text, "cobrowseRoomId"),
    member("delivery_pushed", Type::Boolean, "deliveryPushed"),
    member("delivery_status", Type::Text, "deliveryStatus"),
    member(
        "delivery_status_change_date",
        Type::Moment,
        "deliveryStatusChangeDate",
    ),
    member("destination_addresses", Type::Json, "destinationAddresses"),
    member("detected_speech_end", Type::Moment, "detectedSpeechEnd"),
    member("detected_speech_start", Type::Moment, "detectedSpeechStart"),
    member("disposition_analyzer", Type::Text, "dispositionAnalyzer"),
    member("disposition_name", Type::Text, "dispositionName"),
    member("dnis", Type::Text, "dnis"),
    member("edge_id", Type::Text, "edgeId"),
    member("eligible_agent_counts", Type::Json, "eligibleAgentCounts"),
    member("engagement_source", Type::Text, "engagementSource"),
    member("error_code_description", Type::Text, "errorCodeDescription"),
    member(
        "extended_delivery_status",
        Type::Text,
        "extendedDeliveryStatus",
    ),
    member("flow_in_type", Type::Text, "flowInType"),
    member("flow_out_type", Type::Text, "flowOutType"),
    member("journey_action_id", Type::Text, "journeyActionId"),
    member("journey_action_map_id", Type::Text, "journeyActionMapId"),
    member(
        "journey_action_map_version",
        Type::Integer,
        "journeyActionMapVersion",
    ),
    member("journey_customer_id", Type::Text, "journeyCustomerId"),
    member(
        "journey_customer_id_type",
        Type::Text,
        "journeyCustomerIdType",
    ),
    member(
        "journey_customer_session_id",
        Type::Text,
        "journeyCustomerSessionId",
    ),
    member(
        "journey_customer_session_id_type",
        Type::Text,
        "journeyCustomerSessionIdType",
    ),
    member("media_bridge_id", Type::Text, "mediaBridgeId"),
    member("media_count", Type::Integer, "mediaCount"),
    member(
        "monitored_participant_id",
        Type::Text,
        "monitoredParticipantId",
    ),
    member("outbound_campaign_id", Type::Text, "outboundCampaignId"),
    member("outbound_contact_id", Type::Text, "outboundContactId"),
    member(
        "outbound_contact_list_id",
        Type::Text,
        "outboundContactListId",
    ),
    member("peer_id", Type::Text, "peerId"),
    member("protocol_call_id", Type::Text, "protocolCallId"),
    member("recording", Type::Boolean, "recording"),
    member("remote", Type::Text, "remote"),
    member(
        "remote_name_displayable",
        Type::Text,
        "remoteNameDisplayable",
    ),
    member("removed_skill_ids", Type::Json, "removedSkillIds"),
    member("requested_routings", Type::Json, "requestedRoutings"),
    member("room_id", Type::Text, "roomId"),
    member("routing_ring", Type::Integer, "routingRing"),
    member("routing_rule", Type::Text, "routingRule"),
    member("routing_rule_type", Type::Text, "routingRuleType"),
    member(
        "screen_monitored_user_id",
        Type::Text,
        "screenMonitoredUserId",
    ),
    member(
        "screen_share_address_self",
        Type::Text,
        "screenShareAddressSelf",
    ),
    member("screen_share_room_id", Type::Text, "screenShareRoomId"),
    member("script_id", Type::Text, "scriptId"),
    member("selected_agent_id", Type::Text, "selectedAgentId"),
    member("selected_agent_rank", Type::Integer, "selectedAgentRank"),
    member("session_dnis", Type::Text, "sessionDnis"),
    member("sharing_screen", Type::Boolean, "sharingScreen"),
    member("skill_expression_id", Type::Text, "skillExpressionId"),
    member("skip_enabled", Type::Boolean, "skipEnabled"),
    member("snippet_recording", Type::Boolean, "snippetRecording"),
    member("timeout_seconds", Type::Integer, "timeoutSeconds"),
    member("used_routing", Type::Text, "usedRouting"),
    member("video_address_self", Type::Text, "videoAddressSelf"),
    member("video_room_id", Type::Text, "videoRoomId"),
    member(
        "waiting_interaction_counts",
        Type::Json,
        "waitingInteractionCounts",
    ),
    member("agent_groups", Type::Json, "agentGroups"),
    member("proposed_agents", Type::Json, "proposedAgents"),
    member("media_endpoint_stats", Type::Json, "mediaEndpointStats"),
    member("flow_ending_language", Type::Text, "flow.endingLanguage"),
    member("flow_entry_reason", Type::Text, "flow.entryReason"),
    member("flow_entry_type", Type::Text, "flow.entryType"),
    member("flow_exit_reason", Type::Text, "flow.exitReason"),
    member("flow_id", Type::Text, "flow.flowId"),
    member("flow_name", Type::Text, "flow.flowName"),
    member("flow_type", Type::Text, "flow.flowType"),
    member("flow_version", Type::Text, "flow.flowVersion"),
    member("flow_issued_callback", Type::Boolean, "flow.issuedCallback"),
    member(
        "flow_recognition_failure_reason",
        Type::Text,
        "flow.recognitionFailureReason",
    ),
    member(
        "flow_starting_language",
        Type::Text,
        "flow.startingLanguage",
    ),
    member(
        "flow_transfer_target_address",
        Type::Text,
        "flow.transferTargetAddress",
    ),
    member(
        "flow_transfer_target_name",
        Type::Text,
        "flow.transferTargetName",
    ),
    member("flow_transfer_type", Type::Text, "flow.transferType"),
    count("segment_count", "segments"),
    count("metric_count", "metrics"),
    count("flow_outcome_count", "flow.outcomes"),
];

const SEGMENT: [Column; 32] = [
    position("participant_ix", 0),
    position("session_ix", 1),
    position("segment_ix", 2),
    above("purpose", 2),
    above("user_id", 2),
    above("media_type", 1),
    above("direction", 1),
    member("segment_type", Type::Text, "segmentType"),
    member("segment_start", Type::Moment, "segmentStart"),
    member("segment_end", Type::Moment, "segmentEnd"),
    member("queue_id", Type::Text, "queueId"),
    member("disconnect_type", Type::Text, "disconnectType"),
    member("wrap_up_code", Type::Text, "wrapUpCode"),
    member("wrap_up_note", Type::Text, "wrapUpNote"),
    member("audio_muted", Type::Boolean, "audioMuted"),
    member("conference", Type::Boolean, "conference"),
    member(
        "destination_conversation_id",
        Type::Text,
        "destinationConversationId",
    ),
    member("destination_session_id", Type::Text, "destinationSessionId"),
    member("error_code", Type::Text, "errorCode"),
    member("group_id", Type::Text, "groupId"),
    member("q850_response_codes", Type::Json, "q850ResponseCodes"),
    member("requested_language_id", Type::Text, "requestedLanguageId"),
    member(
        "requested_routing_skill_ids",
        Type::Json,
        "requestedRoutingSkillIds",
    ),
    member(
        "requested_routing_user_ids",
        Type::Json,
        "requestedRoutingUserIds",
    ),
    member("sip_response_codes", Type::Json, "sipResponseCodes"),
    member("source_conversation_id", Type::Text, "sourceConversationId"),
    member("source_session_id", Type::Text, "sourceSessionId"),
    member("subject", Type::Text, "subject"),
    member("video_muted", Type::Boolean, "videoMuted"),
    member("wrap_up_tags", Type::Json, "wrapUpTags"),
    member("scored_agents", Type::Json, "scoredAgents"),
    member("properties", Type::Json, "properties"),
];

const METRIC: [Column; 10] = [
    position("participant_ix", 0),
    position("session_ix", 1),
    position("metric_ix", 2),
    above("purpose", 2),
    above("user_id", 2),
    above("media_type", 1),
    column("queue_id", Type::Text, Source::QueueOfMetric),
    member("name", Type::Text, "name"),
    member("value", Type::Integer, "value"),
    member("emit_date", Type::Moment, "emitDate"),
];

const FLOW_OUTCOME: [Column; 9] = [
    position("participant_ix", 0),
    position("session_ix", 1),
    position("flow_outcome_ix", 2),
    above("flow_id", 1),
    member("flow_outcome_id", Type::Text, "flowOutcomeId"),
    member("flow_outcome", Type::Text, "flowOutcome"),
    member("flow_outcome_value", Type::Text, "flowOutcomeValue"),
    member(
        "flow_outcome_end_timestamp",
        Type::Moment,
        "flowOutcomeEndTimestamp",
    ),
    member(
        "flow_outcome_start_timestamp",
        Type::Moment,
        "flowOutcomeStartTimestamp",
    ),
];

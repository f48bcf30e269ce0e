//! The standard record: an analytics record without fields that only explain routing or diagnose media.
//!
//! The fields to drop are listed; everything else is kept, including unknown fields. Ids used for joins (`peerId`,
//! `sessionId`, `selectedAgentId`), requested and used routing (`requestedRoutings`, `usedRouting`), delivery statuses,
//! metrics and the conversation's own quality scores stay. Kept values are copied as text.

use super::copy::Level;

pub(super) const RECORD: Level = Level {
    drops: &[],
    inner: Some(("participants", &PARTICIPANT)),
};
const PARTICIPANT: Level = Level {
    drops: &[],
    inner: Some(("sessions", &SESSION)),
};
const SESSION: Level = Level {
    drops: &[
        // How the routing decision was made.
        "agentBullseyeRing",
        "agentGroups",
        "eligibleAgentCounts",
        "proposedAgents",
        "removedSkillIds",
        "routingRing",
        "routingRule",
        "routingRuleType",
        "selectedAgentRank",
        "waitingInteractionCounts",
        // Media diagnostics.
        "edgeId",
        "errorCodeDescription",
        "mediaEndpointStats",
        "protocolCallId",
    ],
    inner: Some(("segments", &SEGMENT)),
};
const SEGMENT: Level = Level {
    drops: &[
        "errorCode",
        "q850ResponseCodes",
        "scoredAgents",
        "sipResponseCodes",
    ],
    inner: None,
};

/// The paths of all fields that the standard record drops, for example `participants[].sessions[].edgeId`.
#[cfg(test)]
pub(crate) fn dropped_paths() -> Vec<String> {
    let mut paths = Vec::new();
    let mut prefix = String::new();
    let mut next = Some(&RECORD);
    while let Some(level) = next {
        paths.extend(level.drops.iter().map(|name| format!("{prefix}{name}")));
        if let Some((name, _)) = level.inner {
            prefix = format!("{prefix}{name}[].");
        }
        next = level.inner.map(|(_, inner)| inner);
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::super::copy::copy_record;
    use super::*;

    fn project(text: &str) -> String {
        let mut out = String::new();
        let [] = copy_record(text, [], &RECORD, &mut out);
        out
    }

    #[test]
    fn exactly_these_paths_are_dropped() {
        insta::assert_snapshot!(dropped_paths().join("\n"), @r"
        participants[].sessions[].agentBullseyeRing
        participants[].sessions[].agentGroups
        participants[].sessions[].eligibleAgentCounts
        participants[].sessions[].proposedAgents
        participants[].sessions[].removedSkillIds
        participants[].sessions[].routingRing
        participants[].sessions[].routingRule
        participants[].sessions[].routingRuleType
        participants[].sessions[].selectedAgentRank
        participants[].sessions[].waitingInteractionCounts
        participants[].sessions[].edgeId
        participants[].sessions[].errorCodeDescription
        participants[].sessions[].mediaEndpointStats
        participants[].sessions[].protocolCallId
        participants[].sessions[].segments[].errorCode
        participants[].sessions[].segments[].q850ResponseCodes
        participants[].sessions[].segments[].scoredAgents
        participants[].sessions[].segments[].sipResponseCodes
        ");
    }

    #[test]
    fn each_listed_path_is_dropped_and_its_neighbours_are_kept() {
        for path in dropped_paths() {
            let name = path.rsplit('.').next().unwrap();
            let mut wrapping = [r#"{"participants":[{"sessions":["#, "]}]}"];
            if path.contains("segments") {
                wrapping = [r#"{"participants":[{"sessions":[{"segments":["#, "]}]}]}"];
            }
            let [open, close] = wrapping;
            let with =
                format!(r#"{open}{{"before":1.0,"{name}":[{{"x":"}}"}}],"after":null}}{close}"#);
            let without = format!(r#"{open}{{"before":1.0,"after":null}}{close}"#);

            assert_eq!(project(&with), without);
        }
    }

    #[test]
    fn a_dropped_name_is_kept_at_unlisted_paths() {
        let record = r#"{"edgeId":1,"participants":[{"edgeId":2,"attributes":{"edgeId":"3"},"sessions":[{"errorCode":4,"flow":{"edgeId":5}}]}]}"#;

        assert_eq!(project(record), record);
    }

    #[test]
    fn unknown_fields_are_kept() {
        let record =
            r#"{"newField":[1e400],"participants":[{"sessions":[{"newField":{"edgeId":1}}]}]}"#;

        assert_eq!(project(record), record);
    }

    #[test]
    fn a_dropped_field_is_dropped_even_if_repeated_or_escaped() {
        let record = r#"{"participants":[{"sessions":[{"\u0065dgeId":1,"a":2,"edgeId":3}]}]}"#;

        assert_eq!(
            project(record),
            r#"{"participants":[{"sessions":[{"a":2}]}]}"#
        );
    }

    #[test]
    fn malformed_values_on_a_dropped_path_are_copied() {
        for record in [
            r#"{"participants":null}"#,
            r#"{"participants":{"sessions":[{"edgeId":1}]}}"#,
            r#"{"participants":["x",[{"edgeId":1}],{"sessions":"edgeId"}]}"#,
        ] {
            assert_eq!(project(record), record);
        }
    }
}

//! Lambda stops a function that a message chain reaches 16 times. The functions in such loops are derived from the
//! queues that their roles let them send to, their event sources, and the dead-letter queues.

use std::collections::BTreeSet;

use end_to_end::template::{Template, one_or_more, reference_target, text};

/// Returns the queues that the function's role lets it send to.
fn sends_to<'a>(template: &'a Template, function: &str) -> BTreeSet<&'a str> {
    let role = reference_target(&template.properties(function)["Role"]);
    let statements = template.statements(role).into_iter();
    statements
        .filter(|statement| {
            one_or_more(&statement["Action"])
                .iter()
                .any(|action| text(action) == "sqs:SendMessage")
        })
        .flat_map(|statement| one_or_more(&statement["Resource"]))
        .map(reference_target)
        .collect()
}

/// Returns the functions that messages of a queue reach, including its dead letters.
fn functions_reached_from<'a>(template: &'a Template, queue: &str) -> BTreeSet<&'a str> {
    let policy = template.properties(queue).as_mapping_get("RedrivePolicy");
    let dead_letters = policy.map(|policy| reference_target(&policy["deadLetterTargetArn"]));
    let queues: Vec<_> = [Some(queue), dead_letters].into_iter().flatten().collect();
    let reads = |function: &&str| {
        template
            .event_sources(function)
            .iter()
            .any(|(source, _)| queues.contains(source))
    };
    template.functions().into_iter().filter(reads).collect()
}

fn feeds_itself(template: &Template, function: &str) -> bool {
    let mut reached = BTreeSet::new();
    let mut next = vec![function];
    while let Some(sender) = next.pop() {
        for queue in sends_to(template, sender) {
            let new = functions_reached_from(template, queue)
                .into_iter()
                .filter(|function| reached.insert(*function));
            next.extend(new.collect::<Vec<_>>());
        }
    }
    reached.contains(function)
}

#[test]
fn exactly_the_functions_that_feed_themselves_allow_recursive_loops() {
    let template = Template::read();
    let functions = || template.functions().into_iter();

    let self_feeding: Vec<_> = functions()
        .filter(|function| feeds_itself(&template, function))
        .collect();
    let allowed: Vec<_> = functions()
        .filter(|function| {
            let set = template
                .properties(function)
                .as_mapping_get("RecursiveLoop");
            set.is_some_and(|set| text(set) == "Allow")
        })
        .collect();

    assert_eq!(allowed, self_feeding);
    assert_eq!(
        self_feeding,
        [
            "ArchivePage",
            "AwaitReady",
            "CompleteExport",
            "RecordFailure",
            "FetchEnded"
        ]
    );
}

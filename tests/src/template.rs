//! `infra/template.yaml` as a tree, with the queries that the tests need.

use saphyr::{LoadableYamlNode as _, Yaml};

mod references;

pub use references::references;

const TEMPLATE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../infra/template.yaml"
));

#[derive(Debug)]
pub struct Template(Yaml<'static>);

impl Template {
    pub fn read() -> Self {
        let mut documents = Yaml::load_from_str(TEMPLATE).expect("the template is YAML");
        Self(documents.remove(0))
    }

    pub fn globals(&self) -> &Yaml<'static> {
        &self.0["Globals"]["Function"]
    }

    pub fn root(&self) -> &Yaml<'static> {
        &self.0
    }

    pub fn parameters(&self) -> impl Iterator<Item = (&str, &Yaml<'static>)> {
        entries(&self.0["Parameters"])
    }

    /// Whether a parameter or a resource has this name.
    pub fn defines(&self, name: &str) -> bool {
        ["Parameters", "Resources"]
            .iter()
            .any(|section| self.0[*section].contains_mapping_key(name))
    }

    /// Returns the properties of the resource.
    pub fn properties(&self, resource: &str) -> &Yaml<'static> {
        &self.0["Resources"][resource]["Properties"]
    }

    /// Returns the logical names of the resources of this type.
    pub fn resources(&self, kind: &str) -> Vec<&str> {
        let of_kind = |(name, resource): (_, &Yaml<'static>)| {
            (text(&resource["Type"]) == kind).then_some(name)
        };
        entries(&self.0["Resources"]).filter_map(of_kind).collect()
    }

    /// Returns the logical name of the queue with this name in a stack whose queue names begin with `stack`.
    pub fn named_queue(&self, name: &str, stack: &str) -> String {
        let wanted = name.strip_prefix(stack).unwrap_or(name);
        let named = |queue: &&str| {
            let name = text(&self.properties(queue)["QueueName"]);
            name.strip_prefix("${AWS::StackName}-") == Some(wanted)
        };
        let queues = self.resources("AWS::SQS::Queue");
        let found = queues.into_iter().find(named);
        found
            .unwrap_or_else(|| panic!("no queue is called {name}"))
            .to_owned()
    }

    /// Returns the statements of the role's inline policies, including those that apply only under a condition.
    pub fn statements(&self, role: &str) -> Vec<&Yaml<'static>> {
        let policies = one_or_more(&self.properties(role)["Policies"]).into_iter();
        policies
            .flat_map(|policy| one_or_more(&policy["PolicyDocument"]["Statement"]))
            .map(|statement| match statement {
                // `!If` has three elements: the condition, the statement if it holds, and no value otherwise.
                Yaml::Tagged(_, conditional) => &conditional[1],
                plain => plain,
            })
            .collect()
    }

    pub fn functions(&self) -> Vec<&str> {
        self.resources("AWS::Serverless::Function")
    }

    /// Returns the variables that all functions share, and those of each function.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Yaml<'static>)> {
        let own = self.functions().into_iter().map(|it| self.properties(it));
        [self.globals()]
            .into_iter()
            .chain(own)
            .filter_map(|properties| properties.as_mapping_get("Environment"))
            .flat_map(|environment| entries(&environment["Variables"]))
    }

    /// Returns the function that is built from this package.
    pub fn function(&self, package: &str) -> &str {
        let built_from = |name: &&str| {
            let metadata = &self.0["Resources"][*name]["Metadata"];
            text(&metadata["BuildProperties"]["Binary"]) == package
        };
        self.functions()
            .into_iter()
            .find(built_from)
            .unwrap_or_else(|| panic!("no function is built from {package}"))
    }

    /// Returns the queues whose messages invoke the function, with the properties of each event or mapping.
    pub fn event_sources(&self, function: &str) -> Vec<(&str, &Yaml<'static>)> {
        let events = self.properties(function).as_mapping_get("Events");
        let events = events.into_iter().flat_map(entries);
        let events = events
            .filter(|(_, event)| text(&event["Type"]) == "SQS")
            .map(|(_, event)| (&event["Properties"]["Queue"], &event["Properties"]));
        let mappings = self.resources("AWS::Lambda::EventSourceMapping");
        let mappings = mappings
            .into_iter()
            .map(|mapping| self.properties(mapping))
            .filter(|mapping| reference_target(&mapping["FunctionName"]) == function)
            .map(|mapping| (&mapping["EventSourceArn"], mapping));
        events
            .chain(mappings)
            .map(|(queue, properties)| (reference_target(queue), properties))
            .collect()
    }
}

/// Returns the entries of a mapping.
pub fn entries<'a>(
    mapping: &'a Yaml<'static>,
) -> impl Iterator<Item = (&'a str, &'a Yaml<'static>)> {
    let mapping = mapping.as_mapping().expect("a mapping");
    mapping.iter().map(|(key, value)| (text(key), value))
}

/// Returns the text of a node, without its tag if it has one.
pub fn text<'a>(node: &'a Yaml<'static>) -> &'a str {
    match node {
        Yaml::Tagged(_, inner) => text(inner),
        other => other.as_str().unwrap_or_default(),
    }
}

/// Returns the resource that `!Ref` or `!GetAtt` names.
pub fn reference_target<'a>(node: &'a Yaml<'static>) -> &'a str {
    let (name, _) = text(node).split_once('.').unwrap_or((text(node), ""));
    name
}

/// Returns the elements of a list, or a single value as a list.
pub fn one_or_more<'a>(node: &'a Yaml<'static>) -> Vec<&'a Yaml<'static>> {
    match node.as_sequence() {
        Some(several) => several.iter().collect(),
        None => vec![node],
    }
}

pub fn seconds(node: &Yaml<'static>) -> u64 {
    let seconds = node.as_integer().expect("a whole number of seconds");
    seconds.try_into().expect("seconds are not negative")
}

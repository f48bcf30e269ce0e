//! Finds undefined names in the variables of a function, which the linter does not detect.

use saphyr::Yaml;

use end_to_end::template::{Template, text};

/// Collects every name in `!Ref`, `!GetAtt` and the texts of `!Sub`.
fn references(node: &Yaml<'static>, found: &mut Vec<String>) {
    match node {
        Yaml::Tagged(tag, inner) => {
            match tag.suffix.as_str() {
                "Ref" => found.push(text(inner).to_owned()),
                "GetAtt" => found.push(first_part(text(inner))),
                "Sub" => substituted(inner, found),
                _ => {}
            }
            references(inner, found);
        }
        Yaml::Sequence(items) => items.iter().for_each(|item| references(item, found)),
        Yaml::Mapping(entries) => entries.values().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Collects a text's `${names}`, except those that the mapping beside it defines.
fn substituted(node: &Yaml<'static>, found: &mut Vec<String>) {
    let defined = node.as_sequence().map(|both| &both[1]);
    let pattern = node.as_sequence().map_or(node, |both| &both[0]);
    let names = text(pattern)
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'));
    let unknown = |name: &&str| defined.is_none_or(|defined| !defined.contains_mapping_key(name));
    found.extend(names.map(|(name, _)| name).filter(unknown).map(first_part));
}

fn first_part(name: &str) -> String {
    name.split('.').next().unwrap_or(name).to_owned()
}

#[test]
fn every_reference_names_a_defined_resource_or_parameter() {
    let template = Template::read();
    let mut found = Vec::new();
    references(template.root(), &mut found);

    assert!(found.len() > 100, "{} references", found.len());
    let dangling: Vec<_> = found
        .iter()
        .filter(|name| !name.starts_with("AWS::") && !template.defines(name))
        .collect();
    assert!(dangling.is_empty(), "{dangling:?}");
}

#[test]
fn every_parameter_is_used_and_described() {
    let template = Template::read();
    let mut found = Vec::new();
    references(template.root(), &mut found);

    for (name, parameter) in template.parameters() {
        assert!(found.iter().any(|used| used == name), "{name} is not used");
        assert!(
            !text(&parameter["Description"]).is_empty(),
            "{name} is not described"
        );
    }
}

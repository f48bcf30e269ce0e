//! The names that the intrinsic functions of a template refer to.

use saphyr::Yaml;

use super::{entries, one_or_more, text};

/// Returns every name in `Ref`, `GetAtt` and the texts of `Sub` below a node, without attributes.
pub fn references(node: &Yaml<'static>) -> Vec<String> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect(node: &Yaml<'static>, found: &mut Vec<String>) {
    match node {
        Yaml::Tagged(tag, argument) => {
            found.extend(named(&tag.suffix, argument));
            collect(argument, found);
        }
        Yaml::Sequence(items) => items.iter().for_each(|item| collect(item, found)),
        // The long form of a function is a mapping: `Fn::Sub: …`.
        Yaml::Mapping(_) => entries(node).for_each(|(key, value)| {
            let function = key.strip_prefix("Fn::").unwrap_or(key);
            found.extend(named(function, value));
            collect(value, found);
        }),
        _ => {}
    }
}

/// Returns the names that an intrinsic function itself refers to; none for a function that only contains others.
fn named(function: &str, argument: &Yaml<'static>) -> Vec<String> {
    match function {
        "Ref" => vec![text(argument).to_owned()],
        "GetAtt" => vec![first_part(text(one_or_more(argument)[0]))],
        "Sub" => substituted(argument),
        _ => Vec::new(),
    }
}

/// Returns a text's `${names}`, except those that the mapping beside it defines.
fn substituted(argument: &Yaml<'static>) -> Vec<String> {
    let defined = argument.as_sequence().map(|both| &both[1]);
    let pattern = argument.as_sequence().map_or(argument, |both| &both[0]);
    let names = text(pattern)
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'));
    let unknown = |name: &&str| defined.is_none_or(|defined| !defined.contains_mapping_key(name));
    let names = names.map(|(name, _)| name).filter(unknown);
    names.map(first_part).collect()
}

fn first_part(name: &str) -> String {
    name.split('.').next().unwrap_or(name).to_owned()
}

//! Finds undefined names in the variables of a function, which the linter does not detect.

use end_to_end::template::{Template, references, text};
use saphyr::{LoadableYamlNode as _, Yaml};

#[test]
fn every_reference_names_a_defined_resource_or_parameter() {
    let template = Template::read();
    let found = references(template.root());

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
    let found = references(template.root());

    for (name, parameter) in template.parameters() {
        assert!(found.iter().any(|used| used == name), "{name} is not used");
        assert!(
            !text(&parameter["Description"]).is_empty(),
            "{name} is not described"
        );
    }
}

#[test]
fn a_name_is_found_in_every_form_of_a_reference() {
    let forms = [
        "!Ref HttpsProxy",
        "!GetAtt HttpsProxy.Arn",
        "!Sub '${HttpsProxy}'",
        "!Sub 'https://${HttpsProxy.Arn}/'",
        "!Sub ['${Proxy}', { Proxy: !Ref HttpsProxy }]",
        "!If [HasProxy, !Ref HttpsProxy, '']",
        "!Join ['', [a, !Sub 'b${HttpsProxy}']]",
        "{ Ref: HttpsProxy }",
        "{ 'Fn::Sub': '${HttpsProxy}' }",
        "{ 'Fn::GetAtt': [HttpsProxy, Arn] }",
    ];

    for form in forms {
        let nodes = Yaml::load_from_str(form).expect("YAML");
        assert_eq!(references(&nodes[0]), ["HttpsProxy"], "{form}");
    }
}

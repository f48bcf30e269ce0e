use std::collections::BTreeSet;

use conversation_archive::runtime::config::{FUNCTIONS, table};
use saphyr::Yaml;

use end_to_end::template::{Template, entries, references};

/// Set by Lambda, by an emulator, or for a non-AWS store; never by the template.
const SET_BY_PLATFORM: [&str; 4] = [
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
];

/// Stored in Secrets Manager by the template.
const IN_A_SECRET: [&str; 5] = [
    "DATA_LAKE_WEBHOOK_URL",
    "GENESYS_CLIENT_ID",
    "GENESYS_CLIENT_SECRET",
    "REDACTION_KEY",
    "WEBHOOK_SIGNING_SECRET",
];

/// Read before the settings exist, by telemetry.
const READ_BEFORE_SETTINGS: [&str; 2] = ["RUST_LOG", "STACK_NAME"];

#[test]
fn each_function_gets_exactly_the_variables_that_it_reads() {
    let template = Template::read();
    for function in FUNCTIONS {
        let read_variables: BTreeSet<_> = function
            .settings()
            .map(|setting| setting.name)
            .filter(|name| !SET_BY_PLATFORM.contains(name) && !IN_A_SECRET.contains(name))
            .collect();
        let own = template.properties(template.function(function.function));
        let template_variables = [template.globals(), own]
            .into_iter()
            .filter_map(|properties| properties.as_mapping_get("Environment"))
            .flat_map(|environment| entries(&environment["Variables"]))
            .map(|(name, _)| name)
            .filter(|name| !READ_BEFORE_SETTINGS.contains(name))
            .collect::<BTreeSet<_>>();

        assert_eq!(template_variables, read_variables, "{}", function.function);
    }
}

#[test]
fn no_variable_holds_the_value_of_a_secret_parameter() {
    let template = Template::read();
    let is_secret = |parameter: &Yaml<'static>| {
        let no_echo = parameter.as_mapping_get("NoEcho");
        no_echo.and_then(Yaml::as_bool) == Some(true)
    };
    let secrets: BTreeSet<_> = template
        .parameters()
        .filter(|(_, parameter)| is_secret(parameter))
        .map(|(name, _)| name)
        .collect();
    let expected = [
        "DataLakeWebhookUrl",
        "GenesysClientSecret",
        "HttpsProxy",
        "WebhookSigningSecret",
    ];

    assert_eq!(secrets, expected.into());
    for (variable, value) in template.variables() {
        let names = references(value);
        let leaked = names.iter().find(|name| secrets.contains(name.as_str()));
        assert_eq!(leaked, None, "{variable}");
        let resolved = format!("{value:?}").contains("{{resolve:");
        assert!(!resolved, "{variable} is resolved at deployment");
    }
}

#[test]
fn the_template_deploys_every_function() {
    let template = Template::read();

    let packages: BTreeSet<_> = FUNCTIONS.map(|function| function.function).into();
    let deployed: BTreeSet<_> = packages
        .iter()
        .map(|package| template.function(package))
        .collect();

    assert_eq!(deployed.len(), packages.len());
    assert_eq!(template.functions().len(), packages.len());
}

#[test]
fn parameters_have_the_defaults_and_ranges_of_their_settings() {
    let template = Template::read();
    let mut compared = 0;
    for setting in table::ALL {
        let Some((name, parameter)) = parameter(&template, setting.name) else {
            continue;
        };
        let scalar = |key: &str| match parameter.as_mapping_get(key)? {
            Yaml::Value(value) => value.as_integer().map(|it| it.to_string()).or_else(|| {
                let text = value.as_str()?;
                (!text.is_empty()).then(|| text.to_owned())
            }),
            _ => None,
        };

        assert_eq!(scalar("Default"), setting.default(), "{name}");
        if let (Some(range), "Number") =
            (setting.range(), scalar("Type").unwrap_or_default().as_str())
        {
            assert_eq!(
                scalar("MinValue"),
                Some(range.start().to_string()),
                "{name}"
            );
            assert_eq!(scalar("MaxValue"), Some(range.end().to_string()), "{name}");
        }
        compared += 1;
    }

    assert!(compared > 20, "{compared}");
}

/// The parameter that a variable of a function refers to.
fn parameter<'a>(template: &'a Template, variable: &str) -> Option<(&'a str, &'a Yaml<'static>)> {
    let name = template.variables().find_map(|(name, value)| match value {
        Yaml::Tagged(tag, inner) if name == variable && tag.suffix == "Ref" => inner.as_str(),
        _ => None,
    })?;
    template.parameters().find(|(known, _)| *known == name)
}

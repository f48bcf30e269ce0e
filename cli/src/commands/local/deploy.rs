//! Passes the template and the binaries to the script that deploys them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use conversation_archive::runtime::config::environment;
use serde_json::{Value, json};

use super::build::Binaries;
use crate::local::{LocalSettings, Project, REGION, STACK};
use crate::problem::Problem;
use crate::receiver::receiver_url;
use crate::screen::Screen;

/// The outputs of the stack.
pub(super) type Outputs = BTreeMap<String, String>;

/// Runs the script. Blocks. The script gets nothing of this process's environment, in particular no credentials and no
/// proxies.
pub(super) fn deploy(
    project: &Project,
    settings: &LocalSettings,
    binaries: &Binaries,
    more: &[(String, String)],
    screen: &Screen,
) -> Result<Outputs, Problem> {
    let mut parameters = parameters(settings);
    parameters.extend(more.iter().cloned());
    let input = json!({
        "endpoint": settings.ports.endpoint(),
        "region": REGION,
        "stack": STACK,
        "template": project.template(),
        "binaries": binaries,
        "parameters": parameters,
        "keepBucket": settings.bucket,
    });
    let script = Command::new(settings.python.join("bin/python"))
        .arg(project.deploy_script())
        .env_clear()
        .env("PATH", environment("PATH").unwrap_or_default())
        .env("PYTHONPATH", project.scripts())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start the deployment script")?;
    run_script(script, &input, screen)
}

/// Sends the settings to the script, shows its output, and returns its result.
fn run_script(mut script: Child, input: &Value, screen: &Screen) -> Result<Outputs, Problem> {
    if let Some(mut stdin) = script.stdin.take() {
        // If the script has already ended, its output states the reason.
        let _ = stdin.write_all(input.to_string().as_bytes());
    }
    let mut last_line = String::new();
    if let Some(stderr) = script.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            screen.print_line(&format!("  {line}"));
            last_line = line;
        }
    }
    let output = script
        .wait_with_output()
        .context("cannot read the output of the deployment script")?;
    if !output.status.success() {
        return Err(Problem::failed(format!(
            "the deployment failed: {last_line}"
        )));
    }
    Ok(serde_json::from_slice(&output.stdout)
        .context("the deployment script did not return the stack's outputs")?)
}

/// Parameters of the template for this machine. The schedule is off: nothing starts by itself on a laptop.
fn parameters(settings: &LocalSettings) -> BTreeMap<String, String> {
    let simulator = format!("http://{}", settings.ports.simulator());
    let organisation = genesys_simulator::Settings::default();
    let pairs = [
        ("GenesysRegion", REGION.to_owned()),
        ("GenesysApiUrl", simulator.clone()),
        ("GenesysLoginUrl", simulator),
        ("GenesysClientId", organisation.client_id),
        ("GenesysClientSecret", organisation.client_secret),
        (
            "DataLakeWebhookUrl",
            receiver_url(settings.ports.receiver()),
        ),
        ("WebhookSigningSecret", settings.signing_secret.clone()),
        ("ScheduleState", "DISABLED".to_owned()),
        ("S3ForcePathStyle", "true".to_owned()),
        ("TrustedPublicKeys", settings.earlier_keys().join(",")),
    ];
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

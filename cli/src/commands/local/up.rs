//! `local up`: builds, starts and deploys, each only if something has changed; with `--watch`, after each change.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use serde_json::json;

use super::build::{Binaries, build};
use super::deploy::{Outputs, deploy};
use super::services;
use super::watch::{POLL_INTERVAL, Sources, Watcher};
use crate::arguments::{StackArguments, UpArguments};
use crate::figures::{count, time};
use crate::local::{
    Folder, LocalSettings, Ports, Project, REGION, STACK, free_port, python_environment,
};
use crate::organisation::organisation;
use crate::problem::{Exit, Problem, full_message};
use crate::receiver::{new_secret, receiver_url};
use crate::screen::{Report, Screen};
use crate::stack::Stack;

/// The default ports: the usual one of AWS emulators, and the two after it.
const PORTS: Ports = Ports {
    emulator: 4566,
    simulator: 4567,
    receiver: 4568,
};

pub(super) async fn up(
    folder: &Folder,
    arguments: &UpArguments,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let here = std::env::current_dir().map_err(anyhow::Error::from)?;
    let project = Project::find(&here)?;
    let up = Up {
        project,
        folder,
        arguments,
        // Read before the build, which may replace the executable.
        program: std::env::current_exe().context("cannot find the path of this program")?,
        screen,
    };
    let sources = Sources::read(&up.project);
    let settings = up.update().await?;
    screen.print_result(&report(folder, &settings));
    if arguments.watch {
        up.watch(Watcher::new(sources)).await;
    }
    Ok(Exit::Done)
}

/// Everything that a deployment is made from.
struct Up<'a> {
    project: Project,
    folder: &'a Folder,
    arguments: &'a UpArguments,
    /// This executable, which also runs the services.
    program: PathBuf,
    screen: &'a Screen,
}

impl Up<'_> {
    /// Deploys after each change, until Ctrl-C. A failure, such as code that does not compile, is reported and leaves
    /// the stack as it is.
    async fn watch(&self, mut watcher: Watcher) {
        self.screen.print_line(
            "watching the sources of the functions; Ctrl-C ends this, the stack stays up",
        );
        let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
        loop {
            tokio::select! {
                _ = &mut interrupt => return,
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
            if let Some(changed) = watcher.poll(Sources::read(&self.project)) {
                self.deploy_change(&changed).await;
            }
        }
    }

    async fn deploy_change(&self, changed: &Path) {
        let shown = changed.strip_prefix(self.project.root()).unwrap_or(changed);
        self.screen
            .print_line(&format!("{} has changed", shown.display()));
        let since = Instant::now();
        self.screen.print_line(&match self.update().await {
            Ok(_) => format!(
                "deployed after {}: the next invocation of each function runs this code",
                time(since.elapsed())
            ),
            Err(problem) => format!("not deployed: {}", problem.message),
        });
    }

    /// Builds, starts and deploys, each only if something has changed. Returns the new settings.
    async fn update(&self) -> Result<LocalSettings, Problem> {
        let Some(_lock) = self.folder.lock_changes()? else {
            return Err(busy_problem(self.folder));
        };
        let (mut settings, binaries) = tokio::task::block_in_place(|| self.bring_up())?;
        let stack = Stack::find(&StackArguments::of_folder(self.folder)).await?;
        let key = stack.public_key().await;
        if key.is_some_and(|key| settings.add_public_key(key.to_base64())) {
            // An emulator that was killed lost its key, but not the bucket: the stack must trust the earlier keys.
            tokio::task::block_in_place(|| self.deploy(&settings, &binaries))?;
        }
        settings.write(self.folder)?;
        write_environment(self.folder, &settings).await?;
        Ok(settings)
    }

    /// Brings the deployment up. Blocks until it is.
    fn bring_up(&self) -> Result<(LocalSettings, Binaries), Problem> {
        let (folder, screen) = (self.folder, self.screen);
        let environments = self.arguments.environments.as_deref();
        let environments = environments.unwrap_or(folder.root());
        let python = environment(&self.project, environments, screen)?;
        screen.print_line("building the functions");
        let binaries = build(&self.project)?;
        let previous = LocalSettings::read(folder)?;
        let mut settings = settings(previous.as_ref(), python, self.arguments)?;
        if folder.has_services()? && previous.as_ref() != Some(&settings) {
            screen.print_line("restarting the services, because the options have changed");
            services::stop(folder)?;
        }
        settings.write(folder)?;
        if !folder.has_services()? {
            screen.print_line("starting the emulator, the simulator and the receiver");
            services::start(&self.program, folder, &settings, screen)?;
        }
        screen.print_line("deploying infra/template.yaml");
        let outputs = self.deploy(&settings, &binaries)?;
        settings.bucket = outputs.get("ArchiveBucketName").cloned();
        settings.write(folder)?;
        Ok((settings, binaries))
    }

    fn deploy(&self, settings: &LocalSettings, binaries: &Binaries) -> Result<Outputs, Problem> {
        let parameters = &self.arguments.parameters;
        deploy(&self.project, settings, binaries, parameters, self.screen)
    }
}

pub(super) fn busy_problem(folder: &Folder) -> Problem {
    Problem::failed(format!(
        "another `local up` or `local down` is running in {}; wait until it ends",
        folder.root().display()
    ))
}

fn environment(project: &Project, folder: &Path, screen: &Screen) -> Result<PathBuf, Problem> {
    let making = || screen.print_line("installing the emulator of AWS, once: takes half a minute");
    python_environment(folder, &project.requirements(), making)
        .map_err(|error| Problem::refused(full_message(error)))
}

/// The new settings. An option that is not given keeps its previous value.
fn settings(
    previous: Option<&LocalSettings>,
    python: PathBuf,
    arguments: &UpArguments,
) -> Result<LocalSettings, Problem> {
    let last = previous.map_or(PORTS, |previous| previous.ports);
    let port = |requested: Option<u16>, last: u16| match requested {
        // A free port that was found earlier is kept.
        Some(0) if previous.is_some() => Ok(last),
        Some(0) => free_port(),
        Some(port) => Ok(port),
        None => Ok(last),
    };
    let ports = || -> io::Result<Ports> {
        Ok(Ports {
            emulator: port(arguments.port, last.emulator)?,
            simulator: port(arguments.simulator_port, last.simulator)?,
            receiver: port(arguments.receiver_port, last.receiver)?,
        })
    };
    Ok(LocalSettings {
        ports: ports().map_err(anyhow::Error::from)?,
        organisation: arguments.organisation.clone(),
        signing_secret: previous
            .map_or_else(new_secret, |previous| previous.signing_secret.clone()),
        python,
        bucket: previous.and_then(|previous| previous.bucket.clone()),
        public_keys: previous.map_or_else(Vec::new, |previous| previous.public_keys.clone()),
    })
}

/// Writes a file for `cargo lambda watch`, with the variables of the stack and those of the emulator.
async fn write_environment(folder: &Folder, settings: &LocalSettings) -> Result<(), Problem> {
    let stack = Stack::find(&StackArguments::of_folder(folder)).await?;
    let mut variables = stack.variables().await?;
    let aws = [
        ("AWS_ENDPOINT_URL", settings.ports.endpoint()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ];
    variables.extend(aws.map(|(name, value)| (name.to_owned(), value)));
    let lines = variables
        .iter()
        .map(|(name, value)| format!("{name}='{value}'\n"));
    let path = folder.functions_env();
    let written = std::fs::write(&path, lines.collect::<String>());
    Ok(written.with_context(|| format!("cannot write {}", path.display()))?)
}

fn report(folder: &Folder, settings: &LocalSettings) -> Report {
    let ports = &settings.ports;
    let organisation = organisation(&settings.organisation, ports.simulator());
    let (start, end) = organisation.interval;
    let interval = format!("{start}/{end}");
    let (endpoint, simulator) = (ports.endpoint(), format!("http://{}", ports.simulator()));
    let bucket = settings.bucket.as_deref().unwrap_or_default();
    let text = format!(
        "the stack {STACK} is up on this machine\n\n  \
           AWS       {endpoint}, an emulator\n  \
           Genesys   {simulator}, {} conversations between {start} and {end}\n  \
           webhooks  {}, recorded in {}\n  \
           archive   s3://{bucket}\n\n\
         start an export and follow it:\n  \
           echo '{{\"exportId\": \"first\", \"interval\": \"{interval}\", \"slices\": 3}}' | genesys-archive start --local --request -\n\n\
         for other tools:\n  \
           export AWS_ENDPOINT_URL={endpoint} AWS_REGION={REGION} AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_S3_FORCE_PATH_STYLE=true",
        count(organisation.conversations as u64),
        receiver_url(ports.receiver()),
        folder.deliveries().display(),
    );
    let json = json!({
        "status": "up", "stack": STACK, "endpoint": endpoint, "region": REGION, "simulator": simulator,
        "interval": interval, "conversations": organisation.conversations, "bucket": bucket,
        "deliveries": folder.deliveries(),
    });
    Report { text, json }
}

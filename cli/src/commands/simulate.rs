//! `simulate`: the Genesys Cloud simulator alone, until Ctrl-C.

use genesys_simulator::{Settings, Simulator, Stats};
use serde_json::json;

use crate::arguments::SimulateArguments;
use crate::figures::count;
use crate::organisation::organisation;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};

pub(super) async fn simulate(
    arguments: &SimulateArguments,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let settings = organisation(&arguments.organisation, arguments.listen);
    let simulator = Simulator::start(settings.clone()).await;
    let cannot_listen =
        |error| Problem::refused(format!("cannot listen on {}: {error}", arguments.listen));
    let simulator = simulator.map_err(cannot_listen)?;
    screen.print_result(&greeting(&simulator, &settings));
    screen.print_line("press Ctrl-C to stop");
    let _ = tokio::signal::ctrl_c().await;
    screen.print_line(&stats_text(&simulator.stats()));
    Ok(Exit::Done)
}

fn greeting(simulator: &Simulator, settings: &Settings) -> Report {
    let url = simulator.url().to_string();
    let url = url.trim_end_matches('/');
    let (start, end) = settings.interval;
    let text = format!(
        "a simulated Genesys Cloud organisation listens at {url}\n\
         with {} conversations between {start} and {end}, and export-gateway records of the same days\n\n\
         in another terminal:\n\n\
         export GENESYS_API_URL={url} GENESYS_LOGIN_URL={url}\n\
         export GENESYS_CLIENT_ID={} GENESYS_CLIENT_SECRET={}\n\
         echo '{{\"exportId\": \"simulated\", \"interval\": \"{start}/{end}\"}}' | genesys-archive export --request - --out ./archive\n\n\
         the official SDKs use the same address and credentials: genesys-archive simulate --help\n",
        count(settings.conversations as u64),
        settings.client_id,
        settings.client_secret,
    );
    let json = json!({
        "url": url,
        "interval": format!("{start}/{end}"),
        "conversations": settings.conversations,
        "clientId": settings.client_id,
        "clientSecret": settings.client_secret,
    });
    Report { text, json }
}

fn stats_text(stats: &Stats) -> String {
    let requests = stats
        .requests
        .iter()
        .map(|(route, number)| format!("{} {}", count(*number), route.name()));
    let faults: u64 = stats.faults.values().sum();
    format!(
        "served {} requests ({}), {} of them with status 429; {} faults; {} jobs submitted, {} deleted",
        count(stats.total_requests()),
        requests.collect::<Vec<_>>().join(", "),
        count(stats.throttled),
        count(faults),
        count(stats.jobs_submitted),
        count(stats.jobs_deleted),
    )
}

//! `simulate`: the Genesys Cloud simulator alone, until Ctrl-C.

use genesys_simulator::{Live, Settings, Simulator, Stats, Traffic};
use serde_json::json;

use crate::arguments::SimulateArguments;
use crate::figures::count;
use crate::organisation::organisation;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};

/// Number of live conversations at the same time.
const CONVERSATIONS_AT_ONCE: usize = 20;

/// Number of sent frames that the simulator remembers; nothing here reads them.
const FRAME_HISTORY: usize = 1_000;

pub(super) async fn simulate(
    arguments: &SimulateArguments,
    screen: &Screen,
) -> Result<Exit, Problem> {
    let mut settings = organisation(&arguments.organisation, arguments.listen);
    settings.live.history = FRAME_HISTORY;
    let simulator = Simulator::start(settings.clone()).await;
    let cannot_listen =
        |error| Problem::refused(format!("cannot listen on {}: {error}", arguments.listen));
    let simulator = simulator.map_err(cannot_listen)?;
    screen.print_result(&greeting(&simulator, &settings));
    if let Some(frames_per_second) = arguments.live {
        screen.print_line(&live_text(&simulator, frames_per_second));
    }
    screen.print_line("press Ctrl-C to stop");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = send_live_traffic(&simulator, arguments) => {}
    }
    screen.print_line(&stats_text(&simulator.stats()));
    if arguments.live.is_some() {
        screen.print_line(&live_stats_text(&simulator.live()));
    }
    Ok(Exit::Done)
}

/// Never ends.
async fn send_live_traffic(simulator: &Simulator, arguments: &SimulateArguments) {
    if let Some(frames_per_second) = arguments.live {
        let live = simulator.live();
        live.begin(Traffic {
            seed: arguments.organisation.seed,
            conversations: usize::MAX,
            concurrent: CONVERSATIONS_AT_ONCE,
            reopened_every: 10,
            ..Traffic::default()
        });
        live.run(frames_per_second).await;
    }
    std::future::pending::<()>().await;
}

fn live_text(simulator: &Simulator, frames_per_second: u64) -> String {
    let url = simulator.url();
    format!(
        "{CONVERSATIONS_AT_ONCE} conversations happen at once, with about {} frames a second:\n\
         channels: POST {url}api/v2/notifications/channels\n\
         direct stream: {}?access_token=…\n",
        count(frames_per_second),
        direct_stream(simulator),
    )
}

fn direct_stream(simulator: &Simulator) -> String {
    let url = simulator.url();
    format!(
        "ws://{}/api/v2/analytics/conversations/details/stream",
        url.authority()
    )
}

fn live_stats_text(live: &Live) -> String {
    let conversations = live.conversations();
    let ended = conversations.iter().filter(|it| it.is_ended).count();
    format!(
        "sent {} frames about {} conversations, of which {} have ended; {} sockets were opened",
        count(live.frame_count()),
        count(conversations.len() as u64),
        count(ended as u64),
        count(live.sockets().len() as u64),
    )
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
        "directStream": direct_stream(simulator),
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

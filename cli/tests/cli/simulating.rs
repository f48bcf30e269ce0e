//! The simulator alone, for whoever wants to try a client.

use std::io::BufReader;

use serde::Deserialize as _;
use serde_json::Value;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_simulate_prints_is_all_that_a_client_needs() {
    let mut world = World::new().await;
    let command = "simulate --json --listen 127.0.0.1:0 --conversations 50 --days 2 --rate-per-minute 0 --job-seconds 0";
    let arguments: Vec<&str> = command.split(' ').collect();
    let mut simulator = world.command(&arguments).spawn().unwrap();
    let stdout = BufReader::new(simulator.stdout.take().unwrap());

    let told = Value::deserialize(&mut serde_json::Deserializer::from_reader(stdout)).unwrap();
    let text = |field: &str| told[field].as_str().unwrap().to_owned();
    for (name, field) in [
        ("GENESYS_API_URL", "url"),
        ("GENESYS_LOGIN_URL", "url"),
        ("GENESYS_CLIENT_ID", "clientId"),
        ("GENESYS_CLIENT_SECRET", "clientSecret"),
    ] {
        world.set(name, &text(field));
    }
    let request = format!(
        r#"{{"exportId":"march","interval":"{}"}}"#,
        text("interval")
    );
    let export = world.export(&request).await;
    simulator.kill().unwrap();
    simulator.wait().unwrap();

    assert_eq!(export.code, 0, "{}", export.err);
    assert!(export.out.contains("50 conversations"), "{}", export.out);
}

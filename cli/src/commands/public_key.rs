//! `public-key`: the public part of the signing key, for those who verify archives.

use serde_json::json;

use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};
use crate::signing::SigningSettings;

pub(super) fn public_key(screen: &Screen) -> Result<Exit, Problem> {
    let Some(key) = SigningSettings::from_env()?.public_key()? else {
        return Err(Problem::failed("there is no signing key yet")
            .with_hint("the first export creates it; SIGNING_KEY_FILE names its file"));
    };
    let pem = key.to_pem();
    screen.print_result(&Report {
        text: pem.trim_end().to_owned(),
        json: json!({"keyId": key.id(), "publicKey": pem, "base64": key.to_base64()}),
    });
    Ok(Exit::Done)
}

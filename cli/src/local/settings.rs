//! The settings of a deployment on this machine, kept across restarts.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Folder;
use super::folder::{read, write};
use crate::arguments::OrganisationArguments;

/// `settings.json`. The signing secret is generated and valid on this machine only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LocalSettings {
    pub ports: Ports,
    pub organisation: OrganisationArguments,
    pub signing_secret: String,
    /// The virtual environment with the emulator.
    pub python: PathBuf,
    /// The archive's bucket, after the stack has created one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// The keys that signed documents in that bucket, as base64 of their DER form; the last one is the stack's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_keys: Vec<String>,
}

/// The ports, all on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    /// The endpoint of every AWS service.
    pub emulator: u16,
    pub simulator: u16,
    pub receiver: u16,
}

impl LocalSettings {
    /// The keys before the stack's own.
    pub(crate) fn earlier_keys(&self) -> &[String] {
        let (_, earlier) = self.public_keys.split_last().unzip();
        earlier.unwrap_or_default()
    }

    /// Notes the stack's key. Returns whether it replaces an earlier one.
    pub(crate) fn add_public_key(&mut self, key: String) -> bool {
        if self.public_keys.last() == Some(&key) {
            return false;
        }
        self.public_keys.push(key);
        self.public_keys.len() > 1
    }

    pub(crate) fn read(folder: &Folder) -> anyhow::Result<Option<Self>> {
        read(&folder.settings())
    }

    pub(crate) fn write(&self, folder: &Folder) -> anyhow::Result<()> {
        write(&folder.settings(), self)
    }
}

impl Ports {
    pub(crate) fn endpoint(self) -> String {
        format!("http://{}", self.emulator())
    }

    pub(crate) fn emulator(self) -> SocketAddr {
        loopback(self.emulator)
    }

    pub(crate) fn simulator(self) -> SocketAddr {
        loopback(self.simulator)
    }

    pub(crate) fn receiver(self) -> SocketAddr {
        loopback(self.receiver)
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A port on which no process listens now.
pub(crate) fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind(loopback(0))?;
    Ok(listener.local_addr()?.port())
}

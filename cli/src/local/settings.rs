//! What a deployment on this machine is made of, kept for the next time.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Folder;
use super::folder::{read, write};
use crate::arguments::OrganisationArguments;

/// `settings.json`. The signing secret is made up and good for this machine only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LocalSettings {
    pub ports: Ports,
    pub organisation: OrganisationArguments,
    pub signing_secret: String,
    /// The virtual environment with the emulator.
    pub python: PathBuf,
    /// The archive's bucket, once the stack has made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
}

/// All on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    /// Of every service of AWS.
    pub emulator: u16,
    pub simulator: u16,
    pub receiver: u16,
}

impl LocalSettings {
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

/// One that nobody listens on now.
pub(crate) fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind(loopback(0))?;
    Ok(listener.local_addr()?.port())
}

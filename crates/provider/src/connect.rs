//! Connections to NATS: the lattice's, with what the host gives the provider, and others.

use std::fmt;

use async_nats::{Client, ConnectOptions, Event};
use lattice_protocol::{HostData, without_user_info};

use crate::{
    defaults::{CONNECT_LIMIT, NATS_URL},
    error::StartError,
};

/// A NATS, and who connects to it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NatsAccess {
    /// Where it is: one URL, or several between commas. Nothing is `nats://127.0.0.1:4222`.
    pub urls: String,
    /// The user's JWT, or nothing.
    pub jwt: String,
    /// The user's seed, secret; without a JWT that of an nkey. Nothing connects without credentials.
    pub seed: String,
    /// The name by which the server's monitoring shows the connection.
    pub name: String,
}

impl NatsAccess {
    /// Connects. From then on the connection is restored whenever it breaks, and its subscriptions with it.
    ///
    /// # Errors
    /// [`StartError::Credentials`], and [`StartError::Connect`] if nobody accepts the connection within 5 s. Neither
    /// repeats what is secret.
    pub async fn connect(&self) -> Result<Client, StartError> {
        let urls = match self.urls.trim() {
            "" => NATS_URL,
            urls => urls,
        };
        let servers: Vec<&str> = urls.split(',').map(str::trim).collect();
        let options = self.options()?.name(&self.name).connection_timeout(CONNECT_LIMIT).event_callback(tell);
        let connected = options.connect(servers.as_slice()).await;
        connected.map_err(|source| StartError::Connect { url: without_user_info(urls), source })
    }

    fn options(&self) -> Result<ConnectOptions, StartError> {
        match (self.jwt.trim(), self.seed.trim()) {
            ("", "") => Ok(ConnectOptions::new()),
            ("", seed) => Ok(ConnectOptions::with_nkey(seed.to_owned())),
            (_, "") => Err(StartError::Credentials { reason: "there is a JWT and no seed" }),
            (jwt, seed) => with_jwt(jwt, seed),
        }
    }
}

/// Shows the name alone: URLs may hold passwords.
impl fmt::Debug for NatsAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsAccess").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Connects to the lattice.
pub(crate) async fn connect(data: &HostData) -> Result<Client, StartError> {
    let access = NatsAccess {
        urls: data.lattice_rpc_url.clone(),
        jwt: data.lattice_rpc_user_jwt.clone(),
        seed: data.lattice_rpc_user_seed.clone(),
        name: format!("provider {} {}", data.provider_key, data.link_name),
    };
    access.connect().await
}

fn with_jwt(jwt: &str, seed: &str) -> Result<ConnectOptions, StartError> {
    let credentials = format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    let read = ConnectOptions::with_credentials(&credentials);
    // What the client says could repeat the text.
    read.map_err(|_| StartError::Credentials { reason: "JWT or seed are malformed" })
}

async fn tell(event: Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("the connection to NATS is lost and will be restored"),
        Event::Draining | Event::Closed => tracing::debug!(%event, "NATS"),
        other => tracing::warn!(event = %other, "NATS"),
    }
}

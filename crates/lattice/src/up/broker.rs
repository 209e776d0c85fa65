//! The broker of an `up`: one that is named, or a nats-server that it runs.

use std::{net::TcpListener, path::PathBuf};

use lattice_broker::{
    Broker as Server, BrokerConfig, BrokerState, PREFERRED_PORT, Progress, Search, find_or_provision,
};
use tokio::sync::watch;

use crate::{
    connect::connect_host,
    fault::{Code, Fault},
    printer::Printer,
    settings::{Broker, Credentials, DataDir, Target},
};

/// A broker that is ready.
#[derive(Debug)]
pub(super) struct UpBroker {
    /// The server, if it is ours.
    server: Option<Server>,
    /// Where it is.
    pub(super) place: Broker,
    /// A connection to it.
    pub(super) nats: async_nats::Client,
    /// Where it keeps its streams, if it is ours.
    pub(super) store: Option<PathBuf>,
}

impl UpBroker {
    /// The broker that is named, else one that is started, on this port if one is given.
    ///
    /// # Errors
    /// It cannot be used, or none can be found or started. Nothing is left running.
    pub(super) async fn start(
        data_dir: &DataDir,
        target: &Target,
        port: Option<u16>,
        printer: Printer,
    ) -> anyhow::Result<Self> {
        if target.is_named {
            let nats = connect_host(&target.broker, target.timeout).await?;
            return Ok(Self { server: None, place: target.broker.clone(), nats, store: None });
        }
        let server = start_server(data_dir, port, printer).await?;
        let place = Broker { url: server.url(), credentials: Credentials::None };
        match connect_host(&place, target.timeout).await {
            Ok(nats) => Ok(Self { store: Some(data_dir.path().join("nats")), server: Some(server), place, nats }),
            Err(error) => {
                server.stop().await;
                Err(error)
            }
        }
    }

    /// How our server is, at every change; none if it is not ours.
    pub(super) fn states(&self) -> Option<watch::Receiver<BrokerState>> {
        self.server.as_ref().map(Server::states)
    }

    /// Ends our server in order.
    pub(super) async fn stop(self) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

/// Tells of a server that dies and comes back; returns what became of one that does not come back. Cancel-safe.
pub(super) async fn watch(states: Option<watch::Receiver<BrokerState>>, printer: Printer) -> anyhow::Error {
    let Some(mut states) = states else { return std::future::pending().await };
    while states.changed().await.is_ok() {
        match &*states.borrow_and_update() {
            BrokerState::Restarting { cause, .. } => {
                printer.warn(&format!("the broker died and is started again: {cause}"))
            }
            BrokerState::Running { restarts, .. } if *restarts > 0 => printer.note("the broker runs again"),
            BrokerState::Failed { cause } => {
                return Fault::new(Code::Failed, "the broker died too often").caused_by(cause.clone()).into();
            }
            _ => {}
        }
    }
    std::future::pending().await
}

async fn start_server(data_dir: &DataDir, port: Option<u16>, printer: Printer) -> anyhow::Result<Server> {
    if let Some(port) = port {
        check_free(port)?;
    }
    let search = Search::from_env(data_dir.path());
    let binary = find_or_provision(&search, &|progress| report(progress, printer)).await?;
    printer.progress("starting the broker ...");
    let mut config = BrokerConfig::new(data_dir.path(), binary);
    config.port = port.unwrap_or(PREFERRED_PORT);
    let server = Server::start(config).await;
    printer.end_progress();
    let server = server?;
    if port.is_none() && server.port() != PREFERRED_PORT {
        printer.note(&format!("port {PREFERRED_PORT} is in use: the broker listens on {}", server.port()));
    }
    Ok(server)
}

/// A port that was asked for is not quietly replaced by another.
fn check_free(port: u16) -> Result<(), Fault> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::new(Code::Configuration, format!("port {port} cannot be used for the broker"))
            .hint("leave --port out to have a free one chosen")
            .caused_by(error)),
    }
}

fn report(progress: Progress, printer: Printer) {
    match progress {
        Progress::Skipped(rejected) => {
            let error = anyhow::Error::new(rejected);
            printer.warn(&format!("{error:#}"));
        }
        Progress::Downloading { package } => {
            printer.note(&format!("no usable nats-server was found: downloading {package}, once"));
        }
        Progress::Looking => printer.progress("looking for a nats-server ..."),
        Progress::Waiting { .. } => {
            printer.progress("waiting for another `lattice up` that downloads a nats-server ...")
        }
        Progress::Unpacking => printer.progress("unpacking the nats-server ..."),
        _ => printer.end_progress(),
    }
}

//! Reaching a lattice: looking at what listens, then connecting, with errors that tell where was looked.

use std::time::Duration;

use async_nats::ConnectOptions;
use lattice_broker::{ProbeError, probe};
use lattice_client::{Client, ClientSettings, ConnectSettings, Gathered, RequestError};
use lattice_protocol::{Host, HostInventory};
use tokio::time;

use crate::{
    cli::Pull,
    diagnosis::Diagnosis,
    fault::{Code, Fault},
    settings::{Broker, Credentials, Target},
    unanswered,
};

/// Where JetStream tells of itself.
const JETSTREAM_INFO: &str = "$JS.API.INFO";

/// A lattice that can be spoken to.
#[derive(Debug)]
pub(crate) struct Lattice {
    /// The control client.
    pub(crate) client: Client,
    /// Where it is.
    pub(crate) target: Target,
    has_jetstream: bool,
}

impl Lattice {
    /// Connects to where the target says.
    ///
    /// # Errors
    /// What listens there cannot carry a lattice, or lets nobody in.
    pub(crate) async fn reach(target: Target) -> anyhow::Result<Self> {
        let reached = reach(&target.broker, target.timeout).await;
        let (nats, has_jetstream) = reached.map_err(|error| not_reached(&target, error))?;
        let settings = ClientSettings {
            lattice: target.lattice.clone(),
            prefix: target.prefix.clone(),
            timeout: target.timeout,
            requester: target.requester.clone(),
            ..ClientSettings::default()
        };
        Ok(Self { client: Client::new(nats, settings), target, has_jetstream })
    }

    /// The same, by whose commands hosts ask the sources of images as `pull` says.
    #[must_use]
    pub(crate) fn pulling(self, pull: Pull) -> Self {
        Self { client: self.client.pulling(pull.policy), ..self }
    }

    /// The hosts of the lattice.
    ///
    /// # Errors
    /// There is none, or none could be asked.
    pub(crate) async fn hosts(&self) -> anyhow::Result<Gathered<Host>> {
        self.heard(self.client.hosts().await)
    }

    /// What runs on the hosts of the lattice.
    ///
    /// # Errors
    /// There is no host, or none could be asked.
    pub(crate) async fn inventories(&self) -> anyhow::Result<Gathered<HostInventory>> {
        self.heard(self.client.inventories().await)
    }

    /// What came of asking every host, if there is any.
    fn heard<T>(&self, gathered: Result<Gathered<T>, RequestError>) -> anyhow::Result<Gathered<T>> {
        let gathered = gathered.map_err(|error| unanswered::question(self, error))?;
        match gathered.is_silent() {
            true => Err(self.nobody().into()),
            false => Ok(gathered),
        }
    }

    /// That no host answers, and what may be the reason.
    pub(crate) fn nobody(&self) -> Fault {
        let message =
            format!("no host answers in lattice `{}` at {}", self.target.lattice, self.target.broker.shown_url());
        if self.has_jetstream {
            Fault::new(Code::NoHosts, message)
                .hint("start one with `lattice up` or `lattice host`; another lattice is named with -x")
        } else {
            Fault::new(
                Code::NoJetStream,
                format!("{message}, whose NATS server runs without JetStream, which hosts need"),
            )
            .hint("start the server with `nats-server -js`, or let `lattice up` run one that has it")
        }
    }
}

/// Connects for a host: JetStream must answer, here or from the server behind a leaf node.
///
/// # Errors
/// What listens there cannot carry a lattice, or lets nobody in.
pub(crate) async fn connect_host(broker: &Broker, timeout: Duration) -> anyhow::Result<async_nats::Client> {
    let connected = connect_to_jetstream(broker, timeout).await;
    connected.map_err(|error| {
        let code = Diagnosis::of(&error).code;
        let message = format!("the broker at {} cannot be used", broker.shown_url());
        Fault::new(code, message).caused_by(error).into()
    })
}

async fn connect_to_jetstream(broker: &Broker, timeout: Duration) -> anyhow::Result<async_nats::Client> {
    let missing = match look(broker, timeout).await {
        Ok(()) => None,
        Err(error @ ProbeError::WithoutJetStream { .. }) => Some(error),
        Err(error) => return Err(error.into()),
    };
    let nats = connect(broker, timeout).await?;
    match missing {
        Some(error) if !answers_jetstream(&nats, timeout).await => Err(error.into()),
        _ => Ok(nats),
    }
}

/// Whether anybody answers for JetStream; what the answer is worth is found out when it is used.
async fn answers_jetstream(nats: &async_nats::Client, timeout: Duration) -> bool {
    let answer = time::timeout(timeout, nats.request(JETSTREAM_INFO, "".into())).await;
    matches!(answer, Ok(Ok(_)))
}

async fn reach(broker: &Broker, timeout: Duration) -> anyhow::Result<(async_nats::Client, bool)> {
    let has_jetstream = match look(broker, timeout).await {
        Ok(()) => true,
        // A leaf node has none of its own, and the lattice behind it may be in order.
        Err(ProbeError::WithoutJetStream { .. }) => false,
        Err(error) => return Err(error.into()),
    };
    Ok((connect(broker, timeout).await?, has_jetstream))
}

/// Looks at what listens; one good server of several is enough.
async fn look(broker: &Broker, timeout: Duration) -> Result<(), ProbeError> {
    let mut first = None;
    for url in broker.urls() {
        match probe(url, timeout).await {
            Ok(_) => return Ok(()),
            // A server that begins with TLS waits for it in silence.
            Err(ProbeError::Mute { .. }) if url.starts_with("tls://") => return Ok(()),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_else(|| ProbeError::Address(broker.url.clone())))
}

async fn connect(broker: &Broker, timeout: Duration) -> anyhow::Result<async_nats::Client> {
    let settings = ConnectSettings::new(&broker.url).timeout(timeout);
    match &broker.credentials {
        Credentials::None => Ok(lattice_client::connect(settings).await?),
        Credentials::File(path) => Ok(lattice_client::connect(settings.credentials(path)).await?),
        Credentials::Seed(seed) => connect_with_seed(seed.clone(), broker, timeout).await,
        Credentials::Jwt { jwt, seed } => Ok(lattice_client::connect(settings.user(jwt, seed)).await?),
    }
}

async fn connect_with_seed(seed: String, broker: &Broker, timeout: Duration) -> anyhow::Result<async_nats::Client> {
    let urls: Vec<&str> = broker.urls().collect();
    let refused = |error: async_nats::ConnectError| {
        let message = format!("the NATS server at {} does not let this host in", broker.shown_url());
        Fault::new(Code::Unauthorized, message).caused_by(error)
    };
    let options = ConnectOptions::with_nkey(seed).name("lattice").connection_timeout(timeout);
    Ok(options.connect(urls.as_slice()).await.map_err(refused)?)
}

/// Where nothing is, it matters where was looked.
fn not_reached(target: &Target, error: anyhow::Error) -> Fault {
    let code = Diagnosis::of(&error).code;
    let message = format!("the lattice's broker at {} cannot be used", target.broker.shown_url());
    let fault = Fault::new(code, message).caused_by(error);
    if code == Code::Unreachable {
        let looked_at = target.looked_at.join(", ");
        fault.hint(format!("looked at, in this order: {looked_at}. `lattice up` starts a lattice on this machine"))
    } else {
        fault
    }
}

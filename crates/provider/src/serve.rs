//! [`serve`]: a provider from its host's data to its end.

use std::sync::Arc;

use async_nats::{Client, Subscriber};
use bytes::Bytes;
use lattice_claims::Issuers;
use lattice_protocol::HostData;
use lattice_rpc::{DirectClient, Entity, Server, Service};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Context, Failure,
    attendant::Attendant,
    calls::Calls,
    connect::connect,
    defaults::ROUND_TRIP,
    error::StartError,
    links::{Change, Changes},
    provider::Provider,
};

/// How a provider ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It was asked to shut down, and did so in order.
    Shutdown,
    /// The connection to NATS was closed for good.
    Disconnected,
    /// What attends to the host panicked.
    Panicked,
}

/// A provider that serves. Dropping it ends everything at once; [`Serving::shutdown`] is the orderly way.
#[derive(Debug)]
pub struct Serving {
    stop: CancellationToken,
    task: JoinHandle<Ended>,
}

impl Serving {
    /// Waits until it has ended, because its host asked for that for instance. Cancel-safe; not to be called again after it
    /// has returned.
    pub async fn ended(&mut self) -> Ended {
        (&mut self.task).await.unwrap_or(Ended::Panicked)
    }

    /// Ends it as its host would: nothing new is taken, running calls and [`Provider::shutdown`] finish within 10 s.
    pub async fn shutdown(mut self) -> Ended {
        self.stop.cancel();
        self.ended().await
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves the provider that `make` makes, for the host that wrote `data`. What a program does beside it (standard input,
/// logging, signals) is [`run`](crate::run)'s.
///
/// When this returns the links in `data` have been put, and the NATS server knows every subscription. A link that the
/// provider does not take is logged and left out, as published SDKs do.
///
/// # Errors
/// [`StartError`]; one that `make` returns is [`StartError::Provider`].
pub async fn serve<P, M, F>(data: HostData, make: M) -> Result<Serving, StartError>
where
    P: Provider,
    M: FnOnce(Context) -> F,
    F: Future<Output = Result<P, Failure>>,
{
    let issuers = Issuers::new(data.cluster_issuers.clone()).map_err(|source| StartError::Issuers { source })?;
    let nats = connect(&data).await?;
    let direct = direct(&data).await;
    let context = Context::new(data, nats.clone(), direct)?;
    // Before the links of the host's data are put: what changes meanwhile waits here, and nothing is missed.
    let links = subscribe(&nats, of(&context, Subject::Links)).await?;
    let provider = Arc::new(make(context.clone()).await.map_err(|reason| StartError::Provider { reason })?);
    let changes = first_links(Changes::new(Arc::clone(&provider), context.clone()), &context).await;
    let server = serve_calls(&provider, &context, issuers).await?;
    let shutdown = subscribe(&nats, of(&context, Subject::Shutdown)).await?;
    // The last, because a provider that answers for its health is taken to be ready.
    let health = subscribe(&nats, of(&context, Subject::Health)).await?;
    round_trip(&nats).await;
    let attendant = Attendant::new(provider, context, changes, server);
    let stop = CancellationToken::new();
    let task = tokio::spawn(attendant.run([links, shutdown, health], stop.clone()));
    Ok(Serving { stop, task })
}

/// The direct way to the actors of the host, where there is one. There is always the other one.
async fn direct(data: &HostData) -> Option<DirectClient> {
    let connected = DirectClient::connect(data.direct.as_ref()?).await;
    connected.inspect_err(|error| tracing::warn!(%error, "the host's actors cannot be called directly")).ok()
}

enum Subject {
    Links,
    Shutdown,
    Health,
}

fn of(context: &Context, subject: Subject) -> String {
    let (data, subjects) = (context.host_data(), context.subjects());
    let (key, name) = (&data.provider_key, &data.link_name);
    match subject {
        Subject::Links => subjects.link_changes(key, name),
        Subject::Shutdown => subjects.shutdown(key, name),
        Subject::Health => subjects.health(key, name),
    }
}

pub(crate) async fn subscribe(nats: &Client, subject: String) -> Result<Subscriber, StartError> {
    let subscribed = nats.subscribe(subject.clone()).await;
    subscribed.map_err(|source| StartError::Subscribe { subject, source })
}

async fn first_links<P: Provider>(mut changes: Changes<P>, context: &Context) -> Changes<P> {
    for link in &context.host_data().link_definitions {
        changes.add(Change::put(link.clone()));
    }
    while changes.progress().await.is_some() {}
    changes
}

async fn serve_calls<P: Provider>(
    provider: &Arc<P>,
    context: &Context,
    issuers: Issuers,
) -> Result<Server, StartError> {
    let data = context.host_data();
    let service = Service::new(data.lattice_rpc_prefix.clone(), entity(data), issuers);
    let service = match provider.largest_argument() {
        Some(bytes) => service.with_largest_payload(bytes),
        None => service,
    };
    let calls = Calls { provider: Arc::clone(provider), context: context.clone() };
    let server = Server::start(context.nats().clone(), service, Arc::new(calls)).await;
    server.map_err(|source| StartError::Serve { source })
}

/// Who is called here. The contract is what callers say; nothing is compared with it.
fn entity(data: &HostData) -> Entity {
    let contract = "lattice:any".parse().expect("a contract");
    Entity::Provider { key: data.provider_key.clone(), link: data.link_name.clone(), contract }
}

/// Waits until the NATS server has seen all that was sent before: it answers at once that nobody listens on an inbox that
/// was never used.
pub(crate) async fn round_trip(nats: &Client) {
    if timeout(ROUND_TRIP, nats.request(nats.new_inbox(), Bytes::new())).await.is_err() {
        tracing::warn!("the NATS server did not confirm within {ROUND_TRIP:?}");
    }
}

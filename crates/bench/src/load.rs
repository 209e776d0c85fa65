//! What is timed: one thing done once, as often as a burst wants it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::TryFutureExt;
use lattice_client::{CallTarget, Caller, Client, Rule};
use lattice_protocol::{ActorAuction, Annotations, Constraints, HostKey};
use tokio::{task::JoinSet, time};

use crate::{
    defaults::{LINK_DEADLINE, LINK_PAUSE},
    error::BenchError,
};

/// Something that can be done again and again, by many at the same time.
pub(crate) trait Load: Clone + Send + Sync + 'static {
    /// Does it once, and tells how long that took.
    fn once(&self) -> impl Future<Output = Result<Duration, BenchError>> + Send;

    /// Forgets what it has noted of itself so far, which does not count.
    fn forget(&self) {}

    /// Begins what goes on beside it while a burst of it is taken. It ends when this is dropped.
    fn beside(&self) -> JoinSet<()> {
        JoinSet::new()
    }
}

/// Does it until it goes well: a link is in force a moment after it was put.
pub(crate) async fn until_it_goes(load: &impl Load) -> Result<(), BenchError> {
    let gone = async {
        while load.once().await.is_err() {
            time::sleep(LINK_PAUSE).await;
        }
    };
    match time::timeout(LINK_DEADLINE, gone).await {
        Ok(()) => Ok(()),
        Err(_) => load.once().await.map(drop),
    }
}

/// How long something takes that can fail.
pub(crate) async fn timed<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<(T, Duration), E> {
    let begun = Instant::now();
    let done = work.await?;
    Ok((done, begun.elapsed()))
}

/// A bare request, which the responder answers.
#[derive(Clone, Debug)]
pub(crate) struct BareRequest {
    nats: async_nats::Client,
    subject: String,
    payload: Bytes,
    timeout: Duration,
}

impl BareRequest {
    /// A request of `size` bytes below `subject`, whose answer has `answer_size` bytes.
    pub(crate) fn new(client: &Client, subject: &str, size: usize, answer_size: usize) -> Self {
        Self {
            nats: client.nats().clone(),
            subject: format!("{subject}.{answer_size}"),
            payload: vec![b'x'; size].into(),
            timeout: client.settings().timeout,
        }
    }
}

impl Load for BareRequest {
    async fn once(&self) -> Result<Duration, BenchError> {
        let request = async_nats::Request::new().payload(self.payload.clone()).timeout(Some(self.timeout));
        let sent = self.nats.send_request(self.subject.clone(), request);
        let (_, took) = timed(sent.map_err(|source| BenchError::Floor { source })).await?;
        Ok(took)
    }
}

/// A query for the inventory of a host, as the client asks it and reads its answer.
#[derive(Clone, Debug)]
pub(crate) struct InventoryQuery {
    pub(crate) client: Client,
    pub(crate) host: HostKey,
}

impl InventoryQuery {
    /// How many bytes the answer has.
    pub(crate) async fn answer_size(&self) -> Result<usize, BenchError> {
        let settings = self.client.settings();
        let subjects = lattice_protocol::ControlSubjects::with_prefix(&settings.prefix, settings.lattice.clone());
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Accept", settings.format.encoding.media_type());
        let request = async_nats::Request::new().headers(headers).timeout(Some(settings.timeout));
        let answer = self.client.nats().send_request(subjects.inventory(&self.host), request).await;
        Ok(answer.map_err(|source| BenchError::AnswerSize { source })?.payload.len())
    }
}

impl Load for InventoryQuery {
    async fn once(&self) -> Result<Duration, BenchError> {
        let query = self.client.inventory(&self.host).map_err(|source| BenchError::Query { source });
        let (_, took) = timed(query).await?;
        Ok(took)
    }
}

/// A gather of hosts that are all to answer.
#[derive(Clone, Debug)]
pub(crate) struct Gather {
    pub(crate) client: Client,
    pub(crate) hosts: usize,
}

impl Load for Gather {
    async fn once(&self) -> Result<Duration, BenchError> {
        let (gathered, took) = timed(self.client.hosts().map_err(|source| BenchError::Query { source })).await?;
        match gathered.complete && gathered.items.len() == self.hosts {
            true => Ok(took),
            false => Err(BenchError::Incomplete { answered: gathered.items.len(), hosts: self.hosts }),
        }
    }
}

/// An auction for an actor, in which the host that is measured bids.
#[derive(Clone, Debug)]
pub(crate) struct Auction {
    pub(crate) client: Client,
    pub(crate) host: HostKey,
    pub(crate) reference: String,
}

impl Load for Auction {
    async fn once(&self) -> Result<Duration, BenchError> {
        let auction = ActorAuction {
            actor_ref: self.reference.clone(),
            annotations: Annotations::new(),
            constraints: Constraints::new(),
            count: 1.into(),
            explain: true,
            lattice_id: None,
        };
        let held = self.client.auction_actor(auction, Rule::Spread).map_err(|source| BenchError::Query { source });
        let (auction, took) = timed(held).await?;
        let bids = auction.ranked.iter().any(|bid| bid.host_id == self.host);
        if bids { Ok(took) } else { Err(BenchError::NoBid) }
    }
}

/// A call of the actor that is to be answered in one way.
#[derive(Clone, Debug)]
pub(crate) struct ActorCall {
    pub(crate) caller: Caller,
    pub(crate) target: CallTarget,
    pub(crate) operation: &'static str,
    pub(crate) payload: Bytes,
    /// What it must answer, if that is known.
    pub(crate) answer: Option<Bytes>,
    /// How long it may take.
    pub(crate) deadline: Duration,
}

impl Load for ActorCall {
    async fn once(&self) -> Result<Duration, BenchError> {
        let call = self.caller.call(&self.target, self.operation, self.payload.clone(), self.deadline);
        let (answer, took) = timed(call.map_err(|source| BenchError::Call { source })).await?;
        if self.answer.as_ref().is_none_or(|expected| answer == expected) {
            Ok(took)
        } else {
            Err(BenchError::WrongAnswer { sent: self.payload.len() })
        }
    }
}

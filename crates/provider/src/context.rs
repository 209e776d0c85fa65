//! What a provider is given when it is made: [`Context`].

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use lattice_claims::{ClusterSeed, InvocationSigner};
use lattice_protocol::{ActorKey, HostData, RpcSubjects};
use lattice_rpc::{Call, CallError, DirectClient, Entity, RpcClient, TraceContext};
use tokio::time::Instant;

use crate::{
    defaults::{CALL_TIMEOUT, LONGEST_CALL, NATS_URL},
    error::StartError,
    links::Table,
    provider::{Link, ProviderCall},
};

/// What a provider knows and can do. Clones share everything.
#[derive(Clone, Debug)]
pub struct Context {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    data: HostData,
    nats: async_nats::Client,
    rpc: RpcClient,
    links: Table,
}

impl Context {
    pub(crate) fn new(
        data: HostData,
        nats: async_nats::Client,
        direct: Option<DirectClient>,
    ) -> Result<Self, StartError> {
        let seed: ClusterSeed = data.invocation_seed.parse().map_err(|source| StartError::InvocationSeed { source })?;
        let (lattice, host) = (data.lattice_rpc_prefix.clone(), data.host_id.clone());
        let rpc = RpcClient::new(nats.clone(), lattice, host, InvocationSigner::new(seed));
        let rpc = rpc.with_timeout(call_timeout(&data));
        let rpc = match direct {
            Some(direct) => rpc.with_direct(direct),
            None => rpc,
        };
        Ok(Self { inner: Arc::new(Inner { data, nats, rpc, links: Table::default() }) })
    }

    /// What the host said at the start.
    pub fn host_data(&self) -> &HostData {
        &self.inner.data
    }

    /// The configuration string of the start command; `None` without one.
    pub fn configuration(&self) -> Option<&str> {
        self.inner.data.config_json.as_deref()
    }

    /// The connection to the lattice's NATS.
    pub fn nats(&self) -> &async_nats::Client {
        &self.inner.nats
    }

    /// Where the lattice's NATS is.
    pub fn nats_url(&self) -> &str {
        match self.inner.data.lattice_rpc_url.trim() {
            "" => NATS_URL,
            url => url,
        }
    }

    /// How long a call waits that has no deadline of its own: as the host says, otherwise 2 s.
    pub fn call_timeout(&self) -> Duration {
        call_timeout(&self.inner.data)
    }

    /// The link of an actor, if there is one.
    pub fn link(&self, actor: &ActorKey) -> Option<Arc<Link>> {
        self.inner.links.get(actor)
    }

    /// All links, in no order.
    pub fn links(&self) -> Vec<Arc<Link>> {
        self.inner.links.all()
    }

    /// A call of the linked actor, in the name of this provider: `operation` is `Interface.Method`. Nothing is sent before
    /// [`ActorCall::send`].
    pub fn call(&self, link: &Link, operation: impl Into<String>, payload: impl Into<Bytes>) -> ActorCall<'_> {
        let data = &self.inner.data;
        let origin = Entity::Provider {
            key: data.provider_key.clone(),
            link: data.link_name.clone(),
            contract: link.contract_id.clone(),
        };
        let call = Call::new(origin, link.actor_id.clone().into(), operation, payload);
        ActorCall { rpc: &self.inner.rpc, call }
    }

    /// The seed by which the instances of this provider know each other. Hosts of other projects do not tell it, and give the
    /// cluster's seed, from which it is derived as hosts of this one do.
    pub(crate) fn instances_seed(&self) -> Result<ClusterSeed, StartError> {
        let data = &self.inner.data;
        let read = |text: &str| text.parse::<ClusterSeed>().map_err(|source| StartError::InvocationSeed { source });
        match data.instances_seed.as_str() {
            "" => Ok(read(&data.invocation_seed)?.of_instances(&data.provider_key, "", &data.link_name)),
            seed => read(seed),
        }
    }

    pub(crate) fn table(&self) -> &Table {
        &self.inner.links
    }

    pub(crate) fn subjects(&self) -> RpcSubjects {
        RpcSubjects::new(self.inner.data.lattice_rpc_prefix.clone())
    }
}

fn call_timeout(data: &HostData) -> Duration {
    data.default_rpc_timeout_ms.map_or(CALL_TIMEOUT, Duration::from_millis).min(LONGEST_CALL)
}

/// A call of a linked actor that is yet to be made.
#[derive(Clone, Debug)]
#[must_use = "a call is made by `send`"]
pub struct ActorCall<'a> {
    rpc: &'a RpcClient,
    call: Call,
}

impl ActorCall<'_> {
    /// When to stop waiting, instead of after [`Context::call_timeout`].
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.call = self.call.with_deadline(deadline);
        self
    }

    /// The trace that the call belongs to.
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.call = self.call.with_trace(trace);
        self
    }

    /// Made while another call is worked on: with its deadline and trace, and one deeper. An actor that is called back has
    /// an instance that waits for the end of this; where it has no other it is not waited for long, but refused as
    /// overloaded.
    pub fn within(mut self, outer: &ProviderCall) -> Self {
        let is_back = matches!(self.call.target(), Entity::Actor(actor) if actor == outer.actor());
        let call = self.call.with_deadline(outer.deadline).with_trace(outer.trace.clone());
        let call = call.with_depth(outer.depth.saturating_add(1));
        self.call = if is_back { call.back() } else { call };
        self
    }

    /// Calls the actor and waits for its result. Dropping the future stops waiting.
    ///
    /// # Errors
    /// [`CallError`] tells apart whether the actor runs nowhere, did not answer in time, refused the call, or failed.
    pub async fn send(self) -> Result<Bytes, CallError> {
        self.rpc.call(self.call).await
    }
}

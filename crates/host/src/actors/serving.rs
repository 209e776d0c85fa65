//! Taking invocations for actors from the lattice, and making those that actors ask for.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::Duration,
};

use bytes::Bytes;
use lattice_claims::{InvocationSigner, Issuers, ModuleClaims};
use lattice_protocol::{ActorKey, CallAlias, HostKey, LatticeName, LinkDefinition, error_chain};
use lattice_rpc::{
    DirectDoor, Entity, Handler, HandlerError, Locals, Refusals, Request, RpcClient, ServeError, Server,
};
use lattice_runtime::{Call, CallContext, CallError, HostCall, Imports, MAX_PAYLOAD};

use super::{
    capabilities::Capabilities,
    imports::ActorImports,
    service::{Caller, Service, ServiceError},
};
use crate::{
    claims::ClaimsStore, config::HostConfig, defaults::BACK_PATIENCE, lent_keys::LentKeys, links::Links,
    providers::Exits,
};

/// The lattice as the actors of a host use it; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    nats: async_nats::Client,
    lattice: LatticeName,
    host: HostKey,
    issuers: Issuers,
    inbox_prefixes: Vec<String>,
    in_flight: usize,
    call_deadline: Duration,
    client: RpcClient,
    directory: Directory,
    refusals: Arc<Refusals>,
    /// What runs here, so that calls between actors of one host need no network.
    local: RwLock<HashMap<ActorKey, Service>>,
}

/// Where it is looked up who is called, who may call, and who can answer no more.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) claims: ClaimsStore,
    pub(crate) links: Links,
    pub(crate) lent_keys: LentKeys,
    pub(crate) exits: Exits,
}

/// An actor that is served, until [`stop`](Served::stop).
#[derive(Debug)]
pub(crate) struct Served {
    server: Server,
    call_deadline: Duration,
    _entry: LocalEntry,
}

/// The entry of an actor that runs here, which goes with its owner, however that ends.
#[derive(Debug)]
struct LocalEntry {
    actor: ActorKey,
    service: Service,
    serving: Serving,
}

impl Serving {
    pub(crate) fn new(config: &HostConfig, issuers: Issuers, directory: Directory) -> Self {
        let signer = InvocationSigner::new(config.cluster_seed.clone());
        let (nats, lattice) = (config.rpc.clone(), config.lattice.clone());
        let client = RpcClient::new(nats.clone(), lattice.clone(), config.host_seed.public(), signer)
            .with_timeout(config.call_deadline)
            .with_largest_payload(MAX_PAYLOAD);
        let shared = Shared {
            nats,
            lattice,
            host: config.host_seed.public(),
            issuers,
            inbox_prefixes: config.inbox_prefixes.clone(),
            // The bound of each actor is its count and queue, which may be as large as this; here is none of its own.
            in_flight: usize::from(u16::MAX) + config.call_queue,
            call_deadline: config.call_deadline,
            client,
            directory,
            refusals: Arc::default(),
            local: RwLock::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Invocations that were refused so far, by kind.
    pub(crate) fn refusals(&self) -> &Arc<Refusals> {
        &self.shared.refusals
    }

    /// The host as this actor sees it.
    pub(crate) fn imports(&self, actor: &ActorKey, capabilities: Capabilities) -> Arc<dyn Imports> {
        Arc::new(ActorImports::new(actor.clone(), capabilities, self.clone()))
    }

    /// Takes the actor's invocations from the lattice.
    pub(crate) async fn serve(&self, actor: &ActorKey, service: Service) -> Result<Served, ServeError> {
        let shared = &self.shared;
        let rpc =
            lattice_rpc::Service::new(shared.lattice.clone(), Entity::Actor(actor.clone()), shared.issuers.clone())
                .with_inbox_prefixes(shared.inbox_prefixes.clone())
                .with_in_flight(shared.in_flight)
                .with_longest_call(shared.call_deadline)
                .with_largest_payload(MAX_PAYLOAD)
                .with_key_lookup(Arc::new(shared.directory.lent_keys.clone()))
                .with_refusals(Arc::clone(&shared.refusals));
        let server = Server::start(shared.nats.clone(), rpc, Arc::new(service.clone())).await?;
        let entry = LocalEntry { actor: actor.clone(), service: service.clone(), serving: self.clone() };
        self.local().insert(actor.clone(), service);
        Ok(Served { server, call_deadline: shared.call_deadline, _entry: entry })
    }

    /// Makes the claims of what runs here known to the lattice.
    pub(crate) async fn store_claims(&self, claims: Option<&ModuleClaims>) {
        if let Some(claims) = claims {
            self.shared.directory.claims.put(claims).await;
        }
    }

    /// A door by which providers of this host call its actors without the broker, where the system has what it takes.
    pub(crate) fn door(&self) -> Option<DirectDoor> {
        let (host, refusals) = (self.shared.host.clone(), Arc::clone(&self.shared.refusals));
        let opened = DirectDoor::open(self.clone(), host, refusals, self.shared.call_deadline, MAX_PAYLOAD);
        opened.inspect_err(|error| tracing::info!(%error, "providers call actors of this host through the broker")).ok()
    }

    pub(crate) fn aliased(&self, alias: &CallAlias) -> Option<ActorKey> {
        self.shared.directory.claims.aliased(alias)
    }

    /// Calls an actor for another one: here if it runs here, else through the lattice.
    pub(crate) async fn call_actor(
        &self,
        origin: &ActorKey,
        target: &ActorKey,
        call: HostCall,
    ) -> Result<Bytes, String> {
        match self.find(target) {
            Some(service) => call_here(&service, origin == target, call).await,
            None => self.call_elsewhere(origin, target, call).await,
        }
    }

    /// The link under which an actor's call goes to a provider, if there is one.
    pub(crate) fn link(&self, origin: &ActorKey, call: &HostCall) -> Option<Arc<LinkDefinition>> {
        self.shared.directory.links.route(origin, &call.namespace, &call.binding)
    }

    /// Calls a provider for an actor, through the lattice wherever the provider runs. Where it ran here and ended, and runs
    /// nowhere else, its answer is not waited for.
    pub(crate) async fn call_provider(&self, link: &LinkDefinition, call: HostCall) -> Result<Bytes, String> {
        let target = Entity::Provider {
            key: link.provider_id.clone(),
            link: link.link_name.clone(),
            contract: link.contract_id.clone(),
        };
        let mut exits = self.shared.directory.exits.follow(link);
        // Both may be dropped at any point, and an answer that is there counts.
        tokio::select! {
            biased;
            answer = self.invoke(&link.actor_id, target, call) => answer,
            how = exits.ended() => Err(format!("provider {} {how} before it answered", link.provider_id)),
        }
    }

    async fn call_elsewhere(&self, origin: &ActorKey, target: &ActorKey, call: HostCall) -> Result<Bytes, String> {
        self.invoke(origin, Entity::Actor(target.clone()), call).await
    }

    async fn invoke(&self, origin: &ActorKey, target: Entity, call: HostCall) -> Result<Bytes, String> {
        let origin = Entity::Actor(origin.clone());
        let call = lattice_rpc::Call::new(origin, target, call.operation, call.payload)
            .with_deadline(call.context.deadline.into())
            .with_depth(u32::from(call.context.depth) + 1);
        self.shared.client.call(call).await.map_err(|error| error_chain(&error))
    }

    fn local(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<ActorKey, Service>> {
        self.shared.local.write().expect("nothing panics while it holds the map")
    }
}

/// An actor at its limit that calls itself would wait for its own end, so that it is refused at once.
async fn call_here(service: &Service, is_itself: bool, call: HostCall) -> Result<Bytes, String> {
    let depth = call.context.depth.saturating_add(1);
    let context = CallContext::new(call.context.deadline).depth(depth);
    let inner = Call::new(&call.operation, call.payload, context);
    let inner = if is_itself { inner.refuse_when_busy() } else { inner };
    service.call(Caller::Other, inner).await.map_err(|error| error.to_string())
}

impl Served {
    /// Takes no more invocations; those that run are the business of the actor's own drain, which comes after.
    pub(crate) async fn stop(self) {
        let Self { server, call_deadline, _entry: entry } = self;
        server.shutdown(call_deadline).await;
        // Not before: who does not find it here any more calls over NATS, where nobody must be on the way out.
        drop(entry);
    }
}

impl Drop for LocalEntry {
    fn drop(&mut self) {
        let mut local = self.serving.local();
        // A worker that follows one that panicked may have put its own entry there already.
        if local.get(&self.actor).is_some_and(|service| service.is(&self.service)) {
            local.remove(&self.actor);
        }
    }
}

impl Locals for Serving {
    type Handler = Service;

    fn find(&self, actor: &ActorKey) -> Option<Service> {
        self.shared.local.read().expect("nothing panics while it holds the map").get(actor).cloned()
    }
}

fn overloaded(error: &ServiceError, back: bool) -> String {
    match back {
        true => format!("{error}: the actor is at its limit, and one of its calls waits for this one"),
        false => error.to_string(),
    }
}

impl Handler for Service {
    async fn handle(&self, request: Request) -> Result<Bytes, HandlerError> {
        let caller = match &request.origin {
            Entity::Provider { contract, .. } => Caller::Provider(contract.as_str()),
            _ => Caller::Other,
        };
        let depth = u8::try_from(request.depth).unwrap_or(u8::MAX);
        let context = CallContext::new(request.deadline.into_std()).depth(depth);
        let call = Call::new(&request.operation, request.payload, context);
        let call = if request.back { call.wait_at_most(BACK_PATIENCE) } else { call };
        let outcome = self.call(caller, call).await;
        outcome.map_err(|error| match error {
            ServiceError::Call(
                CallError::QueueFull { .. } | CallError::Busy { .. } | CallError::NotStarted { .. } | CallError::Closed,
            ) => HandlerError::Overloaded(overloaded(&error, request.back)),
            _ => HandlerError::Failed(error.to_string()),
        })
    }
}

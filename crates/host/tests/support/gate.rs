//! A place in the lattice where calls wait until a test lets them go on.

use std::sync::Arc;

use bytes::Bytes;
use lattice_claims::{InvocationSigner, Issuers, ModuleSeed};
use lattice_client::{CallTarget, Caller};
use lattice_protocol::{ActorKey, LatticeName};
use lattice_rpc::{Entity, Handler, HandlerError, Request, Server, Service};
use lattice_testkit::guests;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{DEADLINE, Lattice, TestActor};

/// Somebody elsewhere in the lattice who lets callers wait until they are let go.
pub(crate) struct Gate {
    pub(crate) key: ActorKey,
    waiting: Arc<Semaphore>,
    open: Arc<Semaphore>,
    _server: Server,
}

struct Wait {
    waiting: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Handler for Wait {
    async fn handle(&self, request: Request) -> Result<Bytes, HandlerError> {
        self.waiting.add_permits(1);
        self.open.acquire().await.expect("the gate is never closed").forget();
        Ok(request.payload)
    }
}

impl Gate {
    pub(crate) async fn start(lattice: &Lattice) -> Self {
        let key = ModuleSeed::generate().public();
        let (waiting, open) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let issuers = Issuers::new([lattice.seeds.cluster.public()]).expect("a key that verifies");
        let service = Service::new(LatticeName::default(), Entity::Actor(key.clone()), issuers);
        let wait = Wait { waiting: Arc::clone(&waiting), open: Arc::clone(&open) };
        let server = Server::start(lattice.nats.client().await, service, Arc::new(wait)).await.expect("subscribed");
        Self { key, waiting, open, _server: server }
    }

    /// Starts an actor whose calls wait at the gate.
    pub(crate) async fn visitor(&self, lattice: &Lattice, annotations: Value) -> TestActor {
        let actor = lattice.actor("visitor", &guests::host_call("", self.key.as_str()));
        lattice.carry_out("cmd.{host}.la", json!({"actor_ref": actor.reference(), "annotations": annotations})).await;
        actor
    }

    /// Has the actor make a call that has reached the gate when this returns.
    pub(crate) async fn occupy(&self, lattice: &Lattice, actor: &TestActor) -> tokio::task::JoinHandle<bool> {
        let signer = InvocationSigner::new(lattice.seeds.cluster.clone());
        let caller = Caller::new(lattice.nats.client().await, LatticeName::default(), signer);
        let target = CallTarget::Actor(actor.key.clone());
        let call = tokio::spawn(async move { caller.call(&target, "Visit.Gate", "x", DEADLINE).await.is_ok() });
        self.reached().await;
        call
    }

    /// Waits until somebody waits at the gate.
    pub(crate) async fn reached(&self) {
        tokio::time::timeout(DEADLINE, self.waiting.acquire()).await.expect("the call comes").expect("open").forget();
    }

    /// Lets so many through, those who come later too.
    pub(crate) fn let_through(&self, count: usize) {
        self.open.add_permits(count);
    }
}

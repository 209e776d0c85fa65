//! Calling actors from outside the lattice.

use std::time::Duration;

use bytes::Bytes;
use lattice_claims::InvocationSigner;
use lattice_protocol::{ActorKey, HostKey, LatticeName};
use lattice_rpc::{Call, CallError, Entity, RpcClient};

use crate::client::Client;

/// The host in whose name calls from outside are made; there is no such host.
///
/// Source: wasmCloud 0.82 `crates/wash-cli/src/call.rs`. Hosts that look at a caller's host know this one.
const OUTSIDE: &str = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";

/// What to call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallTarget {
    /// An actor, wherever in the lattice it runs.
    Actor(ActorKey),
}

/// Calls actors with invocations signed by a cluster's key.
///
/// Clones share everything.
#[derive(Clone, Debug)]
pub struct Caller {
    rpc: RpcClient,
}

impl Client {
    /// Calls over this client's connection. Where invocations have a connection of their own, see [`Caller::new`].
    pub fn caller(&self, signer: InvocationSigner) -> Caller {
        Caller::new(self.nats().clone(), self.lattice().clone(), signer)
    }
}

impl Caller {
    /// Calls over a connection that may carry invocations.
    pub fn new(nats: async_nats::Client, lattice: LatticeName, signer: InvocationSigner) -> Self {
        let outside: HostKey = OUTSIDE.parse().expect("a published key");
        Self { rpc: RpcClient::new(nats, lattice, outside, signer) }
    }

    /// Calls an operation (`Interface.Method`) and returns its answer as it came. Waits at most for `deadline`, of which
    /// the host learns.
    ///
    /// Payloads of more than 900 KiB, there and back, go through the object store of the lattice; that takes rights which
    /// nothing else here needs, on the bucket that is named as the lattice.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use lattice_claims::{ClusterSeed, InvocationSigner};
    /// use lattice_client::CallTarget;
    ///
    /// let seed: ClusterSeed = std::fs::read_to_string("cluster.nk")?.trim().parse()?;
    /// let caller = client.caller(InvocationSigner::new(seed));
    /// let greeter = CallTarget::Actor(client.resolve_actor("greeter").await?);
    /// let answer = caller.call(&greeter, "Greeter.Greet", r#"{"name":"you"}"#, Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CallError`] tells apart whether the actor runs nowhere, did not answer in time, refused the call, or failed;
    /// and what a large payload lacked.
    pub async fn call(
        &self,
        target: &CallTarget,
        operation: impl Into<String>,
        payload: impl Into<Bytes>,
        deadline: Duration,
    ) -> Result<Bytes, CallError> {
        let CallTarget::Actor(actor) = target;
        // Hosts refuse callers of whom they have no claims; of the actor itself they have some.
        let (origin, target) = (Entity::Actor(actor.clone()), Entity::Actor(actor.clone()));
        self.rpc.call(Call::new(origin, target, operation, payload).with_time_limit(deadline)).await
    }
}

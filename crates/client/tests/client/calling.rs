//! Calls of actors, answered by a server that verifies them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use lattice_claims::{ClusterSeed, InvocationSigner, Issuers};
use lattice_client::{CallError, CallTarget};
use lattice_protocol::ActorKey;
use lattice_rpc::{Entity, Handler, HandlerError, Request, Server, Service};

use crate::fake::*;

/// Tells what it was asked.
struct Mirror;

impl Handler for Mirror {
    async fn handle(&self, request: Request) -> Result<Bytes, HandlerError> {
        let Request { origin, operation, payload, host_id, deadline, .. } = request;
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        assert!(left <= DEADLINE, "the caller's deadline is known: {left:?}");
        let payload = String::from_utf8_lossy(&payload);
        match operation.as_str() {
            "Mirror.Fail" => Err(HandlerError::Failed("a \"reason\"".to_owned())),
            "Mirror.Wait" => std::future::pending().await,
            _ => Ok(format!("{} at {host_id}: {operation}({payload})", origin.public_key()).into()),
        }
    }
}

fn actor() -> ActorKey {
    ACTOR.parse().expect("an actor key")
}

async fn mirror(nats: async_nats::Client, seed: &ClusterSeed) -> Server {
    let issuers = Issuers::new([seed.public()]).expect("a cluster key");
    let service = Service::new(Default::default(), Entity::Actor(actor()), issuers);
    Server::start(nats, service, Arc::new(Mirror)).await.expect("the server takes a subscription")
}

#[tokio::test]
async fn an_actor_is_called_in_its_own_name() {
    let (nats, client) = lattice().await;
    let seed = ClusterSeed::generate();
    let _mirror = mirror(nats.client().await, &seed).await;
    let caller = client.caller(InvocationSigner::new(seed));
    let target = CallTarget::Actor(actor());

    for payload in ["", "x"] {
        let answer = caller.call(&target, "Mirror.Show", payload, DEADLINE).await.expect("an answer");
        let outside = "NAWASHVALZUZPZNXPIF6HGQ4OMJYLXQ4B2WZZ5AMBCXKWEQPYXDOIWMA";
        assert_eq!(answer, format!("{ACTOR} at {outside}: Mirror.Show({payload})"));
    }
    let failed = caller.call(&target, "Mirror.Fail", "", DEADLINE).await;
    assert!(matches!(failed, Err(CallError::Failed { ref error }) if error == "a \"reason\""), "{failed:?}");
    let late = caller.call(&target, "Mirror.Wait", "", SHORT).await;
    assert!(matches!(late, Err(CallError::TimedOut { .. })), "{late:?}");
    let elsewhere = CallTarget::Actor(OTHER_ACTOR.parse().expect("an actor key"));
    let nobody = caller.call(&elsewhere, "Mirror.Show", "", Duration::MAX).await;
    assert!(matches!(nobody, Err(CallError::NoResponders { .. })), "{nobody:?}");
}

#[tokio::test]
async fn a_cluster_that_is_not_trusted_is_refused() {
    let (nats, client) = lattice().await;
    let _mirror = mirror(nats.client().await, &ClusterSeed::generate()).await;
    let caller = client.caller(InvocationSigner::new(ClusterSeed::generate()));
    let refused = caller.call(&CallTarget::Actor(actor()), "Mirror.Show", "", DEADLINE).await;
    assert!(matches!(refused, Err(CallError::Refused { .. })), "{refused:?}");
}

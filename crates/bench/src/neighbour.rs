//! An actor whose neighbour has far too much to do.

use std::{
    hint,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures::StreamExt as _;
use lattice_claims::{EntityRef, InvocationParts, InvocationSigner};
use lattice_protocol::{ActorKey, contract::messaging};
use tokio::{
    task::JoinSet,
    time::{self, MissedTickBehavior},
};

use crate::{
    defaults::{OVERLOAD_DEADLINE, OVERLOAD_PAUSE, SLOW_ANSWER},
    error::BenchError,
    guest::{self, HOST_CALL},
    load::{ActorCall, BareRequest, Load},
};

/// Calls of one actor, while something else is sent far more than it can do.
#[derive(Clone, Debug)]
pub(crate) struct Beside<L> {
    pub(crate) call: ActorCall,
    pub(crate) other: L,
}

impl<L: Load> Load for Beside<L> {
    async fn once(&self) -> Result<Duration, BenchError> {
        self.call.once().await
    }

    fn beside(&self) -> JoinSet<()> {
        let (other, mut all) = (self.other.clone(), JoinSet::new());
        all.spawn(async move {
            // Begun by the clock, whether those before are answered or not: who is overloaded must not set the pace.
            let (mut ticks, mut begun) = (time::interval(OVERLOAD_PAUSE), JoinSet::new());
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                let other = other.clone();
                // Most are refused, which is what is wanted here.
                begun.spawn(async move { drop(time::timeout(OVERLOAD_DEADLINE, other.once()).await) });
                while begun.try_join_next().is_some() {}
            }
        });
        all
    }
}

/// A bare request whose sender has the work of signing a call: what is sent is to differ in who receives it alone.
#[derive(Clone)]
pub(crate) struct SignedRequest {
    pub(crate) signer: InvocationSigner,
    pub(crate) actor: ActorKey,
    pub(crate) payload: Bytes,
    pub(crate) request: BareRequest,
}

impl Load for SignedRequest {
    async fn once(&self) -> Result<Duration, BenchError> {
        let actor = EntityRef { public_key: self.actor.as_str(), link_name: "", contract_id: "" };
        let parts = InvocationParts { origin: actor, target: actor, operation: HOST_CALL, payload: &self.payload };
        hint::black_box(self.signer.sign("", &parts, SystemTime::now()));
        self.request.once().await
    }
}

/// The argument of a call that waits for [`answer_slowly`] without having anything to do.
pub(crate) fn slow_request(subject: &str) -> Vec<u8> {
    let timeout = u32::try_from(OVERLOAD_DEADLINE.as_millis()).expect("a short time");
    let request = [("subject", subject.into()), ("body", Vec::<u8>::new().into()), ("timeoutMs", timeout.into())];
    guest::host_call(messaging::CONTRACT_ID, "Messaging.Request", guest::encode(&request))
}

/// Answers requests on a subject, each after a while, until it is dropped.
pub(crate) async fn answer_slowly(nats: &async_nats::Client, subject: String) -> Result<JoinSet<()>, BenchError> {
    let subscribed = nats.subscribe(subject.clone()).await;
    let mut requests = subscribed.map_err(|source| BenchError::Subscribe { subject, source })?;
    let (nats, mut task) = (nats.clone(), JoinSet::new());
    task.spawn(async move {
        let mut answers = JoinSet::new();
        while let Some(request) = requests.next().await {
            let Some(inbox) = request.reply else { continue };
            let nats = nats.clone();
            answers.spawn(async move {
                time::sleep(SLOW_ANSWER).await;
                // An answer that cannot be sent is one that nobody waits for.
                let _ = nats.publish(inbox, "".into()).await;
            });
            while answers.try_join_next().is_some() {}
        }
    });
    Ok(task)
}

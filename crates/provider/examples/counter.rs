//! A complete provider: each linked actor has a counter of its own, which begins at the link value `start`.
//!
//! It takes two operations of the contract `example:counter`. `Counter.Add` has a number as its argument and the new count
//! as its result. Whenever an actor's counter reaches the link value `limit`, the actor is called with
//! `CounterSubscriber.LimitReached`.

use std::{
    collections::HashMap,
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use lattice_provider::{ActorKey, Context, Failure, HandlerError, Link, Provider, ProviderCall, decode, encode, run};

struct Counter {
    context: Context,
    counts: Mutex<HashMap<ActorKey, u64>>,
}

impl Provider for Counter {
    async fn put_link(&self, link: Arc<Link>) -> Result<(), Failure> {
        let start = number(&link, "start")?.unwrap_or_default();
        number(&link, "limit")?;
        self.counts().insert(link.actor_id.clone(), start);
        Ok(())
    }

    async fn delete_link(&self, link: Arc<Link>) {
        self.counts().remove(&link.actor_id);
    }

    async fn handle(&self, call: ProviderCall) -> Result<Bytes, HandlerError> {
        if call.method() != "Add" {
            return Err(HandlerError::Failed(format!("there is no operation `{}`", call.operation)));
        }
        let count = self.add(call.actor(), decode(&call.payload)?);
        if number(&call.link, "limit").is_ok_and(|limit| limit == Some(count)) {
            let told = self.context.call(&call.link, "CounterSubscriber.LimitReached", encode(&count));
            told.within(&call).send().await.map_err(|error| HandlerError::Failed(error.to_string()))?;
        }
        Ok(encode(&count))
    }
}

impl Counter {
    fn counts(&self) -> MutexGuard<'_, HashMap<ActorKey, u64>> {
        self.counts.lock().expect("nothing panics while it holds the counts")
    }

    fn add(&self, actor: &ActorKey, number: u64) -> u64 {
        let mut counts = self.counts();
        let count = counts.entry(actor.clone()).or_default();
        *count = count.saturating_add(number);
        *count
    }
}

/// The number that a link value holds, if there is one.
fn number(link: &Link, key: &str) -> Result<Option<u64>, Failure> {
    let parsed = link.values.get(key).map(|text| text.trim().parse()).transpose();
    parsed.map_err(|_| Failure::new(format!("the link value `{key}` is no number")))
}

fn main() -> ExitCode {
    run(|context| async { Ok(Counter { context, counts: Mutex::default() }) })
}

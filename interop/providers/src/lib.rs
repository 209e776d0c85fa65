//! A provider as people wrote them, whatever SDK they are built with. The programs, one for each SDK, add nothing but that.
//!
//! Contract [`CONTRACT`]:
//!
//! | operation | answer |
//! |---|---|
//! | `Echo.Echo` | the same bytes |
//! | `Echo.CallBack` | what the calling actor answers to [`BACK`] with the same bytes |
//! | `Echo.Values` | the values of the link to the calling actor, as JSON |
//! | `Echo.Configuration` | what the provider was started with, as JSON |
//! | `Echo.Process` | the number of its process, as JSON |

use std::{
    collections::BTreeMap,
    future::Future,
    process,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

/// The contract that it offers.
pub const CONTRACT: &str = "interop:echo";

/// The operation of actors that it calls.
pub const BACK: &str = "Fault.Echo";

/// What it prints before it ends in order.
pub const LAST_WORDS: &str = "told to shut down, and so it does";

/// What an SDK offers to a provider.
pub trait Sdk {
    /// A link.
    type Link: Clone + Send + Sync;

    /// Its values.
    fn values(link: &Self::Link) -> BTreeMap<String, String>;
    /// Calls the actor of the link.
    fn call(link: &Self::Link, operation: &str, payload: Vec<u8>) -> impl Future<Output = Answer> + Send;
    /// What the provider was started with.
    fn configuration() -> Option<String>;
}

/// What is answered to a call: bytes, or why not.
pub type Answer = Result<Vec<u8>, String>;

/// The links of the provider, by actor. Like most providers it keeps them beside its SDK, as resources that a put takes and
/// a delete gives back.
#[derive(Debug)]
pub struct Links<L>(Arc<Mutex<BTreeMap<String, L>>>);

impl<L: Clone + Send + Sync> Links<L> {
    /// A link is there.
    pub fn put(&self, actor: &str, link: L) {
        self.lock().insert(actor.to_owned(), link);
    }

    /// It is there no more.
    pub fn delete(&self, actor: &str) {
        self.lock().remove(actor);
    }

    fn get(&self, actor: &str) -> Result<L, String> {
        self.lock().get(actor).cloned().ok_or_else(|| format!("the provider itself has no link to {actor}"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, L>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L> Default for Links<L> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<L> Clone for Links<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Answers a call of an actor.
///
/// # Errors
/// Says why there is no answer.
pub async fn answer<S: Sdk>(links: &Links<S::Link>, actor: &str, operation: &str, payload: &[u8]) -> Answer {
    let link = links.get(actor)?;
    match operation {
        "Echo.Echo" => Ok(payload.to_vec()),
        "Echo.CallBack" => S::call(&link, BACK, payload.to_vec()).await,
        "Echo.Values" => json(&S::values(&link)),
        "Echo.Configuration" => json(&S::configuration()),
        "Echo.Process" => json(&process::id()),
        other => Err(format!("there is no operation `{other}`")),
    }
}

fn json(value: &impl Serialize) -> Answer {
    serde_json::to_vec(value).map_err(|error| error.to_string())
}

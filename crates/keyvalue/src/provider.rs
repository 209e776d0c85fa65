//! [`KeyValue`]: the links, and the way of a call to where its keys are kept.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, RwLock},
};

use async_nats::jetstream;
use bytes::Bytes;
use lattice_protocol::contract::keyvalue::Operation;
use lattice_provider::{ActorKey, Context, Defaults, Failure, HandlerError, Link, Provider, ProviderCall, Settings};

use crate::{
    jetstream::{Bucket, Turns},
    operations::Call,
    redis::Redis,
    settings::{KNOWN, Place},
};

/// The provider for `wasmcloud:keyvalue`.
pub struct KeyValue {
    context: Context,
    defaults: Defaults,
    jetstream: jetstream::Context,
    turns: Arc<Turns>,
    links: RwLock<HashMap<ActorKey, Arc<Linked>>>,
}

/// What a link comes to.
struct Linked {
    prefix: String,
    store: Store,
}

enum Store {
    JetStream(Box<Bucket>),
    Redis(Redis),
}

impl KeyValue {
    /// The provider, without a link.
    ///
    /// # Errors
    /// The configuration that it was started with is there and no JSON object.
    pub fn new(context: Context) -> Result<Self, Failure> {
        let defaults = Defaults::read(context.configuration())?;
        let jetstream = jetstream::new(context.nats().clone());
        Ok(Self { context, defaults, jetstream, turns: Arc::default(), links: RwLock::default() })
    }

    async fn open(&self, link: &Link) -> Result<Linked, Failure> {
        let settings = Settings::new(&link.values, &self.defaults);
        let unknown = settings.unknown(KNOWN);
        if !unknown.is_empty() {
            tracing::warn!(actor = %link.actor_id, ?unknown, "link values that mean nothing here");
        }
        let prefix = settings.get("prefix").unwrap_or_default().to_owned();
        let store = match Place::read(&settings, &self.context.host_data().lattice_rpc_prefix)? {
            Place::Bucket(place) => {
                Store::JetStream(Bucket::open(&self.jetstream, &place, Arc::clone(&self.turns)).await?.into())
            }
            Place::Redis(place) => Store::Redis(Redis::open(&place).await?),
        };
        Ok(Linked { prefix, store })
    }

    fn linked(&self, actor: &ActorKey) -> Result<Arc<Linked>, HandlerError> {
        let links = self.links.read().expect("nothing panics while it holds the links");
        let linked = links.get(actor).map(Arc::clone);
        linked.ok_or_else(|| HandlerError::Unlinked(format!("`{actor}` is no longer linked")))
    }

    fn note(&self, actor: &ActorKey, linked: Option<Linked>) {
        let mut links = self.links.write().expect("nothing panics while it holds the links");
        let _ = match linked {
            Some(linked) => links.insert(actor.clone(), Arc::new(linked)),
            None => links.remove(actor),
        };
    }
}

impl Provider for KeyValue {
    async fn put_link(&self, link: Arc<Link>) -> Result<(), Failure> {
        let linked = self.open(&link).await?;
        self.note(&link.actor_id, Some(linked));
        Ok(())
    }

    async fn delete_link(&self, link: Arc<Link>) {
        self.note(&link.actor_id, None);
    }

    async fn handle(&self, call: ProviderCall) -> Result<Bytes, HandlerError> {
        let unknown = || HandlerError::Failed(format!("there is no operation `{}`", call.operation));
        let operation = Operation::from_wire_name(&call.operation).ok_or_else(unknown)?;
        let linked = self.linked(call.actor())?;
        let (prefix, argument) = (linked.prefix.as_str(), call.payload.as_ref());
        let done = match &linked.store {
            Store::JetStream(bucket) => Call { operation, storage: bucket.as_ref(), prefix, argument }.perform().await,
            Store::Redis(storage) => Call { operation, storage, prefix, argument }.perform().await,
        };
        Ok(done?)
    }
}

impl fmt::Debug for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyValue").finish_non_exhaustive()
    }
}

//! [`Messaging`]: the links, their connections and subscriptions.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use async_nats::Client;
use bytes::Bytes;
use futures::future::join_all;
use lattice_protocol::contract::messaging::Operation;
use lattice_provider::{
    ActorKey, Context, Defaults, Failure, HandlerError, Link, Provider, ProviderCall, Settings, decode, encode,
};

use crate::{
    delivery::Delivery,
    operations::{publish, request},
    settings::{KNOWN, Wanted},
    subject::Scope,
};

/// The provider for `wasmcloud:messaging`.
pub struct Messaging {
    context: Context,
    defaults: Defaults,
    links: Mutex<HashMap<ActorKey, Linked>>,
}

/// What a link comes to.
struct Linked {
    line: Line,
    /// None if the link has no subscriptions.
    delivery: Option<Delivery>,
}

/// Where an actor's messages go.
#[derive(Clone)]
struct Line {
    nats: Client,
    scope: Scope,
}

impl Messaging {
    /// The provider, without a link.
    ///
    /// # Errors
    /// The configuration that it was started with is there and no JSON object.
    pub fn new(context: Context) -> Result<Self, Failure> {
        let defaults = Defaults::read(context.configuration())?;
        Ok(Self { context, defaults, links: Mutex::default() })
    }

    fn wanted(&self, link: &Link) -> Result<Wanted, Failure> {
        let settings = Settings::new(&link.values, &self.defaults);
        let unknown = settings.unknown(KNOWN);
        if !unknown.is_empty() {
            tracing::warn!(actor = %link.actor_id, ?unknown, "link values that mean nothing here");
        }
        Wanted::read(&settings, link, &self.context.host_data().lattice_control_prefix)
    }

    async fn line(&self, wanted: &Wanted) -> Result<Line, Failure> {
        let nats = match &wanted.elsewhere {
            Some(access) => access.connect().await?,
            None => self.context.nats().clone(),
        };
        Ok(Line { nats, scope: wanted.scope.clone() })
    }

    async fn deliver(&self, link: Arc<Link>, line: &Line, wanted: &Wanted) -> Result<Option<Delivery>, Failure> {
        if wanted.subscriptions.is_empty() {
            return Ok(None);
        }
        let delivery = Delivery::start(self.context.clone(), link, &line.nats, &wanted.subscriptions).await?;
        Ok(Some(delivery))
    }

    async fn end(&self, actor: &ActorKey) {
        let ended = self.links().remove(actor).and_then(|linked| linked.delivery);
        if let Some(delivery) = ended {
            delivery.end().await;
        }
    }

    fn line_of(&self, actor: &ActorKey) -> Result<Line, HandlerError> {
        let line = self.links().get(actor).map(|linked| linked.line.clone());
        line.ok_or_else(|| HandlerError::Unlinked(format!("`{actor}` is no longer linked")))
    }

    fn links(&self) -> MutexGuard<'_, HashMap<ActorKey, Linked>> {
        self.links.lock().expect("nothing panics while it holds the links")
    }
}

impl Provider for Messaging {
    async fn put_link(&self, link: Arc<Link>) -> Result<(), Failure> {
        let wanted = self.wanted(&link)?;
        let line = self.line(&wanted).await?;
        // What is subscribed to now must not come twice.
        self.end(&link.actor_id).await;
        let delivery = self.deliver(Arc::clone(&link), &line, &wanted).await?;
        self.links().insert(link.actor_id.clone(), Linked { line, delivery });
        Ok(())
    }

    async fn delete_link(&self, link: Arc<Link>) {
        self.end(&link.actor_id).await;
    }

    async fn handle(&self, call: ProviderCall) -> Result<Bytes, HandlerError> {
        let unknown = || HandlerError::Failed(format!("there is no operation `{}`", call.operation));
        let operation = Operation::from_wire_name(&call.operation).ok_or_else(unknown)?;
        let Line { nats, scope } = self.line_of(call.actor())?;
        match operation {
            Operation::Publish => {
                publish(&nats, &scope, &call, decode(&call.payload)?).await?;
                Ok(Bytes::new())
            }
            Operation::Request => Ok(encode(&request(&nats, &scope, &call, decode(&call.payload)?).await?)),
        }
    }

    async fn shutdown(&self) {
        let deliveries: Vec<_> = self.links().values_mut().filter_map(|linked| linked.delivery.take()).collect();
        join_all(deliveries.into_iter().map(Delivery::finish)).await;
    }
}

impl fmt::Debug for Messaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messaging").finish_non_exhaustive()
    }
}

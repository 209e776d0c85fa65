//! [`Messaging`]: the links, their connections, subscriptions and timers.

use std::{
    collections::HashMap,
    fmt, mem,
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
    delivery,
    operations::{publish, request},
    running::Running,
    settings::{KNOWN, Wanted},
    subject::Scope,
    timer,
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
    /// What hands the actor messages: from its subscriptions and its timer, as far as it has them.
    running: Vec<Running>,
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

    async fn begin(&self, link: &Arc<Link>, line: &Line, wanted: &Wanted) -> Result<Vec<Running>, Failure> {
        let mut running = Vec::new();
        if !wanted.subscriptions.is_empty() {
            let delivery =
                delivery::start(self.context.clone(), Arc::clone(link), &line.nats, &wanted.subscriptions).await?;
            running.push(delivery);
        }
        if let Some(ticks) = &wanted.timer {
            running.push(timer::start(self.context.clone(), Arc::clone(link), ticks));
        }
        Ok(running)
    }

    async fn end(&self, actor: &ActorKey) {
        let running = self.links().remove(actor).map(|linked| linked.running).unwrap_or_default();
        join_all(running.into_iter().map(Running::end)).await;
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
        let running = self.begin(&link, &line, &wanted).await?;
        self.links().insert(link.actor_id.clone(), Linked { line, running });
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
        let running: Vec<_> = self.links().values_mut().flat_map(|linked| mem::take(&mut linked.running)).collect();
        join_all(running.into_iter().map(Running::finish)).await;
    }
}

impl fmt::Debug for Messaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messaging").finish_non_exhaustive()
    }
}

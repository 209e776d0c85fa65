//! [`Attendant`]: the task that attends to the host: changes of links, questions for health, and the end.

use std::{sync::Arc, time::Duration};

use async_nats::{Message, Subscriber, connection::State};
use futures::StreamExt as _;
use lattice_protocol::{
    Encoding, Format, HealthCheckResponse, SHUTDOWN_ANSWER, ShutdownRequest, Spelling, decode, encode,
};
use lattice_rpc::{DEADLINE_HEADER, Server};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Context, Ended,
    defaults::{HEALTH_AT_ONCE, HEALTH_LIMIT, SHUTDOWN_LIMIT},
    guarded::guarded,
    links::{Changes, is_meant, reply},
    provider::{Health, Provider},
    serve::round_trip,
};

/// How health is told: everything between hosts and providers has snake_case keys.
const FORMAT: Format = Format { encoding: Encoding::MessagePack, spelling: Spelling::Snake };

pub(crate) struct Attendant<P> {
    provider: Arc<P>,
    context: Context,
    changes: Changes<P>,
    server: Server,
    checks: JoinSet<()>,
}

/// What made the provider end.
enum Cause {
    /// The program itself wants that.
    Own,
    /// The host asks for it with this message.
    Host(Message),
    /// There is no connection any more.
    Disconnected,
}

impl<P: Provider> Attendant<P> {
    pub(crate) fn new(provider: Arc<P>, context: Context, changes: Changes<P>, server: Server) -> Self {
        Self { provider, context, changes, server, checks: JoinSet::new() }
    }

    /// Attends until the host or `stop` ends it. The subscriptions are those to links, shutdown and health.
    pub(crate) async fn run(mut self, mut subscriptions: [Subscriber; 3], stop: CancellationToken) -> Ended {
        match self.attend(&mut subscriptions, &stop).await {
            Cause::Own => self.end(None, subscriptions).await,
            Cause::Host(message) => self.end(Some(message), subscriptions).await,
            Cause::Disconnected => return Ended::Disconnected,
        }
        Ended::Shutdown
    }

    async fn attend(&mut self, [links, shutdown, health]: &mut [Subscriber; 3], stop: &CancellationToken) -> Cause {
        loop {
            // Cancel-safe: reading subscriptions, waiting for tasks and for the token all are.
            tokio::select! {
                biased;
                () = stop.cancelled() => return Cause::Own,
                message = shutdown.next() => match message {
                    Some(message) if self.is_for_us(&message) => return Cause::Host(message),
                    Some(_) => {}
                    None => return Cause::Disconnected,
                },
                Some(()) = self.changes.progress() => {}
                Some(_) = self.checks.join_next() => {}
                message = links.next() => match message {
                    Some(message) => self.changes.take(&message).await,
                    None => return Cause::Disconnected,
                },
                message = health.next() => match message {
                    Some(message) => self.check_health(message),
                    None => return Cause::Disconnected,
                },
            }
        }
    }

    /// Every instance of the provider hears what one host says to its own. Without a reply subject it is no request.
    fn is_for_us(&self, message: &Message) -> bool {
        let host = decode::<ShutdownRequest>(&message.payload).ok().and_then(|request| request.host_id);
        let ours = host.as_ref() == Some(&self.context.host_data().host_id) && reply(message).is_some();
        if !ours {
            tracing::debug!(host = ?host, "a shutdown that is not for this provider");
        }
        ours
    }

    fn check_health(&mut self, message: Message) {
        let Some(reply) = reply(&message) else { return };
        if !is_meant(&message, &self.context.host_data().instance_id) {
            return;
        }
        if self.checks.len() >= HEALTH_AT_ONCE {
            return tracing::warn!("too many questions for health at once; one is not answered");
        }
        let (provider, nats) = (Arc::clone(&self.provider), self.context.nats().clone());
        self.checks.spawn(async move {
            let answer = answer(health(&*provider).await);
            if let Err(error) = nats.publish(reply, encode(&answer, FORMAT).into()).await {
                tracing::warn!(%error, "a question for health could not be answered");
            }
        });
    }

    async fn end(self, asked: Option<Message>, subscriptions: [Subscriber; 3]) {
        tracing::info!(by = if asked.is_some() { "the host" } else { "a signal" }, "shutting down");
        let limit = asked.as_ref().and_then(time_left).unwrap_or(SHUTDOWN_LIMIT).min(SHUTDOWN_LIMIT);
        // Changes of links and questions that are under way are dropped: who asked them wants this provider gone.
        drop((self.changes, self.checks));
        // What comes in from outside finishes beside the calls of actors, so that neither uses up the other's time.
        let hook = timeout(limit, guarded(self.provider.shutdown()));
        let (hook, ended) = tokio::join!(hook, finish(self.server, &self.context, limit));
        tell_how(hook, ended);
        let nats = self.context.nats();
        if !is_connected(&self.context) {
            return;
        }
        if let Some(reply) = asked.as_ref().and_then(reply)
            && let Err(error) = nats.publish(reply, SHUTDOWN_ANSWER.into()).await
        {
            tracing::warn!(%error, "the host could not be answered");
        }
        for mut subscription in subscriptions {
            // An error means that the connection is gone, and the subscription with it.
            let _ = subscription.unsubscribe().await;
        }
        round_trip(nats).await;
    }
}

/// Lets running calls finish; returns how many took too long. Without a connection nobody hears of them.
async fn finish(server: Server, context: &Context, limit: Duration) -> usize {
    if is_connected(context) { server.shutdown(limit).await.ended } else { 0 }
}

fn is_connected(context: &Context) -> bool {
    context.nats().connection_state() == State::Connected
}

async fn health(provider: &impl Provider) -> Health {
    match timeout(HEALTH_LIMIT, guarded(provider.health())).await {
        Err(_) => Health::bad(format!("no answer from the provider within {HEALTH_LIMIT:?}")),
        Ok(None) => Health::bad("the provider panicked when asked"),
        Ok(Some(health)) => health,
    }
}

fn answer(Health { healthy, message }: Health) -> HealthCheckResponse {
    HealthCheckResponse { healthy, message, lattice_sdk: Some(env!("CARGO_PKG_VERSION").to_owned()) }
}

/// How long the host says that it waits, less a fifth: the answer is to come in time.
fn time_left(message: &Message) -> Option<Duration> {
    let text = message.headers.as_ref()?.get(DEADLINE_HEADER)?;
    text.as_str().parse().ok().map(|millis: u64| Duration::from_millis(millis) * 4 / 5)
}

fn tell_how(hook: Result<Option<()>, tokio::time::error::Elapsed>, ended: usize) {
    match hook {
        Err(_) => tracing::warn!("the provider's shutdown took too long and was cut short"),
        Ok(None) => tracing::error!("the provider's shutdown panicked"),
        Ok(Some(())) => {}
    }
    if ended > 0 {
        tracing::warn!(ended, "calls took too long and were ended");
    }
}

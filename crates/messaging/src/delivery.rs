//! The messages on a link's subscriptions, handed to its actor: [`start`].

use std::sync::Arc;

use async_nats::{Client, Message, SubscribeError, Subscriber};
use futures::{Stream, StreamExt as _, stream::select_all};
use lattice_protocol::{contract::messaging, error_chain};
use lattice_provider::{Context, Failure, Link, encode};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{defaults::IN_FLIGHT, running::Running, settings::Wish, trace};

/// To whom messages are handed, and how.
struct Addressee {
    context: Context,
    link: Arc<Link>,
}

/// Subscribes and begins. When this returns the server has been told: what is sent after that over the same connection,
/// the answer to whoever put the link for instance, it takes later.
pub(crate) async fn start(
    context: Context,
    link: Arc<Link>,
    nats: &Client,
    wishes: &[Wish],
) -> Result<Running, Failure> {
    let mut subscribers = Vec::new();
    for wish in wishes {
        subscribers.push(subscribe(nats, wish).await?);
    }
    // Not asked about with a message of ours: whoever subscribes to everything would be handed that.
    nats.flush().await?;
    let addressee = Arc::new(Addressee { context, link });
    Ok(Running::start(|stop| hand_over(select_all(subscribers), addressee, stop)))
}

async fn subscribe(nats: &Client, wish: &Wish) -> Result<Subscriber, SubscribeError> {
    match &wish.queue {
        Some(queue) => nats.queue_subscribe(wish.subject.clone(), queue.clone()).await,
        None => nats.subscribe(wish.subject.clone()).await,
    }
}

async fn hand_over(
    mut messages: impl Stream<Item = Message> + Unpin,
    addressee: Arc<Addressee>,
    stop: CancellationToken,
) {
    let mut running = JoinSet::new();
    loop {
        // Cancel-safe: what is received is received in one step, and tasks are joined or still there.
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = running.join_next() => {}
            message = messages.next(), if running.len() < IN_FLIGHT => match message {
                Some(message) => {
                    let addressee = Arc::clone(&addressee);
                    running.spawn(async move { addressee.hand(message).await });
                }
                None => break,
            },
        }
    }
    drop(messages);
    while running.join_next().await.is_some() {}
}

impl Addressee {
    async fn hand(&self, message: Message) {
        let subject = message.subject.to_string();
        let trace = trace::of(message.headers.as_ref());
        let argument = messaging::Message {
            subject: subject.clone(),
            reply_to: message.reply.map(|reply| reply.to_string()),
            body: message.payload.into(),
        };
        let call = self.context.call(&self.link, messaging::HANDLE_MESSAGE, encode(&argument)).with_trace(trace);
        if let Err(error) = call.send().await {
            let actor = &self.link.actor_id;
            tracing::error!(%actor, subject, error = error_chain(&error), "an actor did not take a message");
        }
    }
}

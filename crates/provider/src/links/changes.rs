//! [`Changes`]: carries out changes of links, those of one actor one after the other.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_nats::{Message, Subject};
use lattice_protocol::{ActorKey, Encoding, Format, LinkAnswer, Spelling, encode};
use tokio::{sync::Semaphore, task::JoinSet};

use super::message::{Change, NoChange};
use crate::{
    Context,
    defaults::{CHANGE_LIMIT, CHANGES_AT_ONCE, CHANGES_WAITING},
    error::Failure,
    guarded::guarded,
    provider::{Link, Provider},
};

/// How answers are written: everything between hosts and providers has snake_case keys.
const FORMAT: Format = Format { encoding: Encoding::MessagePack, spelling: Spelling::Snake };

/// Carries out changes, of different actors side by side. Owned by one task; dropping it drops what is under way.
pub(crate) struct Changes<P> {
    desk: Arc<Desk<P>>,
    /// Actors of which a change is under way, and what waits for it.
    waiting: HashMap<ActorKey, VecDeque<Change>>,
    waiting_count: usize,
    running: JoinSet<ActorKey>,
    places: Arc<Semaphore>,
}

struct Desk<P> {
    provider: Arc<P>,
    context: Context,
}

impl<P: Provider> Changes<P> {
    pub(crate) fn new(provider: Arc<P>, context: Context) -> Self {
        Self {
            desk: Arc::new(Desk { provider, context }),
            waiting: HashMap::new(),
            waiting_count: 0,
            running: JoinSet::new(),
            places: Arc::new(Semaphore::new(CHANGES_AT_ONCE)),
        }
    }

    /// Lines a change up behind others of the same actor, however many there are.
    pub(crate) fn add(&mut self, change: Change) {
        if let Some(queue) = self.waiting.get_mut(&change.actor) {
            queue.push_back(change);
            self.waiting_count += 1;
        } else {
            self.waiting.insert(change.actor.clone(), VecDeque::new());
            self.begin(change);
        }
    }

    /// Lines up what a message says, or answers why that is not done.
    pub(crate) async fn take(&mut self, message: &Message) {
        match Change::read(message, self.desk.context.host_data()) {
            None => tracing::debug!(subject = %message.subject, "not about a change of links"),
            Some(Err(NoChange { reply, error })) => self.decline(reply, error).await,
            Some(Ok(change)) if self.running.len() + self.waiting_count >= CHANGES_WAITING => {
                self.decline(change.reply, "too many changes of links are waiting".to_owned()).await;
            }
            Some(Ok(change)) => self.add(change),
        }
    }

    async fn decline(&self, reply: Option<Subject>, error: String) {
        tracing::warn!(error, "a change of a link is not carried out");
        self.desk.tell(reply, Err(Failure::new(error))).await;
    }

    /// Waits until a change is done and begins the next of its actor; `None` if none is under way. Cancel-safe.
    pub(crate) async fn progress(&mut self) -> Option<()> {
        // A change ends in no other way than by returning: what may panic is guarded, and nobody aborts it.
        let actor = self.running.join_next().await?.ok()?;
        match self.waiting.get_mut(&actor).and_then(VecDeque::pop_front) {
            Some(next) => {
                self.waiting_count -= 1;
                self.begin(next);
            }
            None => drop(self.waiting.remove(&actor)),
        }
        Some(())
    }

    fn begin(&mut self, change: Change) {
        let (desk, places) = (Arc::clone(&self.desk), Arc::clone(&self.places));
        self.running.spawn(async move {
            let _place = places.acquire().await.expect("the semaphore is never closed");
            desk.carry_out(change).await
        });
    }
}

impl<P: Provider> Desk<P> {
    async fn carry_out(&self, Change { actor, link, reply }: Change) -> ActorKey {
        let outcome = match link {
            Some(link) => self.put(link).await,
            None => {
                self.delete(&actor).await;
                Ok(())
            }
        };
        self.tell(reply, outcome).await;
        actor
    }

    async fn put(&self, link: Arc<Link>) -> Result<(), Failure> {
        let table = self.context.table();
        if table.get(&link.actor_id).is_some_and(|known| known == link) {
            return Ok(());
        }
        let actor = link.actor_id.clone();
        match within(CHANGE_LIMIT, self.provider.put_link(Arc::clone(&link))).await.and_then(|taken| taken) {
            Ok(()) => {
                table.put(link);
                tracing::info!(%actor, "linked");
                Ok(())
            }
            Err(reason) => {
                tracing::warn!(%actor, %reason, "a link is not taken");
                self.delete(&actor).await;
                Err(reason)
            }
        }
    }

    async fn delete(&self, actor: &ActorKey) {
        // First the table, so that no call comes any more when the provider lets go.
        let Some(link) = self.context.table().remove(actor) else { return };
        match within(CHANGE_LIMIT, self.provider.delete_link(link)).await {
            Ok(()) => tracing::info!(%actor, "unlinked"),
            Err(reason) => tracing::error!(%actor, %reason, "unlinked, but not orderly"),
        }
    }

    async fn tell(&self, reply: Option<Subject>, outcome: Result<(), Failure>) {
        let Some(reply) = reply else { return };
        let instance_id = self.context.host_data().instance_id.clone();
        let answer = LinkAnswer { instance_id, error: outcome.err().map(|reason| reason.to_string()) };
        if let Err(error) = self.context.nats().publish(reply, encode(&answer, FORMAT).into()).await {
            tracing::warn!(%error, "an answer about a link could not be sent");
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Failure> {
    match tokio::time::timeout(limit, guarded(work)).await {
        Err(_) => Err(Failure::new(format!("the provider took longer than {limit:?}"))),
        Ok(None) => Err(Failure::new("the provider panicked")),
        Ok(Some(value)) => Ok(value),
    }
}

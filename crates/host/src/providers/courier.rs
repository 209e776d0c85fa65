//! Bringing links to one process of a provider, as long as it runs: those that are there and every change.
//!
//! Providers of published SDKs do not answer, and ignore a second link of the same actor, so that a changed one is deleted
//! first. They attend to puts and deletes side by side, so that each gets its time before the next is sent; and as that may
//! not have been enough, every put is sent once more, which they ignore if it was. Those of this project's SDK answer, and
//! take a changed link for what it is. What one of them refused is tried again, ever less often, and at once when somebody
//! puts the link again. Source: wasmbus-rpc 0.15.0, `src/provider.rs`; wasmcloud-provider-sdk 0.2.0, likewise.

mod given;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_nats::HeaderMap;
use bytes::Bytes;
use lattice_protocol::{
    ActorKey, ContractId, DeliveryState, INSTANCE_HEADER, LinkAnswer, LinkDefinition, LinkDelivery,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    command::InstanceKey,
    deliveries::{Deliveries, Delivery},
    tools::{Lattice, Tools},
};
use crate::{
    defaults::{LINK_AGAIN, LINK_GAP, LINK_PATIENCE},
    links::Standing,
};
use given::{Given, Tries};

/// Brings links to one process.
pub(super) struct Courier {
    tools: Tools,
    deliveries: Deliveries,
    contract: ContractId,
    mailbox: Mailbox,
    given: BTreeMap<ActorKey, Given>,
    /// Links whose deletion went out without an answer.
    let_go: BTreeMap<ActorKey, Arc<LinkDefinition>>,
    on_the_way: JoinSet<(ActorKey, Outcome)>,
    busy: BTreeSet<ActorKey>,
}

/// Where one process receives links.
#[derive(Clone)]
pub(super) struct Mailbox {
    pub(super) lattice: Lattice,
    pub(super) key: InstanceKey,
    pub(super) instance_id: String,
    /// Whether it answers, as far as is known by now.
    pub(super) answers: watch::Receiver<bool>,
}

/// What is to be done about the link of one actor.
enum Errand {
    Put { standing: Standing, instead_of: Option<Arc<LinkDefinition>> },
    Delete(Arc<LinkDefinition>),
}

/// How it went.
enum Outcome {
    Put { standing: Standing, result: Result<Arrival, Failure> },
    Deleted { link: Arc<LinkDefinition>, result: Result<Arrival, Failure> },
}

/// What is known of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrival {
    /// The provider said that it has it.
    Confirmed,
    /// It went out to one that does not answer.
    Delivered,
}

/// Why a link did not arrive.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the provider refused it: {0}")]
    Refused(String),
    #[error("the provider did not answer within {0:?}")]
    Silent(Duration),
    #[error("it could not be sent: {0}")]
    Unsent(String),
    #[error("the provider's answer cannot be read: {0}")]
    Unreadable(String),
}

impl Courier {
    /// For a process that was told of `known` when it started.
    pub(super) fn new(
        tools: Tools,
        deliveries: Deliveries,
        contract: ContractId,
        mailbox: Mailbox,
        known: Vec<Arc<LinkDefinition>>,
    ) -> Self {
        let answers = mailbox.answers();
        let mut courier = Self {
            tools,
            deliveries,
            contract,
            mailbox,
            given: BTreeMap::new(),
            let_go: BTreeMap::new(),
            on_the_way: JoinSet::new(),
            busy: BTreeSet::new(),
        };
        // Whoever answers is asked to confirm what it was told, and told if that is gone by now.
        for link in known {
            match answers {
                true => courier.note(link, None, DeliveryState::Pending, Some(Instant::now())),
                false => courier.note(link, None, DeliveryState::Delivered, None),
            }
        }
        courier
    }

    /// Brings links until it is dropped.
    pub(super) async fn run(mut self) {
        let mut changes = self.tools.links.changes();
        let mut answers = self.mailbox.answers.clone();
        loop {
            changes.borrow_and_update();
            self.set_out();
            let again = self.next_try();
            // Cancel-safe: what is on its way stays in its set, and changes stay unseen.
            tokio::select! {
                Some(arrived) = self.on_the_way.join_next() => match arrived {
                    Ok((actor, outcome)) => self.arrived(&actor, outcome),
                    Err(error) => tracing::error!(%error, "the delivery of a link panicked"),
                },
                changed = changes.changed() => if changed.is_err() { return },
                Ok(()) = answers.changed() => self.ask_for_all(),
                () = until(again) => {}
            }
        }
    }

    /// Has everything sent again to a process that turned out to answer: what was sent before it listened is lost.
    fn ask_for_all(&mut self) {
        let again = Some(Instant::now());
        self.given.values_mut().for_each(|given| given.again = again);
        for (actor, link) in std::mem::take(&mut self.let_go) {
            self.given.entry(actor).or_insert(Given { leaving: true, ..Given::new(link, again) });
        }
    }

    /// When the next errand is due that nothing else causes. What is on its way says so itself.
    fn next_try(&self) -> Option<Instant> {
        let waiting = self.given.iter().filter(|(actor, _)| !self.busy.contains(*actor));
        waiting.filter_map(|(_, given)| given.again).min()
    }

    /// Begins every errand that is due, one at a time for each actor.
    fn set_out(&mut self) {
        let wanted = self.wanted();
        let gone = self.given.iter().filter(|(actor, given)| !wanted.contains_key(*actor) && given.needs(None));
        let gone: Vec<_> = gone.map(|(actor, given)| (actor.clone(), Arc::clone(&given.link))).collect();
        for (actor, link) in gone {
            self.send(actor, Errand::Delete(link));
        }
        for (actor, standing) in wanted {
            let given = self.given.get(&actor);
            if given.is_none_or(|given| given.needs(Some(&standing))) {
                let had = given.map(|given| given.before.as_ref().unwrap_or(&given.link));
                let instead_of = had.filter(|_| !self.mailbox.answers()).cloned();
                self.send(actor, Errand::Put { standing, instead_of });
            }
        }
    }

    /// The links that the process is to have.
    fn wanted(&self) -> BTreeMap<ActorKey, Standing> {
        let InstanceKey { provider, link } = &self.mailbox.key;
        let links = self.tools.links.of_provider(provider, link).into_iter();
        let ours = links.filter(|standing| standing.link.contract_id == self.contract);
        ours.map(|standing| (standing.link.actor_id.clone(), standing)).collect()
    }

    fn send(&mut self, actor: ActorKey, errand: Errand) {
        if !self.busy.insert(actor.clone()) {
            return;
        }
        match &errand {
            // What is only sent once more has been delivered, as far as anybody can know.
            Errand::Put { standing, instead_of } if instead_of.as_ref() == Some(&standing.link) => {}
            // That it is tried by itself once more says nothing yet.
            Errand::Put { standing, .. } if self.given.get(&actor).is_some_and(|given| given.failed(standing)) => {}
            Errand::Put { standing, .. } => {
                self.tell(&standing.link, Some(standing.revision), DeliveryState::Pending, None);
            }
            Errand::Delete(_) => {}
        }
        let mailbox = self.mailbox.clone();
        self.on_the_way.spawn(async move { (actor, mailbox.run(errand).await) });
    }

    fn arrived(&mut self, actor: &ActorKey, outcome: Outcome) {
        self.busy.remove(actor);
        match outcome {
            Outcome::Put { standing: Standing { link, revision }, result: Ok(Arrival::Confirmed) } => {
                self.note(link, Some(revision), DeliveryState::Confirmed, None);
            }
            Outcome::Put { standing: Standing { link, revision }, result: Ok(Arrival::Delivered) } => {
                let again = self.delivered_again(&link);
                self.note(link, Some(revision), DeliveryState::Delivered, again);
            }
            Outcome::Put { standing, result: Err(failure) } => self.did_not_arrive(actor, standing, &failure),
            Outcome::Deleted { link, result: Err(failure) } if !matches!(failure, Failure::Refused(_)) => {
                self.tell(&link, None, DeliveryState::Failed, Some(failure.to_string()));
                let again = Some(Instant::now() + LINK_AGAIN);
                self.given.insert(actor.clone(), Given { leaving: true, ..Given::new(link, again) });
            }
            // It answers as of late, and may not have heard this.
            Outcome::Deleted { link, result: Ok(Arrival::Delivered) } if self.mailbox.answers() => {
                let again = Some(Instant::now());
                self.given.insert(actor.clone(), Given { leaving: true, ..Given::new(link, again) });
            }
            Outcome::Deleted { link, result } => {
                self.given.remove(actor);
                if matches!(result, Ok(Arrival::Delivered)) {
                    self.let_go.insert(actor.clone(), Arc::clone(&link));
                }
                self.deliveries.remove(&self.mailbox.key, &link);
            }
        }
    }

    fn did_not_arrive(&mut self, actor: &ActorKey, standing: Standing, failure: &Failure) {
        tracing::warn!(provider = %self.mailbox.key, actor = %actor, error = %failure, "a link did not arrive");
        let Standing { link, revision } = &standing;
        self.tell(link, Some(*revision), DeliveryState::Failed, Some(failure.to_string()));
        let before = self.may_still_have(actor, link);
        let earlier = self.given.get(actor).and_then(|given| given.tries(&standing));
        let tries = match failure {
            Failure::Refused(_) => Tries::refused(*revision, earlier),
            _ => Tries::unanswered(*revision),
        };
        let again = Some(Instant::now() + tries.pause());
        let given = Given { before, failed_at: Some(tries), ..Given::new(standing.link, again) };
        self.given.insert(actor.clone(), given);
    }

    /// What the process may have instead of a link that did not arrive.
    fn may_still_have(&self, actor: &ActorKey, link: &Arc<LinkDefinition>) -> Option<Arc<LinkDefinition>> {
        let given = self.given.get(actor)?;
        let other = (given.link != *link).then(|| Arc::clone(&given.link));
        given.before.clone().or(other)
    }

    /// When a link that was sent without an answer is to be sent once more.
    fn delivered_again(&self, link: &Arc<LinkDefinition>) -> Option<Instant> {
        if self.mailbox.answers() {
            return Some(Instant::now());
        }
        let is_new = self.given.get(&link.actor_id).is_none_or(|given| given.link != *link);
        is_new.then(|| Instant::now() + LINK_AGAIN)
    }

    fn note(&mut self, link: Arc<LinkDefinition>, revision: Option<u64>, state: DeliveryState, again: Option<Instant>) {
        self.tell(&link, revision, state, None);
        self.let_go.remove(&link.actor_id);
        self.given.insert(link.actor_id.clone(), Given::new(link, again));
    }

    fn tell(&self, link: &Arc<LinkDefinition>, revision: Option<u64>, state: DeliveryState, error: Option<String>) {
        let told = LinkDelivery {
            actor_id: link.actor_id.clone(),
            contract_id: link.contract_id.clone(),
            error,
            host_id: self.mailbox.lattice.host.clone(),
            id: link.id(),
            link_name: link.link_name.clone(),
            provider_id: link.provider_id.clone(),
            revision,
            state,
        };
        self.deliveries.set(&self.mailbox.key, Delivery { link: Arc::clone(link), told });
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.deliveries.forget(&self.mailbox.key);
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Mailbox {
    fn answers(&self) -> bool {
        *self.answers.borrow()
    }

    async fn run(self, errand: Errand) -> Outcome {
        let subjects = self.lattice.subjects();
        let InstanceKey { provider, link: name } = &self.key;
        let (put, delete) = (subjects.put_link(provider, name), subjects.delete_link(provider, name));
        match errand {
            Errand::Put { standing, instead_of } => {
                let old = instead_of.filter(|old| **old != *standing.link);
                let result = self.replace((&delete, old.as_deref()), (&put, &standing.link)).await;
                Outcome::Put { standing, result }
            }
            Errand::Delete(link) => {
                let result = self.say(&delete, &link).await;
                Outcome::Deleted { link, result }
            }
        }
    }

    async fn replace(
        &self,
        (delete, old): (&str, Option<&LinkDefinition>),
        (put, new): (&str, &LinkDefinition),
    ) -> Result<Arrival, Failure> {
        if let Some(old) = old {
            self.say(delete, old).await?;
        }
        self.say(put, new).await
    }

    async fn say(&self, subject: &str, link: &LinkDefinition) -> Result<Arrival, Failure> {
        let body: Bytes = rmp_serde::to_vec_named(link).expect("links have string keys").into();
        match self.answers() {
            true => self.ask(subject, body).await.map(|()| Arrival::Confirmed),
            false => self.tell(subject, body).await.map(|()| Arrival::Delivered),
        }
    }

    async fn tell(&self, subject: &str, body: Bytes) -> Result<(), Failure> {
        let nats = &self.lattice.nats;
        let sent = async {
            nats.publish(subject.to_owned(), body).await.map_err(|error| Failure::Unsent(error.to_string()))?;
            nats.flush().await.map_err(|error| Failure::Unsent(error.to_string()))
        };
        timeout(LINK_PATIENCE, sent).await.unwrap_or(Err(Failure::Silent(LINK_PATIENCE)))?;
        sleep(LINK_GAP).await;
        Ok(())
    }

    async fn ask(&self, subject: &str, body: Bytes) -> Result<(), Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(INSTANCE_HEADER, self.instance_id.as_str());
        let request = async_nats::Request::new().headers(headers).payload(body).timeout(Some(LINK_PATIENCE));
        let answer = match self.lattice.nats.send_request(subject.to_owned(), request).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == async_nats::RequestErrorKind::TimedOut => {
                return Err(Failure::Silent(LINK_PATIENCE));
            }
            Err(error) => return Err(Failure::Unsent(error.to_string())),
        };
        let answer: Result<LinkAnswer, _> = rmp_serde::from_slice(&answer.payload);
        match answer {
            Ok(LinkAnswer { error: None, .. }) => Ok(()),
            Ok(LinkAnswer { error: Some(error), .. }) => Err(Failure::Refused(error)),
            Err(error) => Err(Failure::Unreadable(error.to_string())),
        }
    }
}

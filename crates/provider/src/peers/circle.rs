//! [`Circle`]: what an instance knows of the others, and how it speaks to one of them.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use async_nats::{Client, Message, RequestErrorKind, Subject, connection::State};
use lattice_claims::ClusterSeed;
use serde_bytes::Bytes;
use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    NotShared, Shared,
    message::{Goodbye, Hello, Known, Peer, Taken, Told, Update, page, read, write},
};
use crate::{
    Context,
    defaults::{CONNECTION_LOOK, GREETING_INTERVAL, GREETING_LIMIT, PEER_LIFETIME, PEERS, TELL_AGAIN},
    error::{Failure, StartError},
    links::reply,
};

/// This instance among the others.
pub(crate) struct Circle {
    nats: Client,
    seed: ClusterSeed,
    me: Peer,
    /// Where all listen.
    pub(crate) everybody: String,
    shared: Arc<dyn Shared>,
    peers: Mutex<HashMap<String, Met>>,
    /// The connection over which what the others know was heard, by how often it had come about.
    caught_up: watch::Sender<Option<u64>>,
    /// Whether somebody is there that has never told anything.
    is_expecting: AtomicBool,
}

/// An instance that is there, as far as is known.
struct Met {
    peer: Peer,
    heard: Instant,
}

/// How asking an instance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// What it knows is known here, and it knows what the others do.
    Everything,
    /// What it knows is known here, and it is behind itself.
    Something,
    /// It is not there.
    Gone,
    /// It did not answer, or not to the end.
    Silence,
}

impl Circle {
    pub(crate) fn new<S: Shared>(context: &Context, shared: Arc<S>) -> Result<Self, StartError> {
        let data = context.host_data();
        let subjects = context.subjects();
        Ok(Self {
            nats: context.nats().clone(),
            seed: context.instances_seed()?,
            me: Peer { id: Uuid::new_v4().simple().to_string(), host: data.host_id.clone() },
            everybody: subjects.instances(&data.provider_key, &data.link_name),
            shared,
            peers: Mutex::default(),
            caught_up: watch::Sender::new(None),
            is_expecting: AtomicBool::new(false),
        })
    }

    pub(crate) fn nats(&self) -> &Client {
        &self.nats
    }

    /// Where this instance alone listens.
    pub(crate) fn own_subject(&self) -> String {
        self.subject_of(&self.me.id)
    }

    fn subject_of(&self, id: &str) -> String {
        format!("{}.{id}", self.everybody)
    }

    /// The others that were heard lately; those that were not are forgotten.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let mut peers = self.lock();
        peers.retain(|_, met| met.heard.elapsed() < PEER_LIFETIME);
        peers.values().map(|met| met.peer.clone()).collect()
    }

    /// Keeps the others while nobody can be heard.
    pub(crate) fn keep_peers(&self) {
        self.lock().values_mut().for_each(|met| met.heard = Instant::now());
    }

    pub(crate) fn was_heard_lately(&self, id: &str) -> bool {
        self.lock().get(id).is_some_and(|met| met.heard.elapsed() < GREETING_INTERVAL + GREETING_LIMIT)
    }

    /// Forgets an instance that was found to be gone by a question of that time, unless it was heard since.
    pub(crate) fn forget(&self, id: &str, asked: Instant) {
        let mut peers = self.lock();
        if peers.get(id).is_some_and(|met| met.heard <= asked) {
            peers.remove(id);
        }
    }

    /// Notes that an instance is there, unless it is this one, or there are more than any provider has; returns whether it is
    /// news.
    fn note(&self, peer: Peer) -> bool {
        let mut peers = self.lock();
        if peer.id == self.me.id || (peers.len() >= PEERS && !peers.contains_key(&peer.id)) {
            return false;
        }
        let met = Met { peer: peer.clone(), heard: Instant::now() };
        peers.insert(peer.id, met).is_none()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Met>> {
        self.peers.lock().expect("nothing panics while it holds the peers")
    }

    /// This instance knows what the others do, as heard over this connection, and as long as that stands.
    pub(crate) fn set_caught_up(&self, connection: Option<u64>) {
        self.caught_up.send_replace(connection);
    }

    /// Whether somebody is there that has not told anything.
    pub(crate) fn expect_somebody(&self, is_there: bool) {
        self.is_expecting.store(is_there, Ordering::Relaxed);
    }

    pub(crate) fn is_expecting(&self) -> bool {
        self.is_expecting.load(Ordering::Relaxed)
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        let now = self.connection();
        now.is_some() && *self.caught_up.borrow() == now
    }

    pub(crate) async fn caught_up(&self) {
        let mut heard = self.caught_up.subscribe();
        while !self.is_caught_up() {
            // That the connection stands again is told by nobody. The sender lives as long as this does.
            let _ = timeout(CONNECTION_LOOK, heard.changed()).await;
        }
    }

    /// How often the connection came about, if it stands.
    pub(crate) fn connection(&self) -> Option<u64> {
        let stands = self.nats.connection_state() == State::Connected;
        stands.then(|| self.nats.statistics().connects.load(Ordering::Relaxed))
    }

    fn context(&self, what: &str, whom: &str) -> String {
        format!("{} {what} {whom}", self.everybody)
    }

    fn seal(&self, context: &str, message: &[u8]) -> Result<Vec<u8>, Failure> {
        Ok(self.seed.seal(context, message)?)
    }

    fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        Ok(self.seed.open(context, sealed)?)
    }

    /// A greeting for all, and what its answers are sealed for.
    pub(crate) fn greeting(&self, listens: bool) -> Result<(Vec<u8>, String), Failure> {
        self.hello("everybody", 0, listens)
    }

    fn hello(&self, whom: &str, start: usize, listens: bool) -> Result<(Vec<u8>, String), Failure> {
        let nonce = Uuid::new_v4().simple().to_string();
        let hello = Hello { from: self.me.clone(), nonce: nonce.clone(), start, listens };
        Ok((self.seal(&self.context("hello", whom), &write(&hello, 0))?, nonce))
    }

    /// Tells all that this instance goes.
    pub(crate) async fn say_goodbye(&self) {
        let goodbye = self.seal(&self.context("goodbye", "everybody"), &write(&Goodbye { from: self.me.clone() }, 0));
        let Ok(sealed) = goodbye else { return };
        // Without a connection nobody hears it, and the server tells by itself.
        let _ = self.nats.publish(self.everybody.clone(), sealed.into()).await;
    }

    /// Takes an answer to a greeting; returns whose it is, how much was heard, and where the rest of it starts.
    pub(crate) fn take_known(&self, nonce: &str, payload: &[u8]) -> Result<(Peer, Heard, Option<usize>), Failure> {
        let bytes = self.open(&self.context("known", nonce), payload)?;
        let known = rmp_serde::from_slice(&bytes);
        let Known { from, pieces, next, caught_up } =
            known.map_err(|_| Failure::new("the answer is not of the form"))?;
        self.note(from.clone());
        for piece in pieces {
            self.shared.take(piece)?;
        }
        self.expect_somebody(false);
        Ok((from, if caught_up { Heard::Everything } else { Heard::Something }, next))
    }

    /// Hears from one instance what it knows, from that piece on.
    pub(crate) async fn ask(&self, peer: &Peer, start: usize) -> Heard {
        let deadline = Instant::now() + GREETING_LIMIT;
        let mut start = start;
        loop {
            let (heard, next) = match self.ask_page(peer, start, deadline).await {
                Ok(page) => page,
                Err(silence) => return silence,
            };
            // A page that does not lead on would be asked for again for ever.
            match next.filter(|next| *next > start) {
                Some(next) => start = next,
                None => return heard,
            }
        }
    }

    async fn ask_page(&self, peer: &Peer, start: usize, deadline: Instant) -> Result<(Heard, Option<usize>), Heard> {
        let (sealed, nonce) = self.hello(&peer.id, start, true).map_err(|_| Heard::Silence)?;
        match timeout_at(deadline, self.nats.request(self.subject_of(&peer.id), sealed.into())).await {
            Ok(Ok(answer)) => match self.take_known(&nonce, &answer.payload) {
                Ok((_, heard, next)) => Ok((heard, next)),
                Err(error) => {
                    tracing::warn!(%error, host = %peer.host, "what another instance knows cannot be taken");
                    Err(Heard::Silence)
                }
            },
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => Err(Heard::Gone),
            Ok(Err(_)) | Err(_) => Err(Heard::Silence),
        }
    }

    /// Asks an instance that was not known what it knows; one that is not there was never met.
    pub(crate) async fn meet(&self, peer: &Peer) {
        let asked = Instant::now();
        if self.ask(peer, 0).await == Heard::Gone {
            self.forget(&peer.id, asked);
        }
    }

    /// Tells one instance a piece, again if it does not answer: it may have gone after the message had reached it.
    pub(crate) async fn tell(&self, peer: &Peer, piece: &[u8], deadline: Instant) -> Result<Told, NotShared> {
        let mut pause = TELL_AGAIN;
        loop {
            let again = Instant::now() + pause;
            match self.tell_once(peer, piece, deadline.min(again)).await {
                // One that is slow is given longer each time, for an answer that comes late is not heard.
                Err(NotShared::Silent { .. }) if again < deadline => pause *= 2,
                told => return told,
            }
        }
    }

    async fn tell_once(&self, peer: &Peer, piece: &[u8], deadline: Instant) -> Result<Told, NotShared> {
        let host = || peer.host.clone();
        let unreachable = |reason: String| NotShared::Unreachable { host: host(), reason };
        let nonce = Uuid::new_v4().simple().to_string();
        let update = Update { from: self.me.clone(), nonce: nonce.clone(), piece: Bytes::new(piece) };
        let sealed = self.seal(&self.context("update", &peer.id), &write(&update, piece.len()));
        let sealed = sealed.map_err(|error| unreachable(error.to_string()))?;
        let request = async_nats::Request::new().payload(sealed.into()).timeout(None);
        match timeout_at(deadline, self.nats.send_request(self.subject_of(&peer.id), request)).await {
            Err(_) => Err(NotShared::Silent { host: host() }),
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => Ok(Told::Gone),
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Ok(Ok(answer)) => {
                let taken = self.is_taken(&nonce, &answer.payload);
                taken.map_err(|reason| NotShared::Refused { host: host(), reason })
            }
        }
    }

    fn is_taken(&self, nonce: &str, answer: &[u8]) -> Result<Told, String> {
        let bytes = self.open(&self.context("taken", nonce), answer).map_err(|error| error.to_string())?;
        match read(&bytes) {
            Some(Taken { error: None }) => Ok(Told::Taken),
            Some(Taken { error: Some(reason) }) => Err(reason),
            None => Err("its answer cannot be read".to_owned()),
        }
    }

    /// Attends to a message to all: a greeting, or a goodbye. Returns who greets, if that is news.
    pub(crate) async fn greeted(&self, message: Message) -> Option<Peer> {
        if let Ok(bytes) = self.open(&self.context("goodbye", "everybody"), &message.payload) {
            let Goodbye { from } = read(&bytes)?;
            self.lock().remove(&from.id);
            return None;
        }
        self.answer_hello("everybody", &message).await
    }

    /// Answers a message to this instance: a question for what it knows, or a piece to take.
    pub(crate) async fn addressed(&self, message: Message) {
        match self.open(&self.context("update", &self.me.id), &message.payload) {
            Ok(bytes) => self.answer_update(&message, &bytes).await,
            Err(_) => drop(self.answer_hello(&self.me.id, &message).await),
        }
    }

    async fn answer_hello(&self, whom: &str, message: &Message) -> Option<Peer> {
        let opened = self.open(&self.context("hello", whom), &message.payload);
        // At this level, or whoever may publish here could fill the log.
        let opened = opened.inspect_err(|error| tracing::debug!(%error, "no other instance can have sent this"));
        let Hello { from, nonce, start, listens } = read(&opened.ok()?)?;
        if from.id == self.me.id {
            return None;
        }
        // Before what is known is looked at: what comes after that it is told.
        let is_news = listens && self.note(from.clone());
        let pieces = self.shared.pieces();
        let (page, size, next) = page(&pieces, start);
        let known = Known { from: self.me.clone(), pieces: page, next, caught_up: self.is_caught_up() };
        self.reply(reply(message), &self.context("known", &nonce), &write(&known, size)).await;
        is_news.then_some(from)
    }

    async fn answer_update(&self, message: &Message, bytes: &[u8]) {
        let Ok(Update { from, nonce, piece }) = rmp_serde::from_slice(bytes) else { return };
        self.note(from);
        let error = self.shared.take(piece).err().map(|error| error.to_string());
        self.reply(reply(message), &self.context("taken", &nonce), &write(&Taken { error }, 0)).await;
    }

    async fn reply(&self, to: Option<Subject>, context: &str, message: &[u8]) {
        let Some(to) = to else { return };
        match self.seal(context, message) {
            Ok(sealed) => {
                if let Err(error) = self.nats.publish(to, sealed.into()).await {
                    tracing::warn!(%error, "another instance could not be answered");
                }
            }
            Err(error) => tracing::error!(%error, "another instance could not be answered"),
        }
    }
}

//! [`Circle`]: what an instance knows of the others, and how it speaks to one of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, atomic::Ordering},
};

use async_nats::{Client, Message, RequestErrorKind, Subject, connection::State};
use lattice_claims::ClusterSeed;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    NotShared, Shared,
    message::{Hello, Known, Peer, Taken, Told, Update, page, read, write},
};
use crate::{
    Context,
    defaults::{GREETING_LIMIT, PEERS, TELL_AGAIN},
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
    peers: Mutex<HashMap<String, Peer>>,
    caught_up: watch::Sender<bool>,
}

/// How asking an instance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// What it knows is known here.
    Everything,
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
            caught_up: watch::Sender::new(true),
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

    pub(crate) fn peers(&self) -> Vec<Peer> {
        self.lock().values().cloned().collect()
    }

    pub(crate) fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Notes that an instance is there, unless it is this one, or there are more than any provider has.
    fn note(&self, peer: Peer) {
        let mut peers = self.lock();
        if peer.id != self.me.id && (peers.len() < PEERS || peers.contains_key(&peer.id)) {
            peers.insert(peer.id.clone(), peer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Peer>> {
        self.peers.lock().expect("nothing panics while it holds the peers")
    }

    pub(crate) fn set_caught_up(&self, is: bool) {
        self.caught_up.send_replace(is);
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        *self.caught_up.borrow()
    }

    pub(crate) async fn caught_up(&self) {
        // The sender lives as long as this does.
        let _ = self.caught_up.subscribe().wait_for(|is| *is).await;
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
    pub(crate) fn greeting(&self) -> Result<(Vec<u8>, String), Failure> {
        self.hello("everybody", 0)
    }

    fn hello(&self, whom: &str, start: usize) -> Result<(Vec<u8>, String), Failure> {
        let nonce = Uuid::new_v4().simple().to_string();
        let hello = Hello { from: self.me.clone(), nonce: nonce.clone(), start };
        Ok((self.seal(&self.context("hello", whom), &write(&hello))?, nonce))
    }

    /// Takes an answer to a greeting; returns whose it is, and where the rest of it starts.
    pub(crate) fn take_known(&self, nonce: &str, payload: &[u8]) -> Result<(Peer, Option<usize>), Failure> {
        let bytes = self.open(&self.context("known", nonce), payload)?;
        let known: Known = read(&bytes).ok_or_else(|| Failure::new("the answer is not of the form"))?;
        let Known { from, pieces, next } = known;
        self.note(from.clone());
        for piece in pieces.into_iter().map(|piece| Zeroizing::new(piece.into_vec())) {
            self.shared.take(&piece)?;
        }
        Ok((from, next))
    }

    /// Hears from one instance what it knows, from that piece on.
    pub(crate) async fn ask(&self, peer: &Peer, start: usize) -> Heard {
        let deadline = Instant::now() + GREETING_LIMIT;
        let mut next = Some(start);
        while let Some(start) = next {
            let Ok((sealed, nonce)) = self.hello(&peer.id, start) else { return Heard::Silence };
            let asked = self.nats.request(self.subject_of(&peer.id), sealed.into());
            next = match timeout_at(deadline, asked).await {
                Ok(Ok(answer)) => match self.take_known(&nonce, &answer.payload) {
                    // A page that does not lead on would be asked for again for ever.
                    Ok((_, next)) => next.filter(|next| *next > start),
                    Err(error) => {
                        tracing::warn!(%error, host = %peer.host, "what another instance knows cannot be taken");
                        return Heard::Silence;
                    }
                },
                Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => return Heard::Gone,
                Ok(Err(_)) | Err(_) => return Heard::Silence,
            };
        }
        Heard::Everything
    }

    /// Tells one instance a piece, again if it does not answer: it may have gone after the message had reached it.
    pub(crate) async fn tell(&self, peer: &Peer, piece: &[u8], deadline: Instant) -> Result<Told, NotShared> {
        loop {
            let again = Instant::now() + TELL_AGAIN;
            match self.tell_once(peer, piece, deadline.min(again)).await {
                Err(NotShared::Silent { .. }) if again < deadline => {}
                told => return told,
            }
        }
    }

    async fn tell_once(&self, peer: &Peer, piece: &[u8], deadline: Instant) -> Result<Told, NotShared> {
        let host = || peer.host.clone();
        let unreachable = |reason: String| NotShared::Unreachable { host: host(), reason };
        let nonce = Uuid::new_v4().simple().to_string();
        let piece = serde_bytes::Bytes::new(piece);
        let update = write(&Update { from: self.me.clone(), nonce: nonce.clone(), piece });
        let sealed = self.seal(&self.context("update", &peer.id), &update);
        let sealed = sealed.map_err(|error| unreachable(error.to_string()))?;
        let request = async_nats::Request::new().payload(sealed.into()).timeout(None);
        match timeout_at(deadline, self.nats.send_request(self.subject_of(&peer.id), request)).await {
            Err(_) => Err(NotShared::Silent { host: host() }),
            Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => Ok(Told::Gone),
            Ok(Err(error)) => Err(unreachable(error.to_string())),
            Ok(Ok(answer)) => {
                self.is_taken(&nonce, &answer.payload).map_err(|reason| NotShared::Refused { host: host(), reason })
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

    /// Answers a message to all: a greeting.
    pub(crate) async fn greeted(&self, message: Message) {
        self.answer_hello("everybody", &message).await;
    }

    /// Answers a message to this instance: a question for what it knows, or a piece to take.
    pub(crate) async fn addressed(&self, message: Message) {
        match self.open(&self.context("update", &self.me.id), &message.payload) {
            Ok(bytes) => self.answer_update(&message, &bytes).await,
            Err(_) => self.answer_hello(&self.me.id, &message).await,
        }
    }

    async fn answer_hello(&self, whom: &str, message: &Message) {
        let opened = self.open(&self.context("hello", whom), &message.payload);
        let hello =
            opened.inspect_err(|error| tracing::warn!(%error, "a message that no other instance can have sent"));
        let Some(Hello { from, nonce, start }) = hello.ok().and_then(|bytes| read(&bytes)) else { return };
        if from.id == self.me.id {
            return;
        }
        // Before what is known is looked at: what comes after that it is told.
        self.note(from);
        let (pieces, next) = page(self.shared.pieces(), start);
        let known = write(&Known { from: self.me.clone(), pieces, next });
        self.reply(reply(message), &self.context("known", &nonce), &known).await;
    }

    async fn answer_update(&self, message: &Message, bytes: &[u8]) {
        let Ok(Update { from, nonce, piece }) = rmp_serde::from_slice(bytes) else { return };
        self.note(from);
        let error = self.shared.take(piece).err().map(|error| error.to_string());
        self.reply(reply(message), &self.context("taken", &nonce), &write(&Taken { error })).await;
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

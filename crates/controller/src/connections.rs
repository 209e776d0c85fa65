//! [`Connections`]: one connection for each actor and lattice, made when it is needed and closed when it is idle.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_nats::{Client, RequestErrorKind, connection::State};
use lattice_client::{ConnectError, ConnectSettings, connect};
use lattice_protocol::{ActorKey, LatticeName, contract::lattice_control::ErrorCode, without_user_info};
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use crate::{
    credentials::Credentials,
    defaults::{IDLE, JETSTREAM_PATIENCE, RECONNECTS},
    error::Refusal,
    keychain::Version,
};

/// Whose connection it is, to which lattice.
pub(crate) type Line = (ActorKey, LatticeName);

/// The connections of all actors.
#[derive(Debug)]
pub(crate) struct Connections {
    /// Where the provider's own NATS is, without what it logs in with there.
    own_url: String,
    slots: Mutex<HashMap<Line, Arc<Slot>>>,
}

/// Where a connection is or is being made, with the credentials of one version.
#[derive(Debug)]
struct Slot {
    version: Version,
    /// Held while a connection is made, so that many calls make one.
    open: tokio::sync::Mutex<Option<Client>>,
    used: Mutex<Instant>,
}

impl Slot {
    fn new(version: Version, nats: Option<Client>) -> Arc<Self> {
        Arc::new(Self { version, open: tokio::sync::Mutex::new(nats), used: Mutex::new(Instant::now()) })
    }

    fn touch(&self) {
        *self.used.lock().expect("nothing panics while it holds the time") = Instant::now();
    }

    fn is_idle(&self) -> bool {
        self.used.lock().expect("nothing panics while it holds the time").elapsed() >= IDLE
    }
}

impl Connections {
    pub(crate) fn new(own_url: String) -> Self {
        Self { own_url: without_user_info(&own_url), slots: Mutex::default() }
    }

    /// The connection with the credentials of this version, made if it does not stand.
    pub(crate) async fn get(
        &self,
        line: &Line,
        version: Version,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Client, Refusal> {
        let slot = self.slot(line, version);
        slot.touch();
        // Cancel-safe: who is dropped here leaves no connection, or one that stands.
        let mut open = slot.open.lock().await;
        if let Some(nats) = &*open
            && nats.connection_state() == State::Connected
        {
            return Ok(nats.clone());
        }
        let nats = self.connect(line, credentials, deadline).await?;
        *open = Some(nats.clone());
        Ok(nats)
    }

    /// Tries credentials; returns the connection that stands with them.
    ///
    /// A server or an account without JetStream has no lattice. Who may not ask gets no answer, which says nothing.
    pub(crate) async fn attempt(
        &self,
        line: &Line,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Client, Refusal> {
        let nats = self.connect(line, credentials, deadline).await?;
        match has_jetstream(&nats, credentials.js_domain.as_deref()).await {
            Some(false) => Err(Refusal::new(ErrorCode::NoJetStream, no_jetstream(credentials.js_domain.as_deref()))),
            Some(true) | None => Ok(nats),
        }
    }

    /// Puts a connection in the place of an earlier one; calls that run, or are still connecting, end on theirs.
    pub(crate) fn put(&self, line: &Line, version: Version, nats: Client) {
        let mut slots = self.lock();
        if slots.get(line).is_none_or(|slot| slot.version < version) {
            slots.insert(line.clone(), Slot::new(version, Some(nats)));
        }
    }

    /// Closes the connections of these, once the calls that run have ended.
    pub(crate) fn close(&self, is_closed: impl Fn(&Line) -> bool) {
        self.lock().retain(|line, _| !is_closed(line));
    }

    /// Closes those that nobody has used for long, and those of credentials that no longer count.
    pub(crate) fn close_idle(&self, counts: impl Fn(&Line, Version) -> bool) {
        // One that somebody holds is being used.
        let is_kept = |line: &Line, slot: &Arc<Slot>| !slot.is_idle() && counts(line, slot.version);
        self.lock().retain(|line, slot| Arc::strong_count(slot) > 1 || is_kept(line, slot));
    }

    async fn connect(
        &self,
        (actor, lattice): &Line,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Client, Refusal> {
        let left = deadline.saturating_duration_since(Instant::now());
        let url = credentials.url.as_ref().map_or(self.own_url.as_str(), |url| url.expose());
        let name = format!("lattice controller, {actor} in {lattice}");
        let settings = ConnectSettings::new(url).name(name).timeout(left).reconnects(RECONNECTS).there_alone();
        let settings = match &credentials.user {
            Some(user) => settings.user(user.jwt.expose(), user.seed.expose()),
            None => settings,
        };
        connect(settings).await.map_err(|error| told(error, left))
    }

    /// The place of a connection with credentials of this version. A later one takes the place of an earlier, and who comes late
    /// with an earlier has one of its own.
    fn slot(&self, line: &Line, version: Version) -> Arc<Slot> {
        let mut slots = self.lock();
        match slots.get(line) {
            Some(slot) if slot.version == version => Arc::clone(slot),
            Some(slot) if slot.version > version => Slot::new(version, None),
            Some(_) | None => {
                let slot = Slot::new(version, None);
                slots.insert(line.clone(), Arc::clone(&slot));
                slot
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Line, Arc<Slot>>> {
        self.slots.lock().expect("nothing panics while it holds the connections")
    }
}

fn told(error: ConnectError, left: Duration) -> Refusal {
    match error {
        // The time was the caller's.
        ConnectError::TimedOut { .. } if left.is_zero() => {
            Refusal::new(ErrorCode::TimedOut, "there was no time left to connect")
        }
        error => error.into(),
    }
}

/// What a server says of an account's JetStream; of no more than that there is one.
#[derive(Deserialize)]
struct Info {
    error: Option<serde_json::Value>,
}

/// Whether there is JetStream; nothing if nobody says.
async fn has_jetstream(nats: &Client, domain: Option<&str>) -> Option<bool> {
    let subject = match domain {
        Some(domain) => format!("$JS.{domain}.API.INFO"),
        None => "$JS.API.INFO".to_owned(),
    };
    match timeout(JETSTREAM_PATIENCE, nats.request(subject, "".into())).await {
        Ok(Ok(answer)) => serde_json::from_slice::<Info>(&answer.payload).ok().map(|info| info.error.is_none()),
        Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => Some(false),
        Ok(Err(_)) | Err(_) => None,
    }
}

fn no_jetstream(domain: Option<&str>) -> String {
    let what = match domain {
        Some(domain) => format!("there is no JetStream domain `{domain}`"),
        None => "the NATS server, or the account there, has no JetStream".to_owned(),
    };
    format!("{what}, and without JetStream no host of a lattice runs")
}

#[cfg(test)]
mod tests {
    use lattice_claims::ModuleSeed;
    use lattice_testkit::NatsServer;
    use tokio::time;

    use super::*;
    use crate::keychain::{self, Keychain};

    #[test]
    fn what_the_provider_logs_in_with_is_no_actors() {
        let connections = Connections::new("nats://me:secret@a:4222,tls://token@b".to_owned());
        assert_eq!(connections.own_url, "nats://a:4222,tls://b");
    }

    #[tokio::test]
    async fn a_connection_serves_many_calls_until_it_is_idle_or_others_are_to_be_used() {
        let server = NatsServer::start().await;
        let connections = Connections::new(server.url());
        let line = (ModuleSeed::generate().public(), "shop".parse().expect("a name"));
        let set =
            || Keychain::default().set(&line.0, &line.1, keychain::State::Forgotten, || true).expect("room").version();
        let (first, second) = (set(), set());
        let deadline = || Instant::now() + Duration::from_secs(30);
        let id = async |version| {
            let got = connections.get(&line, version, &Credentials::default(), deadline()).await.expect("it connects");
            got.server_info().client_id
        };
        let one = id(first).await;
        assert_eq!(id(first).await, one, "it is the same");
        let other = id(second).await;
        assert_ne!(other, one, "it is of other credentials");
        assert!(![one, other].contains(&id(first).await), "who comes late has one of its own");
        assert_eq!(id(second).await, other, "and leaves the other alone");
        connections.close_idle(|_, _| true);
        assert_eq!(id(second).await, other, "it is not idle");
        time::pause();
        time::advance(IDLE).await;
        time::resume();
        connections.close_idle(|_, _| true);
        let again = id(second).await;
        assert_ne!(again, other, "it was idle, and what it is made of stays known");
        connections.close_idle(|_, version| version != second);
        assert_ne!(id(second).await, again, "its credentials no longer counted");
    }
}

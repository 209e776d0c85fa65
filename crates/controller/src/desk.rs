//! [`Desk`]: what calls need, and [`Caller`]: one call's actor, and its way to a lattice.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
    time::SystemTime,
};

use bytes::Bytes;
use lattice_client::{Client, ClientSettings};
use lattice_protocol::{
    Format, LatticeName, ProviderKey,
    contract::lattice_control::{CtlOperationAck, ErrorCode, Operation, SetLatticeCredentials},
};
use lattice_provider::{ActorKey, Context, Peers, ProviderCall, StartError};
use tokio::time::Instant;

use crate::{
    argument::require_size,
    change::Change,
    connections::Connections,
    credentials::{Credentials, Given},
    defaults::{REQUEST_SHARE, SLACK},
    error::Refusal,
    grants::Grants,
    keychain::{Keychain, Known, State, Version},
    linked::Linked,
    operations::carry_out,
    steering::{Steering, whole_millis},
};

/// What calls need.
pub(crate) struct Desk {
    context: Context,
    linked: RwLock<HashMap<ActorKey, Arc<Linked>>>,
    pub(crate) keychain: Arc<Keychain>,
    pub(crate) connections: Connections,
    pub(crate) peers: Peers,
}

impl Desk {
    /// Opens when what the other instances know is known here.
    pub(crate) async fn open(context: Context) -> Result<Self, StartError> {
        let keychain = Arc::new(Keychain::default());
        let peers = Peers::join(&context, Arc::clone(&keychain)).await?;
        let connections = Connections::new(context.nats_url().to_owned());
        Ok(Self { context, linked: RwLock::default(), keychain, connections, peers })
    }

    /// The provider's own lattice.
    pub(crate) fn own(&self) -> &LatticeName {
        &self.context.host_data().lattice_rpc_prefix
    }

    /// Until when a caller waits. One that does not say so waits as long as its host has calls wait.
    pub(crate) fn waits_until(&self, call: &ProviderCall) -> Instant {
        match call.deadline_is_told {
            true => call.deadline,
            false => call.deadline.min(Instant::now() + self.context.call_timeout()),
        }
    }

    /// Links an actor, or grants it something else.
    pub(crate) fn link(&self, actor: &ActorKey, grants: Grants) {
        {
            let mut linked = self.linked.write().expect("nothing panics while it holds the links");
            match linked.get(actor) {
                Some(known) => known.regrant(grants),
                None => drop(linked.insert(actor.clone(), Arc::new(Linked::new(grants)))),
            }
        }
        // Not while the links are held: who holds the keys asks for links.
        self.keychain.linked(actor);
    }

    /// Lets go of all that is kept of an actor, in this order: what is set at the same moment is set before, or not at all.
    pub(crate) fn unlink(&self, actor: &ActorKey) {
        self.linked.write().expect("nothing panics while it holds the links").remove(actor);
        self.keychain.unlinked(actor);
        self.connections.close(|(whose, _)| whose == actor);
    }

    /// Forgets what has expired, closes what is idle.
    pub(crate) fn sweep(&self, now: SystemTime) {
        let gone = self.keychain.sweep(|actor| self.linked(actor).is_some(), now);
        for (actor, lattice) in &gone {
            tracing::info!(%actor, %lattice, "credentials have expired and are forgotten");
        }
        self.connections.close(|line| gone.contains(line));
        self.connections.close_idle(|line, version| self.keychain.is_current(line, version));
    }

    pub(crate) fn linked(&self, actor: &ActorKey) -> Option<Arc<Linked>> {
        self.linked.read().expect("nothing panics while it holds the links").get(actor).cloned()
    }

    /// Whether the actor is linked yet as it was.
    pub(crate) fn is_linked_as(&self, actor: &ActorKey, was: &Arc<Linked>) -> bool {
        self.linked(actor).is_some_and(|linked| Arc::ptr_eq(&linked, was))
    }

    /// Answers a call, if it is granted and not one too many.
    pub(crate) async fn answer(self: &Arc<Self>, call: &ProviderCall, deadline: Instant) -> Result<Bytes, Refusal> {
        let operation = Operation::from_wire_name(&call.operation).ok_or_else(|| {
            Refusal::new(ErrorCode::UnknownOperation, format!("there is no operation `{}`", call.operation))
        })?;
        let actor = call.actor();
        let linked = self.linked(actor).ok_or_else(|| Refusal::unlinked(actor))?;
        linked.count(self.peers.others() + 1)?;
        let grants = linked.grants();
        grants.require_operation(operation)?;
        require_size(operation, &call.payload)?;
        let _place = linked.place().await?;
        let caller = Caller { desk: self, actor, linked: &linked, grants, deadline: SLACK.before(deadline) };
        carry_out(&caller, operation, &call.payload).await
    }
}

/// The actor that calls, and until when what it asks for may take.
pub(crate) struct Caller<'a> {
    desk: &'a Arc<Desk>,
    actor: &'a ActorKey,
    linked: &'a Arc<Linked>,
    grants: Arc<Grants>,
    deadline: Instant,
}

impl Caller<'_> {
    pub(crate) fn grants(&self) -> &Grants {
        &self.grants
    }

    pub(crate) fn provider_key(&self) -> &ProviderKey {
        &self.desk.context.host_data().provider_key
    }

    /// The way to a lattice, if it is granted and there are credentials where it takes some.
    pub(crate) async fn to(&self, lattice: &LatticeName) -> Result<Steering, Refusal> {
        self.grants.require_lattice(lattice)?;
        // What another instance was told a moment ago counts here.
        self.desk.peers.caught_up().await;
        let nats = match self.desk.keychain.get(self.actor, lattice) {
            Some(Known { version, state: State::Set(credentials) }) => {
                self.require_valid(&credentials)?;
                self.connected(lattice, version, &credentials).await?
            }
            Some(Known { state: State::Expired(at), .. }) => return Err(expired(at)),
            Some(Known { state: State::Forgotten, .. }) | None if lattice == self.desk.own() => {
                self.desk.context.nats().clone()
            }
            Some(Known { state: State::Forgotten, .. }) | None => return Err(no_credentials(lattice)),
        };
        Ok(self.steering(nats, lattice))
    }

    /// A connection of the actor. An actor that was unlinked while it was made leaves none.
    async fn connected(
        &self,
        lattice: &LatticeName,
        version: Version,
        credentials: &Credentials,
    ) -> Result<async_nats::Client, Refusal> {
        let line = (self.actor.clone(), lattice.clone());
        let nats = self.desk.connections.get(&line, version, credentials, self.deadline).await?;
        match self.desk.is_linked_as(self.actor, self.linked) {
            true => Ok(nats),
            false => {
                self.desk.connections.close(|other| *other == line);
                Err(Refusal::unlinked(self.actor))
            }
        }
    }

    /// Credentials that have expired, or whose server is no longer granted, are of no use.
    fn require_valid(&self, credentials: &Credentials) -> Result<(), Refusal> {
        match credentials.expires() {
            Some(at) if credentials.is_expired(SystemTime::now()) => return Err(expired(at)),
            _ => {}
        }
        credentials.url.as_ref().map_or(Ok(()), |url| self.grants.require_nats(url.expose()))
    }

    fn steering(&self, nats: async_nats::Client, lattice: &LatticeName) -> Steering {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let settings = ClientSettings {
            lattice: lattice.clone(),
            prefix: self.desk.context.host_data().lattice_control_prefix.clone(),
            // Hosts of other projects take commands in no other.
            format: Format::JSON,
            timeout: whole_millis(left * REQUEST_SHARE / 10),
            follow_events: false,
            requester: Some(format!("actor {}", self.actor)),
            ..ClientSettings::default()
        };
        Steering { client: Client::new(nats, settings), deadline: self.deadline, grants: Arc::clone(&self.grants) }
    }

    /// Sets credentials: tried, then in effect here, then known to every instance.
    pub(crate) async fn set_credentials(&self, set: SetLatticeCredentials) -> Result<CtlOperationAck, Refusal> {
        let given = Given::from(set);
        self.grants.require_lattice(&given.lattice)?;
        if let Some(url) = &given.url {
            self.grants.require_nats(url.expose())?;
        }
        let (desk, linked) = (Arc::clone(self.desk), Arc::clone(self.linked));
        let line = (self.actor.clone(), given.lattice.clone());
        Ok(match Change::new(desk, linked, line, self.deadline).to(given).await {
            Ok(()) => CtlOperationAck { accepted: true, ..CtlOperationAck::default() },
            Err(refusal) => refusal.into_ack(),
        })
    }
}

fn expired(at: u64) -> Refusal {
    Refusal::from(lattice_claims::NatsUserError::Expired { at })
}

fn no_credentials(lattice: &LatticeName) -> Refusal {
    let text = format!(
        "the actor has no credentials for lattice `{lattice}`, which is not the provider's own; SetLatticeCredentials sets some"
    );
    Refusal::new(ErrorCode::NoCredentials, text)
}

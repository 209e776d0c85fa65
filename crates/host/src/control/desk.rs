//! Who answers what: queries from what is known, commands by having them taken on.

mod artifacts;
mod auctions;
mod commands;
mod config;
mod labels;
mod links;
mod operations;
mod providers;
mod queries;
mod registries;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use lattice_artifact::Reference;
use lattice_protocol::{
    Ack, ControlSubject, ControlSubjects, HostKey, LatticeName, MAX_REQUEST, RefusalCode, SubjectError, error_chain,
};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{reply::Reply, request::Request};
use crate::{
    about::About,
    actors::{ActorCommand, Actors, Images},
    artifacts::Artifacts,
    auction::Memory,
    defaults::HELD_QUESTIONS,
    depot::Depot,
    host::{SharedHandles, Stops},
    labels::LabelEdits,
    members::Members,
    operations::{Begun, Operations},
    prefetch::Prefetches,
    providers::{ProviderCommand, Providers},
};

/// Answers requests; cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    parts: Arc<Parts>,
    /// Cancelled when no more commands are taken on.
    closed: CancellationToken,
    /// Places for questions that are held back.
    held: Arc<Semaphore>,
}

/// What the desk knows and whom it asks.
pub(crate) struct Parts {
    pub(crate) subjects: ControlSubjects,
    pub(crate) host: HostKey,
    pub(crate) artifacts: Artifacts,
    pub(crate) about: About,
    pub(crate) actors: Actors,
    pub(crate) providers: Providers,
    pub(crate) images: Images,
    pub(crate) prefetches: Prefetches,
    pub(crate) memory: Memory,
    pub(crate) depot: Depot,
    pub(crate) label_edits: LabelEdits,
    pub(crate) shared: SharedHandles,
    pub(crate) operations: Operations,
    pub(crate) members: Members,
    pub(crate) stop: watch::Sender<Option<StopRequest>>,
    pub(crate) stops: Stops,
}

/// A stop command that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StopRequest {
    /// How long running calls may take to end, if the command says.
    pub(crate) timeout: Option<Duration>,
}

/// What becomes of a request.
pub(super) enum Answer {
    /// It is answered.
    Now(Reply),
    /// It is answered, or not, when this says so, while others are attended to.
    Later(BoxFuture<'static, Option<Reply>>),
    /// It is a command, to be taken on in its turn.
    Command(Box<Admission>),
    /// Silence is the answer.
    Silence,
}

/// A command on its way in.
pub(super) struct Admission {
    /// Its operation, once that exists.
    pub(super) begun: BoxFuture<'static, Begun>,
    pub(super) command: EntityCommand,
}

/// A command about something that runs.
#[derive(Debug)]
pub(super) enum EntityCommand {
    Actor(ActorCommand),
    Provider(ProviderCommand),
    /// Have an image in the cache.
    Prefetch(Reference),
}

impl From<ActorCommand> for EntityCommand {
    fn from(command: ActorCommand) -> Self {
        EntityCommand::Actor(command)
    }
}

impl From<ProviderCommand> for EntityCommand {
    fn from(command: ProviderCommand) -> Self {
        EntityCommand::Provider(command)
    }
}

impl EntityCommand {
    /// The image that the command names.
    fn reference(&self) -> Option<&Reference> {
        match self {
            EntityCommand::Actor(command) => command.reference(),
            EntityCommand::Provider(command) => command.reference(),
            EntityCommand::Prefetch(reference) => Some(reference),
        }
    }
}

impl From<Ack> for Answer {
    fn from(ack: Ack) -> Self {
        Answer::Now(ack.into())
    }
}

impl Desk {
    pub(crate) fn new(parts: Parts) -> Self {
        let held = Arc::new(Semaphore::new(HELD_QUESTIONS));
        Self { parts: Arc::new(parts), closed: CancellationToken::new(), held }
    }

    /// Takes no more commands about this host on; they are refused from now on. What any host can do is done as before: it
    /// has come to this one, and to no other.
    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    pub(super) async fn answer(&self, request: &Request) -> Answer {
        match self.parts.subjects.parse(request.subject()) {
            Ok(subject) => self.answer_subject(subject, request).await,
            Err(SubjectError::Unsupported { .. }) => refused(RefusalCode::Unsupported, "unsupported subject").into(),
            Err(error) => config::malformed(request.subject(), &error).into(),
        }
    }

    async fn answer_subject(&self, subject: ControlSubject, request: &Request) -> Answer {
        match subject {
            ControlSubject::Command { host, verb } if host == self.parts.host => self.command(verb, request),
            ControlSubject::Inventory { host } if host == self.parts.host => self.inventory(),
            ControlSubject::GetHosts | ControlSubject::PingHosts => self.ping(request),
            ControlSubject::Ping { host } if host == self.parts.host => self.ping(request),
            ControlSubject::GetClaims => self.claims(request),
            ControlSubject::GetLinks => self.links(request),
            ControlSubject::PutLink => self.put_link(request),
            ControlSubject::DeleteLink => self.delete_link(request),
            ControlSubject::GetConfig { entity, key } => self.config(entity, key),
            ControlSubject::PutConfig { entity, key } => self.put_config(entity, key, request),
            ControlSubject::DeleteConfig { entity, key } => self.delete_config(entity, key, request),
            ControlSubject::ClearConfig { entity } => self.clear_config(entity, request),
            ControlSubject::PutRegistries => self.put_registries(request),
            ControlSubject::Members => self.members(request),
            ControlSubject::Registries => self.registries(request),
            ControlSubject::Operation { host } if host == self.parts.host => self.operation(request),
            ControlSubject::Logs { host } if host == self.parts.host => self.logs(request),
            ControlSubject::Deliveries => self.deliveries(request),
            ControlSubject::AnyOperation => self.any_operation(request),
            ControlSubject::Operations => self.operations(request),
            ControlSubject::Labels { host, verb } if host == self.parts.host => self.label(verb, request),
            ControlSubject::BeginUpload => self.begin_upload(request),
            ControlSubject::DeleteArtifact => self.delete_artifact(request),
            ControlSubject::Artifact { verb } => self.artifact(verb, request),
            ControlSubject::Upload { host } if host == self.parts.host => self.upload(request),
            ControlSubject::Push { host } if host == self.parts.host => self.push(request),
            ControlSubject::AuctionActor => self.auction_actor(request).await,
            ControlSubject::AuctionProvider => self.auction_provider(request),
            _ => not_supported(request).into(),
        }
    }

    fn check_lattice(&self, named: Option<&LatticeName>) -> Result<(), Ack> {
        match named {
            Some(other) if other != self.parts.subjects.lattice() => {
                let own = self.parts.subjects.lattice();
                let text = format!("the request names lattice `{other}` and came to lattice `{own}`");
                Err(refused(RefusalCode::OtherLattice, text))
            }
            _ => Ok(()),
        }
    }
}

/// The body of a request; error texts call it `name`.
fn read_as<T: serde::de::DeserializeOwned>(name: &str, request: &Request) -> Result<T, Ack> {
    read_up_to(MAX_REQUEST, name, request)
}

/// The same, of a request that may have another size.
fn read_up_to<T: serde::de::DeserializeOwned>(max_size: usize, name: &str, request: &Request) -> Result<T, Ack> {
    let unreadable =
        |error| refused(RefusalCode::Invalid, format!("failed to deserialize {name}: {}", error_chain(&error)));
    request.command(max_size).map_err(unreadable)
}

/// The refusal of what the host cannot do.
fn not_supported(request: &Request) -> Ack {
    let text = format!("`{}` is not supported by this version of the host", request.subject());
    refused(RefusalCode::Unsupported, text)
}

fn refused(code: RefusalCode, text: impl Into<String>) -> Ack {
    Ack::refused(text).with_code(code)
}

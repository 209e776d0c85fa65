//! Who answers what: queries from what is known, commands by having them taken on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lattice_artifact::{Policy, Reference};
use lattice_protocol::{
    Ack, Annotations, Claims, Command, CommandVerb, ControlSubject, ControlSubjects, Format, Host, HostInventory,
    HostKey, LatticeName, LatticeQuery, MAX_REQUEST, OperationQuery, OperationRecord, ScaleActor, StartActor,
    StopActor, StopHost, SubjectError, encode,
};
use tokio::sync::watch;

use super::request::Request;
use crate::{
    about::About,
    actors::{ActorCommand, Actors, Refusal, Scale, ScaleTarget, Start, Stop},
    claims::ClaimsStore,
    defaults::{LONGEST_WAIT, MAX_ANNOTATIONS},
    operations::{Begun, Operations, causes},
};

/// Answers requests; cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    parts: Arc<Parts>,
    closed: Arc<AtomicBool>,
}

/// What the desk knows and whom it asks.
pub(crate) struct Parts {
    pub(crate) subjects: ControlSubjects,
    pub(crate) host: HostKey,
    pub(crate) policy: Policy,
    pub(crate) about: About,
    pub(crate) actors: Actors,
    pub(crate) claims: ClaimsStore,
    pub(crate) operations: Operations,
    pub(crate) stop: watch::Sender<Option<StopRequest>>,
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
    /// It is answered by [`Desk::answer_question`], which takes its time.
    Later(OperationQuery),
    /// Silence is the answer.
    Silence,
}

/// The content of an answer.
pub(super) enum Reply {
    Ack(Ack),
    Host(Box<Host>),
    Inventory(Box<HostInventory>),
    Claims(Claims),
    Operation(Box<OperationRecord>),
}

impl Reply {
    pub(super) fn encode(&self, format: Format) -> Vec<u8> {
        match self {
            Reply::Ack(ack) => encode(ack, format),
            Reply::Host(host) => encode(host, format),
            Reply::Inventory(inventory) => encode(inventory, format),
            Reply::Claims(claims) => encode(claims, format),
            Reply::Operation(record) => encode(record, format),
        }
    }
}

impl From<Ack> for Answer {
    fn from(ack: Ack) -> Self {
        Answer::Now(Reply::Ack(ack))
    }
}

impl Desk {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), closed: Arc::default() }
    }

    /// Takes no more commands on; they are refused from now on.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub(super) async fn answer(&self, request: &Request) -> Answer {
        match self.parts.subjects.parse(request.subject()) {
            Ok(subject) => self.answer_subject(subject, request).await,
            Err(SubjectError::Unsupported { .. }) => Ack::refused("unsupported subject").into(),
            Err(error) => Ack::refused(chain(&error)).into(),
        }
    }

    async fn answer_subject(&self, subject: ControlSubject, request: &Request) -> Answer {
        match subject {
            ControlSubject::Command { host, verb } if host == self.parts.host => {
                self.command(verb, request).await.unwrap_or_else(Ack::refused).into()
            }
            ControlSubject::Inventory { host } if host == self.parts.host => {
                Answer::Now(Reply::Inventory(Box::new(self.parts.about.inventory())))
            }
            ControlSubject::GetHosts | ControlSubject::PingHosts => {
                self.query(request, || Reply::Host(Box::new(self.parts.about.host())))
            }
            ControlSubject::GetClaims => self.query(request, || Reply::Claims(self.claims())),
            ControlSubject::Operation { host } if host == self.parts.host => self.question(request),
            // A host that does not bid is silent.
            ControlSubject::AuctionActor | ControlSubject::AuctionProvider => Answer::Silence,
            _ => Ack::refused(format!("`{}` is not supported by this version of the host", request.subject())).into(),
        }
    }

    /// Answers a query of the lattice, unless its body names another one.
    fn query(&self, request: &Request, reply: impl FnOnce() -> Reply) -> Answer {
        let query = LatticeQuery::read(request.body()).map_err(|error| chain(&error));
        match query.and_then(|query| self.check_lattice(query.lattice_id.as_ref())) {
            Ok(()) => Answer::Now(reply()),
            Err(error) => Ack::refused(error).into(),
        }
    }

    fn claims(&self) -> Claims {
        Claims { claims: self.parts.claims.for_query().into() }
    }

    fn question(&self, request: &Request) -> Answer {
        match request.command(MAX_REQUEST) {
            Ok(question) => Answer::Later(question),
            Err(error) => Ack::refused(format!("failed to deserialize operation query: {}", chain(&error))).into(),
        }
    }

    /// The record of an operation; held back until it ends, as long as the question wants and `may_wait` allows.
    pub(super) async fn answer_question(&self, question: &OperationQuery, may_wait: bool) -> Reply {
        let wait = if may_wait { Duration::from_millis(question.wait).min(LONGEST_WAIT) } else { Duration::ZERO };
        match self.parts.operations.wait(&question.operation_id, wait).await {
            Some(record) => Reply::Operation(Box::new(record)),
            None => Reply::Ack(Ack::refused(format!("operation {} is not known here", question.operation_id))),
        }
    }

    async fn command(&self, verb: CommandVerb, request: &Request) -> Result<Ack, String> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Refusal::Stopping.to_string());
        }
        match verb {
            CommandVerb::StartActor => self.submit(request, start).await,
            CommandVerb::ScaleActor => self.submit(request, scale).await,
            CommandVerb::StopActor => self.submit(request, |command, _| Ok(stop(command))).await,
            CommandVerb::StopHost => self.stop_host(request),
            CommandVerb::UpdateActor | CommandVerb::StartProvider | CommandVerb::StopProvider => {
                Err(format!("`{}` is not supported by this version of the host", request.subject()))
            }
        }
    }

    /// Has a command taken on as an operation.
    async fn submit<C: Command>(
        &self,
        request: &Request,
        understand: fn(C, &Policy) -> Result<ActorCommand, String>,
    ) -> Result<Ack, String> {
        let command = understand(self.read(request)?, &self.parts.policy)?;
        let id = request.operation_id().map_err(|error| chain(&error))?;
        match self.parts.operations.begin(id, request.subject(), request.body()) {
            Begun::New(operation) => {
                let id = operation.id();
                let taken_on = self.parts.actors.submit(command, operation).await;
                taken_on.map(|()| Ack::operation(id)).map_err(|refusal| refusal.to_string())
            }
            Begun::Repeated(id) => Ok(Ack::operation(id)),
            Begun::Conflict => Err("this operation id belongs to another command".to_owned()),
        }
    }

    fn stop_host(&self, request: &Request) -> Result<Ack, String> {
        let command: StopHost = self.read(request)?;
        let timeout = command.timeout.map(Duration::from_secs);
        self.parts.stop.send_replace(Some(StopRequest { timeout }));
        Ok(Ack::accepted())
    }

    fn read<C: Command>(&self, request: &Request) -> Result<C, String> {
        let command: C = request
            .command(MAX_REQUEST)
            .map_err(|error| format!("failed to deserialize {}: {}", C::NAME, chain(&error)))?;
        self.check_lattice(command.lattice_id())?;
        Ok(command)
    }

    fn check_lattice(&self, named: Option<&LatticeName>) -> Result<(), String> {
        match named {
            Some(other) if other != self.parts.subjects.lattice() => {
                let own = self.parts.subjects.lattice();
                Err(format!("the request names lattice `{other}` and came to lattice `{own}`"))
            }
            _ => Ok(()),
        }
    }
}

fn start(command: StartActor, policy: &Policy) -> Result<ActorCommand, String> {
    Ok(ActorCommand::Start(Start {
        reference: reference(&command.actor_ref, policy)?,
        digest: None,
        annotations: annotations(command.annotations)?,
        count: command.count.get().max(1),
    }))
}

fn scale(command: ScaleActor, policy: &Policy) -> Result<ActorCommand, String> {
    let target = match (command.actor_id, command.actor_ref.as_str()) {
        (Some(key), "") => ScaleTarget::Running(key),
        (Some(key), text) => ScaleTarget::Both(key, reference(text, policy)?),
        // Some clients put the key of an actor that runs where the reference belongs.
        (None, text) => match text.parse() {
            Ok(key) => ScaleTarget::Running(key),
            Err(_) => ScaleTarget::Image(reference(text, policy)?),
        },
    };
    Ok(ActorCommand::Scale(Scale {
        target,
        annotations: annotations(command.annotations)?,
        count: command.count.get(),
    }))
}

fn stop(command: StopActor) -> ActorCommand {
    ActorCommand::Stop(Stop { actor: command.actor_id, annotations: command.annotations, count: command.count.get() })
}

/// The annotations, if an inventory that lists them can still be sent.
fn annotations(annotations: Annotations) -> Result<Annotations, String> {
    match annotations.size() {
        size if size > MAX_ANNOTATIONS => Err(format!("`annotations` have {size} bytes, at most {MAX_ANNOTATIONS}")),
        _ => Ok(annotations),
    }
}

/// The reference, if this host takes references of its kind.
fn reference(text: &str, policy: &Policy) -> Result<Reference, String> {
    let reference: Reference = text.parse().map_err(|error| chain(&error))?;
    policy.admit(&reference).map_err(|error| chain(&error))?;
    Ok(reference)
}

fn chain(error: &dyn std::error::Error) -> String {
    causes(error).join(": ")
}

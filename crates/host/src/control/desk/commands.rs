//! Commands to this host.

use std::time::Duration;

use lattice_artifact::Reference;
use lattice_protocol::{
    self as protocol, Ack, Annotations, Command, CommandVerb, Count, PULL_HEADER, Prefetch, PullPolicy, RefusalCode,
    ScaleActor, StartActor, StopActor, StopHost, UnknownPullPolicy, UpdateActor, error_chain,
};

use super::{Admission, Answer, Desk, EntityCommand, StopRequest, read_up_to, refused};
use crate::{
    actors::{ActorCommand, Refusal, Scale, ScaleTarget, Start, Stop, Update},
    artifacts::Artifacts,
    control::request::Request,
    defaults::{MAX_ANNOTATIONS, MAX_CONFIGURATION},
    operations::{Begun, NewOperation, Operation, fingerprint},
    providers::{Images, InstanceKey, ProviderCommand, StartProvider, StopProvider},
    turns::Turn,
};

/// A command as the record of its operation tells of it.
pub(super) struct Told<'a> {
    pub(super) command: &'a str,
    /// What it is about, if that is an image.
    pub(super) reference: Option<String>,
}

impl<'a> From<&'a str> for Told<'a> {
    fn from(command: &'a str) -> Self {
        Self { command, reference: None }
    }
}

impl Desk {
    pub(super) fn command(&self, verb: CommandVerb, request: &Request) -> Answer {
        let answer = match verb {
            _ if self.closed.is_cancelled() => Err(refusal_ack(&Refusal::Stopping)),
            CommandVerb::StartActor => {
                self.admit(verb, request, |command, artifacts| start(command, request.bid(), artifacts))
            }
            CommandVerb::ScaleActor => self.admit(verb, request, scale),
            CommandVerb::StopActor => self.admit(verb, request, |command, _| stop(command)),
            CommandVerb::StopHost => self.stop_host(request),
            CommandVerb::UpdateActor => {
                self.admit(verb, request, |command, artifacts| update(command, artifacts, request.is_forced()))
            }
            CommandVerb::StartProvider => {
                let images = self.parts.providers.images().clone();
                self.admit(verb, request, |command, _| start_provider(command, &images))
            }
            CommandVerb::StopProvider => self.admit(verb, request, |command, _| stop_provider(command)),
            CommandVerb::Prefetch => self.admit(verb, request, prefetch),
        };
        answer.unwrap_or_else(Answer::from)
    }

    /// Has a command about something that runs become an operation, and then be taken on.
    fn admit<C: Command, E: Into<EntityCommand>>(
        &self,
        verb: CommandVerb,
        request: &Request,
        understand: impl FnOnce(C, &Artifacts) -> Result<E, Ack>,
    ) -> Result<Answer, Ack> {
        let command = understand(self.read(request)?, &self.parts.artifacts)?.into();
        let reference = command.reference().map(ToString::to_string);
        let begun = Box::pin(self.begin(verb.token(), reference, request)?);
        Ok(Answer::Command(Box::new(Admission { begun, command })))
    }

    /// Begins the operation of a command, under the client's id or one of the host's.
    pub(super) fn begin(
        &self,
        command: &str,
        reference: Option<String>,
        request: &Request,
    ) -> Result<impl Future<Output = Begun> + Send + use<>, Ack> {
        let id = request.operation_id().map_err(|error| refused(RefusalCode::Invalid, error_chain(&error)))?;
        let new = NewOperation {
            id,
            command: command.to_owned(),
            fingerprint: fingerprint(request.subject(), request.body()),
            reference,
            requester: request.requester(),
            pull: pull(request)?,
        };
        let operations = self.parts.operations.clone();
        Ok(async move { operations.begin(new).await })
    }

    /// Has a command become an operation, and be carried out in its turn before it is answered. Where it came before, the
    /// answer says how that ended; the turn goes to the next at once, which may be the one that came before.
    pub(super) fn begin_and_end<'a, F: Future<Output = Ack> + Send + 'static>(
        &self,
        told: impl Into<Told<'a>>,
        request: &Request,
        turn: Turn,
        carry_out: impl FnOnce(Turn, Operation) -> F + Send + 'static,
    ) -> Result<Answer, Ack> {
        let Told { command, reference } = told.into();
        let (begun, operations) = (self.begin(command, reference, request)?, self.parts.operations.clone());
        Ok(Answer::Later(Box::pin(async move {
            let ack = match begun.await {
                Begun::New(operation) => carry_out(turn, operation).await,
                Begun::Answered(answer) => {
                    drop(turn);
                    operations.outcome(answer).await
                }
            };
            Some(ack.into())
        })))
    }

    /// Has a command taken on whose operation has begun.
    pub(in crate::control) async fn take_on(&self, begun: Begun, command: EntityCommand) -> Ack {
        let operation = match begun {
            Begun::New(operation) => operation,
            Begun::Answered(ack) => return ack,
        };
        let accepted = operation.ack();
        let submitted = match command {
            EntityCommand::Actor(command) => {
                self.parts.actors.submit(command, operation).await.map_err(|refusal| refusal_ack(&refusal))
            }
            EntityCommand::Provider(command) => {
                let submitted = self.parts.providers.submit(command, operation).await;
                submitted.map_err(|refusal| refused(refusal.code(), refusal.to_string()))
            }
            EntityCommand::Prefetch(reference) => {
                let submitted = self.parts.prefetches.submit(reference, operation);
                submitted.map_err(|refusal| refused(refusal.code(), refusal.to_string()))
            }
        };
        submitted.map_or_else(|refusal| refusal, |()| accepted)
    }

    fn stop_host(&self, request: &Request) -> Result<Answer, Ack> {
        let command: StopHost = self.read(request)?;
        let timeout = command.timeout.map(Duration::from_secs);
        let begun = self.begin(CommandVerb::StopHost.token(), None, request)?;
        let desk = self.clone();
        Ok(Answer::Later(Box::pin(async move {
            let ack = match begun.await {
                Begun::New(operation) => desk.have_host_stopped(operation, timeout),
                Begun::Answered(ack) => ack,
            };
            Some(ack.into())
        })))
    }

    /// Has the host stopped; the operation ends with it. From the answer on it takes no more commands.
    fn have_host_stopped(&self, operation: Operation, timeout: Option<Duration>) -> Ack {
        let ack = operation.ack();
        operation.taken_on();
        self.parts.stops.add(operation);
        self.parts.actors.capacity().close();
        self.parts.stop.send_replace(Some(StopRequest { timeout }));
        ack
    }

    fn read<C: Command>(&self, request: &Request) -> Result<C, Ack> {
        let command: C = read_up_to(C::MAX_SIZE, C::NAME, request)?;
        self.check_lattice(command.lattice_id())?;
        Ok(command)
    }
}

fn refusal_ack(refusal: &Refusal) -> Ack {
    refused(refusal.code(), refusal.to_string())
}

fn start(command: StartActor, bid: Option<&str>, artifacts: &Artifacts) -> Result<ActorCommand, Ack> {
    Ok(ActorCommand::Start(Start {
        reference: reference(&command.actor_ref, artifacts)?,
        digest: None,
        annotations: annotations(command.annotations)?,
        count: at_least_one(command.count),
        bid: bid.map(ToOwned::to_owned),
    }))
}

/// How many instances a start adds.
pub(super) fn at_least_one(count: Count) -> u16 {
    count.get().max(1)
}

fn scale(command: ScaleActor, artifacts: &Artifacts) -> Result<ActorCommand, Ack> {
    let target = match (command.actor_id, command.actor_ref.as_str()) {
        (Some(key), "") => ScaleTarget::Running(key),
        (Some(key), text) => ScaleTarget::Both(key, reference(text, artifacts)?),
        // Some clients put the key of an actor that runs where the reference belongs.
        (None, text) => match text.parse() {
            Ok(key) => ScaleTarget::Running(key),
            Err(_) => ScaleTarget::Image(reference(text, artifacts)?),
        },
    };
    Ok(ActorCommand::Scale(Scale {
        target,
        annotations: annotations(command.annotations)?,
        count: command.count.get(),
    }))
}

fn start_provider(command: protocol::StartProvider, images: &Images) -> Result<ProviderCommand, Ack> {
    let reference = provider_reference(&command.provider_ref, images)?;
    Ok(ProviderCommand::Start(StartProvider {
        reference,
        digest: None,
        link: command.link_name,
        annotations: annotations(command.annotations)?,
        configuration: configuration(command.configuration)?,
    }))
}

fn stop_provider(command: protocol::StopProvider) -> Result<ProviderCommand, Ack> {
    Ok(ProviderCommand::Stop(StopProvider {
        key: InstanceKey { provider: command.provider_id, link: command.link_name },
        annotations: annotations(command.annotations)?,
    }))
}

/// The configuration string, if it is as long as the interface allows.
fn configuration(text: Option<String>) -> Result<Option<String>, Ack> {
    match text.as_ref().map(|text| text.chars().count()) {
        Some(length) if length > MAX_CONFIGURATION => {
            let text = format!("`configuration` has {length} characters, at most {MAX_CONFIGURATION}");
            Err(refused(RefusalCode::Invalid, text))
        }
        _ => Ok(text),
    }
}

fn stop(command: StopActor) -> Result<ActorCommand, Ack> {
    Ok(ActorCommand::Stop(Stop {
        actor: command.actor_id,
        annotations: annotations(command.annotations)?,
        count: command.count.get(),
    }))
}

fn update(command: UpdateActor, artifacts: &Artifacts, force: bool) -> Result<ActorCommand, Ack> {
    Ok(ActorCommand::Update(Update {
        actor: command.actor_id,
        reference: reference(&command.new_actor_ref, artifacts)?,
        annotations: annotations(command.annotations)?,
        force,
    }))
}

fn prefetch(command: Prefetch, artifacts: &Artifacts) -> Result<EntityCommand, Ack> {
    Ok(EntityCommand::Prefetch(reference(&command.image_ref, artifacts)?))
}

/// When the source of an image is asked, if the request says so.
fn pull(request: &Request) -> Result<Option<PullPolicy>, Ack> {
    let invalid = |error: UnknownPullPolicy| refused(RefusalCode::Invalid, format!("header `{PULL_HEADER}`: {error}"));
    request.pull().map(str::parse).transpose().map_err(invalid)
}

/// The annotations, if an inventory that lists them can still be sent.
pub(super) fn annotations(annotations: Annotations) -> Result<Annotations, Ack> {
    match annotations.size() {
        size if size > MAX_ANNOTATIONS => {
            let text = format!("`annotations` have {size} bytes, at most {MAX_ANNOTATIONS}");
            Err(refused(RefusalCode::Invalid, text))
        }
        _ => Ok(annotations),
    }
}

/// The reference of a provider, if this host takes references of its kind.
pub(super) fn provider_reference(text: &str, images: &Images) -> Result<Reference, Ack> {
    let reference = parse_reference(text)?;
    images.admit(&reference).map_err(|error| refused(RefusalCode::NotAllowed, error_chain(&error)))?;
    Ok(reference)
}

fn parse_reference(text: &str) -> Result<Reference, Ack> {
    text.parse().map_err(|error| refused(RefusalCode::Invalid, error_chain(&error)))
}

/// The reference, if this host takes references of its kind.
pub(super) fn reference(text: &str, artifacts: &Artifacts) -> Result<Reference, Ack> {
    let reference = parse_reference(text)?;
    artifacts.admit(&reference).map_err(|error| refused(RefusalCode::NotAllowed, error_chain(&error)))?;
    Ok(reference)
}

//! [`DirectDoor`]: the host's side.

use std::{io, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::FutureExt as _;
use lattice_protocol::{ActorKey, ContractId, HostKey, LinkName, ProviderKey};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep, timeout, timeout_at},
};
use uuid::Uuid;

use super::{
    access::{DirectPass, TICKET, Tickets, Visitor},
    frame::{self, Ask, Frame, Told, Verdict},
    socket,
};
use crate::{
    defaults::{DIRECT_ACCEPT_PAUSE, DIRECT_CALLS, DIRECT_CONNECTIONS, DIRECT_ENTER, DIRECT_WAITING},
    entity::Entity,
    server::{Handler, HandlerError, PANICKED, RefusalKind, Refusals, Request, Room, TOO_LATE},
};

/// What runs on this host.
pub trait Locals: Send + Sync + 'static {
    /// What executes the calls of one of its actors.
    type Handler: Handler;

    /// The handler of an actor, if it runs here.
    fn find(&self, actor: &ActorKey) -> Option<Self::Handler>;
}

/// Lets the providers of a host call its actors directly. Dropping it ends everything at once, unanswered.
#[derive(Debug)]
pub struct DirectDoor {
    name: String,
    tickets: TicketsOf,
    task: JoinHandle<()>,
}

/// Shown without the tickets.
struct TicketsOf(Tickets);

impl std::fmt::Debug for TicketsOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

/// What the connections of a door share.
struct Inside<L> {
    locals: L,
    host: HostKey,
    tickets: Tickets,
    refusals: Arc<Refusals>,
    longest_call: Duration,
    largest_payload: usize,
}

impl DirectDoor {
    /// A door to what runs on `host`, where no call takes longer than `longest_call` and no payload, of a call or an answer,
    /// has more than `largest_payload` bytes.
    ///
    /// # Errors
    /// If there is no such socket: where the system has none of this kind for instance.
    pub fn open(
        locals: impl Locals,
        host: HostKey,
        refusals: Arc<Refusals>,
        (longest_call, largest_payload): (Duration, usize),
    ) -> io::Result<Self> {
        let name = format!("lattice-{}", Uuid::new_v4().simple());
        let listener = socket::listen(&name)?;
        let tickets = Tickets::default();
        let inside = Inside { locals, host, tickets: tickets.clone(), refusals, longest_call, largest_payload };
        let task = tokio::spawn(accept(listener, Arc::new(inside)));
        Ok(Self { name, tickets: TicketsOf(tickets), task })
    }

    /// Lets a process in as this provider, for as long as the pass is held.
    pub fn pass(&self, key: ProviderKey, link: LinkName) -> DirectPass {
        self.tickets.0.issue(&self.name, Visitor { key, link })
    }
}

impl Drop for DirectDoor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<L: Locals>(listener: UnixListener, inside: Arc<Inside<L>>) {
    let mut connections = JoinSet::new();
    loop {
        // Cancel-safe: accepting and joining are.
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < DIRECT_CONNECTIONS => match accepted {
                Ok((stream, _)) => drop(connections.spawn(receive(stream, Arc::clone(&inside)))),
                Err(error) => {
                    tracing::warn!(%error, "a provider could not enter");
                    sleep(DIRECT_ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn receive<L: Locals>(mut stream: UnixStream, inside: Arc<Inside<L>>) {
    let visitor = match timeout(DIRECT_ENTER, enter(&mut stream, &inside.tickets, inside.largest_payload)).await {
        Ok(Ok(Some(visitor))) => visitor,
        Ok(Ok(None)) => return tracing::warn!("somebody without a good ticket wanted to call actors directly"),
        _ => return,
    };
    if let Err(error) = serve(stream, visitor, inside).await {
        tracing::debug!(%error, "the direct connection of a provider broke");
    }
}

/// Who comes, if it is known and of the same user.
async fn enter(stream: &mut UnixStream, tickets: &Tickets, largest_payload: usize) -> io::Result<Option<Visitor>> {
    if stream.peer_cred()?.uid() != rustix::process::geteuid().as_raw() {
        return Ok(None);
    }
    let mut ticket = [0; TICKET];
    stream.read_exact(&mut ticket).await?;
    let Some(visitor) = std::str::from_utf8(&ticket).ok().and_then(|ticket| tickets.visitor(ticket)) else {
        return Ok(None);
    };
    stream.write_u32(u32::try_from(largest_payload).unwrap_or(u32::MAX)).await?;
    Ok(Some(visitor))
}

/// Works on the calls of a visitor until it is gone. What runs then goes on to its end, as if it had come over NATS.
async fn serve<L: Locals>(stream: UnixStream, visitor: Visitor, inside: Arc<Inside<L>>) -> io::Result<()> {
    let (reader, writer) = stream.into_split();
    let mut frames = frame::frames(reader, inside.largest_payload);
    let (answers, made) = mpsc::channel(DIRECT_WAITING);
    let room = Arc::new(Room::new(DIRECT_CALLS));
    let mut writing = JoinSet::new();
    writing.spawn(frame::write(made, writer));
    while let Some((ask, payload)) = frame::next::<Ask>(&mut frames).await? {
        let number = ask.number;
        let place = match room.place(payload.len()) {
            Ok(place) => place,
            Err(error) => {
                inside.refusals.add(RefusalKind::Overloaded);
                let told = Told { number, verdict: refused(RefusalKind::Overloaded) };
                if answers.send(Frame::new(&told, error.into())).await.is_err() {
                    break;
                }
                continue;
            }
        };
        let (inside, visitor, answers) = (Arc::clone(&inside), visitor.clone(), answers.clone());
        tokio::spawn(async move {
            let (verdict, payload) = inside.work_on(visitor, ask, payload).await;
            drop(place);
            // That it cannot be sent means that nobody waits for it.
            let _ = answers.send(Frame::new(&Told { number, verdict }, payload)).await;
        });
    }
    Ok(())
}

impl<L: Locals> Inside<L> {
    async fn work_on(&self, visitor: Visitor, ask: Ask, payload: Bytes) -> (Verdict, Bytes) {
        let (Ok(actor), Ok(contract)) = (ask.actor.parse::<ActorKey>(), ask.contract.parse::<ContractId>()) else {
            self.refusals.add(RefusalKind::Unreadable);
            return (refused(RefusalKind::Unreadable), "neither an actor's key nor a contract".into());
        };
        let Some(handler) = self.locals.find(&actor) else { return (Verdict::Elsewhere, Bytes::new()) };
        let deadline = Instant::now() + Duration::from_millis(ask.left).min(self.longest_call);
        let request = Request {
            origin: Entity::Provider { key: visitor.key, link: visitor.link, contract },
            operation: ask.operation,
            payload,
            id: ask.number.to_string(),
            deadline,
            depth: ask.depth,
            back: ask.back,
            trace: ask.trace,
            host_id: self.host.to_string(),
        };
        self.verdict(execute(&handler, request).await)
    }

    fn verdict(&self, outcome: Result<Bytes, HandlerError>) -> (Verdict, Bytes) {
        let (kind, error) = match outcome {
            Ok(result) if result.len() > self.largest_payload => {
                let (size, limit) = (result.len(), self.largest_payload);
                return (Verdict::Failed, format!("the answer has {size} bytes, at most {limit} are sent").into());
            }
            Ok(result) => return (Verdict::Done, result),
            Err(HandlerError::Failed(error)) => return (Verdict::Failed, error.into()),
            Err(HandlerError::Overloaded(error)) => (RefusalKind::Overloaded, error),
            Err(HandlerError::Unlinked(error)) => (RefusalKind::Unlinked, error),
        };
        self.refusals.add(kind);
        (refused(kind), error.into())
    }
}

async fn execute<H: Handler>(handler: &H, request: Request) -> Result<Bytes, HandlerError> {
    let deadline = request.deadline;
    let work = AssertUnwindSafe(handler.handle(request)).catch_unwind();
    match timeout_at(deadline, work).await {
        Err(_) => Err(HandlerError::Failed(TOO_LATE.to_owned())),
        Ok(Err(_)) => Err(HandlerError::Failed(PANICKED.to_owned())),
        Ok(Ok(result)) => result,
    }
}

fn refused(kind: RefusalKind) -> Verdict {
    Verdict::Refused(kind.as_str().to_owned())
}

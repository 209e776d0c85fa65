//! [`DirectDoor`]: the host's side.

use std::{io, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::FutureExt as _;
use lattice_protocol::{ActorKey, HostKey};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep, timeout, timeout_at},
};
use uuid::Uuid;

use super::{
    access::{DirectPass, Entered, TICKET, Tickets},
    frame::{self, Ask, Frame, Received, Told, Verdict},
    socket,
};
use crate::{
    defaults::{DIRECT_ACCEPT_PAUSE, DIRECT_CALLS, DIRECT_CONNECTIONS, DIRECT_ENTER, DIRECT_WAITING},
    entity::Entity,
    server::{Handler, HandlerError, PANICKED, Place, RefusalKind, Refusals, Request, Room, TOO_LATE},
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
    tickets: Tickets,
    task: JoinHandle<()>,
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
        longest_call: Duration,
        largest_payload: usize,
    ) -> io::Result<Self> {
        let name = format!("lattice-{}", Uuid::new_v4().simple());
        let listener = socket::listen(&name)?;
        let tickets = Tickets::default();
        let inside = Inside { locals, host, tickets: tickets.clone(), refusals, longest_call, largest_payload };
        let task = tokio::spawn(accept(listener, Arc::new(inside)));
        Ok(Self { name, tickets, task })
    }

    /// Lets one process in as this provider, for as long as the pass is held.
    pub fn pass(&self, provider: Entity) -> DirectPass {
        self.tickets.issue(&self.name, provider)
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
    let entered = match timeout(DIRECT_ENTER, enter(&mut stream, &inside)).await {
        Ok(Ok(Some(entered))) => entered,
        // Not worth more: any program of this machine can do that as often as it likes.
        _ => return tracing::debug!("somebody without a good ticket wanted to call actors directly"),
    };
    let ended = entered.ended.clone();
    let mut calls = JoinSet::new();
    if let Some(Err(error)) = ended.run_until_cancelled(serve(stream, entered, &inside, &mut calls)).await {
        tracing::debug!(%error, "the direct connection of a provider broke");
    }
    // What runs goes on to its end, as if it had come over NATS.
    while calls.join_next().await.is_some() {}
}

/// Who comes, if it is known and of the same user.
async fn enter<L>(stream: &mut UnixStream, inside: &Inside<L>) -> io::Result<Option<Entered>> {
    if !socket::is_of_this_user(stream)? {
        return Ok(None);
    }
    let mut ticket = [0; TICKET];
    stream.read_exact(&mut ticket).await?;
    let Some(entered) = std::str::from_utf8(&ticket).ok().and_then(|ticket| inside.tickets.enter(ticket)) else {
        return Ok(None);
    };
    stream.write_u32(u32::try_from(inside.largest_payload).unwrap_or(u32::MAX)).await?;
    Ok(Some(entered))
}

/// Takes the calls of a visitor until it is gone.
async fn serve<L: Locals>(
    stream: UnixStream,
    entered: Entered,
    inside: &Arc<Inside<L>>,
    calls: &mut JoinSet<()>,
) -> io::Result<()> {
    let (reader, writer) = stream.into_split();
    let mut frames = frame::frames(reader, inside.largest_payload);
    let (answers, made) = mpsc::channel(DIRECT_WAITING);
    let room = Room::new(DIRECT_CALLS);
    let mut writing = JoinSet::new();
    writing.spawn(frame::write(made, writer));
    while let Some(Received { head: ask, payload, size }) = frame::next::<Ask>(&mut frames).await? {
        while calls.try_join_next().is_some() {}
        match room.place(size) {
            Ok(place) => {
                let call = Arc::clone(inside).work_on(entered.visitor.clone(), ask, payload);
                let answers = answers.clone();
                calls.spawn(answer(call, place, answers));
            }
            Err(error) => {
                inside.refusals.add(RefusalKind::Overloaded);
                let told = Told { number: ask.number, verdict: refused(RefusalKind::Overloaded) };
                if answers.send(Frame::new(&told, error.into())).await.is_err() {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Sends what a call comes to. Its place is taken until then, so that whoever does not read answers gets none made.
async fn answer(call: impl Future<Output = (Told, Bytes)>, mut place: Place, answers: mpsc::Sender<Frame>) {
    let (mut told, mut payload) = call.await;
    if let Err(error) = place.grow(payload.len()) {
        (told.verdict, payload) = (Verdict::Failed, format!("it has an answer, which is not sent: {error}").into());
    }
    // That it cannot be sent means that nobody waits for it.
    let _ = answers.send(Frame::new(&told, payload)).await;
}

impl<L: Locals> Inside<L> {
    async fn work_on(self: Arc<Self>, origin: Entity, ask: Ask, payload: Bytes) -> (Told, Bytes) {
        let number = ask.number;
        let (verdict, payload) = self.execute(origin, ask, payload).await;
        (Told { number, verdict }, payload)
    }

    async fn execute(&self, origin: Entity, ask: Ask, payload: Bytes) -> (Verdict, Bytes) {
        let Ok(actor) = ask.actor.parse::<ActorKey>() else {
            self.refusals.add(RefusalKind::Unreadable);
            return (refused(RefusalKind::Unreadable), "no actor's key".into());
        };
        let Some(handler) = self.locals.find(&actor) else { return (Verdict::Elsewhere, Bytes::new()) };
        let request = Request {
            origin,
            operation: ask.operation,
            payload,
            id: ask.number.to_string(),
            deadline: Instant::now() + Duration::from_millis(ask.left).min(self.longest_call),
            // Only providers of this project's SDK come this way.
            deadline_is_told: true,
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
    let work = pin!(AssertUnwindSafe(handler.handle(request)).catch_unwind());
    match timeout_at(deadline, work).await {
        Err(_) => Err(HandlerError::Failed(TOO_LATE.to_owned())),
        Ok(Err(_)) => Err(HandlerError::Failed(PANICKED.to_owned())),
        Ok(Ok(result)) => result,
    }
}

fn refused(kind: RefusalKind) -> Verdict {
    Verdict::Refused(kind.as_str().to_owned())
}

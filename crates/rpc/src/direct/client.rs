//! [`DirectClient`]: the provider's side.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use lattice_protocol::DirectAccess;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixStream, unix::OwnedReadHalf},
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use super::{
    frame::{self, Ask, Frame, Received, Told, VERSION, Verdict},
    socket,
};
use crate::{
    client::Call,
    defaults::{DIRECT_ENTER, DIRECT_WAITING},
    entity::Entity,
    error::CallError,
    header,
    server::RefusalKind,
};

/// What a call comes to whose answer cannot come any more. It may have been executed.
const BROKEN: &str = "the connection to the host ended before the answer came";

/// Calls actors of the host that started this process. Clones share the connection, which ends with the last of them.
#[derive(Clone)]
pub struct DirectClient {
    inner: Arc<Inner>,
}

struct Inner {
    asks: mpsc::Sender<Frame>,
    waiting: Waiting,
    numbers: AtomicU64,
    /// The largest payload that the door takes.
    largest_payload: usize,
    _tasks: JoinSet<()>,
}

/// Who waits for which answer; nobody may any more once the connection is gone.
#[derive(Clone)]
struct Waiting(Arc<Mutex<Option<Senders>>>);

type Senders = HashMap<u64, oneshot::Sender<(Verdict, Bytes)>>;

/// What came of trying the direct way.
pub(crate) enum Outcome {
    Settled(Result<Bytes, CallError>),
    /// No answer in time.
    TimedOut,
    /// Nothing was executed, and nothing will be: the actor does not run on this host, or there is no way to it.
    Elsewhere,
    /// Nothing was executed, for the actor has too much to do on this host. It may run on others too.
    Full(CallError),
}

impl DirectClient {
    /// Enters where the host's data say.
    ///
    /// # Errors
    /// If nobody listens there, or the ticket is no good.
    pub async fn connect(access: &DirectAccess) -> io::Result<Self> {
        if access.version != VERSION {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the host's door is of another version"));
        }
        let (stream, largest_payload) = timeout(DIRECT_ENTER, enter(access)).await??;
        let (reader, writer) = stream.into_split();
        let waiting = Waiting(Arc::new(Mutex::new(Some(HashMap::new()))));
        let (asks, made) = mpsc::channel(DIRECT_WAITING);
        let mut tasks = JoinSet::new();
        tasks.spawn(read(frame::frames(reader, largest_payload), waiting.clone()));
        tasks.spawn({
            let waiting = waiting.clone();
            async move {
                if let Err(error) = frame::write(made, writer).await {
                    tracing::debug!(%error, "the direct connection to the host broke");
                }
                waiting.close();
            }
        });
        let numbers = AtomicU64::new(0);
        Ok(Self { inner: Arc::new(Inner { asks, waiting, numbers, largest_payload, _tasks: tasks }) })
    }

    /// Calls an actor in the name of this provider, and waits until `until`.
    pub(crate) async fn call(&self, call: &Call, until: Instant) -> Outcome {
        let Entity::Actor(actor) = &call.target else { return Outcome::Elsewhere };
        if call.payload.len() > self.inner.largest_payload {
            return Outcome::Elsewhere;
        }
        let number = self.inner.numbers.fetch_add(1, Ordering::Relaxed);
        let Some(mut answer) = self.inner.waiting.expect(number) else { return Outcome::Elsewhere };
        let ask = Ask {
            number,
            actor: actor.to_string(),
            operation: call.operation.clone(),
            left: header::milliseconds(until.saturating_duration_since(Instant::now())),
            depth: call.nesting.depth,
            back: call.nesting.back,
            trace: call.trace.clone(),
        };
        let frame = Frame::new(&ask, call.payload.clone());
        if !frame.fits() {
            return Outcome::Elsewhere;
        }
        match timeout_at(until, self.inner.asks.send(frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Outcome::Elsewhere,
            Err(_) => return Outcome::TimedOut,
        }
        match timeout_at(until, &mut answer.receiver).await {
            Ok(Ok((verdict, payload))) => match outcome(verdict, payload) {
                // Its patience was for here; to spend it elsewhere again would end in silence.
                Outcome::Full(refused) if call.nesting.back => Outcome::Settled(Err(refused)),
                outcome => outcome,
            },
            Ok(Err(_)) => Outcome::Settled(Err(CallError::Failed { error: BROKEN.to_owned() })),
            Err(_) => Outcome::TimedOut,
        }
    }
}

impl fmt::Debug for DirectClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectClient").finish_non_exhaustive()
    }
}

/// Shows the ticket, and learns how many bytes a payload may have.
async fn enter(access: &DirectAccess) -> io::Result<(UnixStream, usize)> {
    let mut stream = socket::connect(&access.socket).await?;
    if !socket::is_of_this_user(&stream)? {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "another user listens there"));
    }
    stream.write_all(access.ticket.as_bytes()).await?;
    let largest_payload = stream.read_u32().await? as usize;
    Ok((stream, largest_payload))
}

async fn read(mut frames: frame::Frames<OwnedReadHalf>, waiting: Waiting) {
    loop {
        match frame::next::<Told>(&mut frames).await {
            Ok(Some(Received { head, payload, .. })) => waiting.settle(head, payload),
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "the direct connection to the host broke");
                break;
            }
        }
    }
    waiting.close();
}

fn outcome(verdict: Verdict, payload: Bytes) -> Outcome {
    let text = || String::from_utf8_lossy(&payload).into_owned();
    let failed = |error| Outcome::Settled(Err(CallError::Failed { error }));
    match verdict {
        Verdict::Done => Outcome::Settled(Ok(payload)),
        Verdict::Failed => failed(text()),
        Verdict::Elsewhere => Outcome::Elsewhere,
        Verdict::Refused(kind) => match RefusalKind::from_text(&kind) {
            None => failed(text()),
            Some(kind @ RefusalKind::Overloaded) => Outcome::Full(CallError::Refused { kind, error: text() }),
            Some(kind) => Outcome::Settled(Err(CallError::Refused { kind, error: text() })),
        },
    }
}

/// Waits for one answer, until it is dropped.
struct Expected {
    number: u64,
    receiver: oneshot::Receiver<(Verdict, Bytes)>,
    waiting: Waiting,
}

impl Waiting {
    fn expect(&self, number: u64) -> Option<Expected> {
        let (sender, receiver) = oneshot::channel();
        self.all(|all| all.insert(number, sender))?;
        Some(Expected { number, receiver, waiting: self.clone() })
    }

    fn settle(&self, told: Told, payload: Bytes) {
        if let Some(sender) = self.all(|all| all.remove(&told.number)).flatten() {
            // That nobody receives it means that nobody waits any more.
            let _ = sender.send((told.verdict, payload));
        }
    }

    fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn all<T>(&self, change: impl FnOnce(&mut Senders) -> T) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(change)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.waiting.all(|all| all.remove(&self.number));
    }
}

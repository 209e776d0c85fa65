//! The other side of the floor: a process that answers bare requests, and does nothing else.
//!
//! It answers on `{subject}.{size}` with so many bytes. On `{subject}.hosts.{lattice}.{count}` it is asked to have so many
//! simulated hosts in a lattice of their own, in place of those it had; it answers when they can be asked.
//! It says that it is ready by one line on its output, and ends when its input does: however the bench ends, it does not
//! stay behind.

use std::{
    io,
    os::fd::AsFd,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use lattice_protocol::LatticeName;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::unix::pipe,
    process::{Child, ChildStdin, Command},
    time,
};
use uuid::Uuid;

use crate::{
    defaults::{CONFIRM_DEADLINE, RESPONDER_DEADLINE, SUBJECT_PREFIX},
    error::{BenchError, ResponderError},
    simulated::SimulatedHosts,
};

/// What the responder says when it can be asked.
const READY: &str = "ready";
/// The token of subjects on which simulated hosts are asked for.
const HOSTS: &str = "hosts";

/// Answers bare requests below `subject` for whoever started this process with [`Responder::start`], until that one ends
/// it or is gone itself.
///
/// # Errors
/// If standard input and output are no pipes, or it cannot subscribe. A lost connection is no error: it is restored.
pub async fn respond(nats: async_nats::Client, subject: &str) -> Result<(), ResponderError> {
    let (input, output) = pipes().map_err(|source| ResponderError::Pipe { source })?;
    respond_on(nats, subject, input, output).await
}

fn pipes() -> io::Result<(pipe::Receiver, pipe::Sender)> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    Ok((pipe::Receiver::from_owned_fd(input)?, pipe::Sender::from_owned_fd(output)?))
}

/// Answers until `input` ends; says on `output` when it begins.
async fn respond_on(
    nats: async_nats::Client,
    subject: &str,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin,
) -> Result<(), ResponderError> {
    let requests = subscribe(&nats, subject).await?;
    say_ready(output).await.map_err(|source| ResponderError::Pipe { source })?;
    // Cancel-safe: whoever waits for an answer when the input ends is gone.
    tokio::select! {
        () = answer_all(&nats, requests) => {}
        () = end_of(input) => {}
    }
    Ok(())
}

/// Subscribes, and returns once the server has it: a message of its own has come back.
async fn subscribe(nats: &async_nats::Client, subject: &str) -> Result<Subscriber, ResponderError> {
    let all = format!("{subject}.>");
    let subscribed = nats.subscribe(all.clone()).await;
    let mut requests = subscribed.map_err(|source| ResponderError::Subscribe { subject: all.clone(), source })?;
    let returned = async {
        nats.publish(format!("{subject}.{READY}"), Bytes::new()).await.ok()?;
        requests.next().await
    };
    match time::timeout(CONFIRM_DEADLINE, returned).await {
        Ok(Some(_)) => Ok(requests),
        _ => Err(ResponderError::Unconfirmed { subject: all }),
    }
}

async fn say_ready(mut output: impl AsyncWrite + Unpin) -> io::Result<()> {
    output.write_all(format!("{READY}\n").as_bytes()).await?;
    output.flush().await
}

async fn answer_all(nats: &async_nats::Client, mut requests: Subscriber) {
    let bytes = Bytes::from(vec![b'x'; nats.max_payload()]);
    // Held for their answers alone.
    let mut hosts = None;
    while let Some(request) = requests.next().await {
        let (Some(wanted), Some(inbox)) = (wanted(&request), request.reply) else { continue };
        let answer = match wanted {
            Wanted::Bytes(size) => bytes.slice(..size.min(bytes.len())),
            Wanted::Hosts { lattice, count } => {
                drop(hosts.take());
                match SimulatedHosts::start(nats, lattice, count).await {
                    Ok(started) => hosts = Some(started),
                    // Whoever asked hears nothing, and says so.
                    Err(_) => continue,
                }
                Bytes::new()
            }
        };
        // An answer that cannot be sent is one that nobody waits for.
        let _ = nats.publish(inbox, answer).await;
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq)]
enum Wanted {
    Bytes(usize),
    Hosts { lattice: LatticeName, count: usize },
}

/// What a request asks for, by the end of its subject.
fn wanted(request: &Message) -> Option<Wanted> {
    let mut tokens = request.subject.rsplit('.');
    let number = tokens.next()?.parse().ok()?;
    let (lattice, kind) = (tokens.next()?, tokens.next()?);
    match kind {
        HOSTS => Some(Wanted::Hosts { lattice: lattice.parse().ok()?, count: number }),
        _ => Some(Wanted::Bytes(number)),
    }
}

/// Returns when nothing more can be read.
async fn end_of(mut input: impl AsyncRead + Unpin) {
    let mut buffer = [0; 64];
    while input.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

/// A responder's process. Dropping this kills it; [`Responder::stop`] lets it end.
#[derive(Debug)]
pub struct Responder {
    subject: String,
    process: Child,
    /// What it ends with.
    input: ChildStdin,
}

impl Responder {
    /// A subject for one responder, which no other uses.
    pub fn new_subject() -> String {
        format!("{SUBJECT_PREFIX}.{}", Uuid::new_v4().simple())
    }

    /// Starts a command that calls [`respond`] with `subject`, and waits until it answers.
    ///
    /// The process is in a group of its own, so that a terminal's Ctrl-C does not end it under a running measure.
    ///
    /// # Errors
    /// If it does not start or is not ready in time.
    pub async fn start(mut command: Command, subject: String) -> Result<Self, ResponderError> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut process = command.spawn().map_err(|source| ResponderError::Spawn { source })?;
        let input = process.stdin.take().expect("it was given a pipe");
        time::timeout(RESPONDER_DEADLINE, until_ready(&mut process))
            .await
            .map_err(|_| ResponderError::NotReady { waited: RESPONDER_DEADLINE })??;
        Ok(Self { subject, process, input })
    }

    /// What the subjects start with that it answers.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Has so many simulated hosts answer in a lattice, in place of those that did.
    ///
    /// # Errors
    /// If the responder does not answer.
    pub(crate) async fn simulate(
        nats: &async_nats::Client,
        subject: &str,
        lattice: &LatticeName,
        count: usize,
    ) -> Result<(), BenchError> {
        let request = async_nats::Request::new().timeout(Some(RESPONDER_DEADLINE));
        let asked = nats.send_request(format!("{subject}.{HOSTS}.{lattice}.{count}"), request).await;
        asked.map(drop).map_err(|source| BenchError::Floor { source })
    }

    /// The process, for as long as it has not been waited for.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Ends the process and waits for that.
    pub async fn stop(self) {
        // That it cannot be waited for means that somebody else did.
        let _ = self.stop_within(RESPONDER_DEADLINE).await;
    }

    async fn stop_within(self, patience: Duration) -> io::Result<ExitStatus> {
        let Self { mut process, input, .. } = self;
        drop(input);
        match time::timeout(patience, process.wait()).await {
            Ok(ended) => ended,
            Err(_) => {
                process.start_kill()?;
                process.wait().await
            }
        }
    }
}

async fn until_ready(process: &mut Child) -> Result<(), ResponderError> {
    let output = process.stdout.take().expect("it was given a pipe");
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await.map_err(|source| ResponderError::Pipe { source })? {
        if line == READY {
            return Ok(());
        }
    }
    let status = process.wait().await.map_err(|source| ResponderError::Pipe { source })?;
    Err(ResponderError::Ended { status })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    async fn start(script: &str) -> Result<Responder, ResponderError> {
        Responder::start(shell(script), Responder::new_subject()).await
    }

    #[tokio::test]
    async fn a_process_is_waited_for_until_it_is_ready_and_ended_by_its_input() {
        let responder = start("echo starting; echo ready; read -r _; exit 7").await.expect("it says that it is ready");
        let status = responder.stop_within(RESPONDER_DEADLINE).await.expect("a child can be waited for");
        assert_eq!(status.code(), Some(7));
    }

    #[tokio::test]
    async fn a_process_that_does_not_end_is_killed() {
        let responder = start("echo ready; exec sleep 600").await.expect("it says that it is ready");
        let status = responder.stop_within(Duration::from_millis(10)).await.expect("a child can be waited for");
        assert_eq!(status.signal(), Some(9));
    }

    #[tokio::test]
    async fn a_process_that_ends_early_is_told_from_one_that_cannot_start() {
        let ended = start("exit 3").await.expect_err("it never says that it is ready");
        assert!(matches!(ended, ResponderError::Ended { status } if status.code() == Some(3)), "{ended:?}");
        let missing = Responder::start(Command::new("/nowhere/at/all"), Responder::new_subject()).await;
        assert!(matches!(missing, Err(ResponderError::Spawn { .. })), "{missing:?}");
    }

    #[tokio::test]
    async fn answers_have_the_size_that_is_asked_for() {
        let nats = lattice_testkit::NatsServer::start().await;
        let (client, subject) = (nats.client().await, Responder::new_subject());
        let (input, for_input) = tokio::io::duplex(16);
        let (output, for_output) = tokio::io::duplex(16);
        let respond = async |subject: &str| respond_on(nats.client().await, subject, input, for_output).await;
        let ask = async {
            let mut lines = BufReader::new(output).lines();
            assert_eq!(lines.next_line().await.expect("it is text").as_deref(), Some(READY));
            for size in [0, 1, 128, 100_000] {
                let answer = client.request(format!("{subject}.{size}"), Bytes::from_static(b"?")).await;
                assert_eq!(answer.expect("it answers").payload.len(), size);
            }
            // What is no size is not answered, and does no harm.
            client.publish(format!("{subject}.much"), Bytes::new()).await.expect("the server takes it");
            client.publish_with_reply(format!("{subject}.-1"), "x", Bytes::new()).await.expect("the server takes it");
            let answer = client.request(format!("{subject}.2"), Bytes::new()).await;
            assert_eq!(answer.expect("it still answers").payload.len(), 2);
            drop(for_input);
        };
        let (ended, ()) = tokio::join!(respond(&subject), ask);
        ended.expect("the end of its input is a good end");
    }

    #[test]
    fn subjects_are_used_once() {
        assert_ne!(Responder::new_subject(), Responder::new_subject());
    }
}

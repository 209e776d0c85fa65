//! Asking many at once: one message goes out, answers are collected until no more are expected.

use std::{collections::HashSet, hash::Hash, time::Duration};

use async_nats::{Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use serde::de::DeserializeOwned;
use tokio::time::{self, Instant};

use crate::{
    client::Client,
    defaults::{GATHER_BYTES, LONGEST_WAIT},
    request::{Outgoing, RequestError, closed, read_answer},
};

/// What a gather brought together.
///
/// It does not claim to be complete: a host that said nothing leaves no trace here.
#[derive(Debug)]
#[non_exhaustive]
pub struct Gathered<T> {
    /// What was answered, each once, in the order in which it came.
    pub items: Vec<T>,
    /// What was wrong with answers that are not among the items.
    pub errors: Vec<RequestError>,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self { items: Vec::new(), errors: Vec::new() }
    }
}

impl Client {
    /// Publishes once and collects the answers, each `identity` once.
    ///
    /// Ends at once when nobody listens, else when it has been quiet for a while after an answer, and at the latest
    /// after the client's timeout. That nobody answers although somebody listens is an error.
    pub(crate) async fn gather<T, K>(
        &self,
        request: Outgoing,
        identity: impl Fn(&T) -> K,
    ) -> Result<Gathered<T>, RequestError>
    where
        T: DeserializeOwned,
        K: Eq + Hash,
    {
        let (subject, timeout) = (request.subject.clone(), request.timeout);
        let limits = Limits { quiet: self.settings().gather_quiet, timeout, bytes: GATHER_BYTES };
        let answers = self.ask_all(request).await?;
        match collect(answers.map(answer), limits).await {
            Collected::Nobody => Ok(Gathered::default()),
            Collected::Closed => Err(closed(subject)),
            Collected::Answers(answers) if answers.is_empty() => Err(self.silence(subject, timeout)),
            Collected::Answers(answers) => Ok(read_all(&subject, &answers, identity)),
            Collected::TooMuch(answers) => {
                let mut gathered = read_all(&subject, &answers, identity);
                gathered.errors.push(RequestError::TooMuch { subject, max: GATHER_BYTES });
                Ok(gathered)
            }
        }
    }

    async fn ask_all(&self, request: Outgoing) -> Result<Subscriber, RequestError> {
        let inbox = self.nats().new_inbox();
        let answers = self.subscribe(inbox.clone(), &request.subject, request.timeout).await?;
        self.publish(request, inbox).await?;
        Ok(answers)
    }
}

/// What comes to the inbox of a gather.
#[derive(Debug)]
enum Answer {
    /// The server says that nobody listens.
    Nobody,
    Body(Bytes),
}

fn answer(message: Message) -> Answer {
    match message.status {
        Some(StatusCode::NO_RESPONDERS) => Answer::Nobody,
        _ => Answer::Body(message.payload),
    }
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    /// How long to go on after the last answer.
    quiet: Duration,
    /// How long to go on at most.
    timeout: Duration,
    /// How much to keep at most.
    bytes: usize,
}

/// What an answer takes besides its body, roughly: a flood of empty ones is a flood too.
const ANSWER_OVERHEAD: usize = 256;

#[derive(Debug, PartialEq)]
enum Collected {
    Nobody,
    Closed,
    Answers(Vec<Bytes>),
    /// These, and more than may be kept.
    TooMuch(Vec<Bytes>),
}

async fn collect(answers: impl Stream<Item = Answer>, limits: Limits) -> Collected {
    let end = Instant::now() + limits.timeout.min(LONGEST_WAIT);
    let mut until = end;
    let mut room = limits.bytes;
    let mut bodies = Vec::new();
    let mut answers = std::pin::pin!(answers);
    loop {
        match time::timeout_at(until, answers.next()).await {
            Ok(Some(Answer::Body(body))) => match room.checked_sub(body.len() + ANSWER_OVERHEAD) {
                Some(left) => {
                    room = left;
                    bodies.push(body);
                }
                None => return Collected::TooMuch(bodies),
            },
            Ok(Some(Answer::Nobody)) if bodies.is_empty() => return Collected::Nobody,
            Ok(Some(Answer::Nobody)) => {}
            Ok(None) if bodies.is_empty() => return Collected::Closed,
            Ok(None) | Err(_) => return Collected::Answers(bodies),
        }
        until = end.min(Instant::now() + limits.quiet.min(LONGEST_WAIT));
    }
}

fn read_all<T: DeserializeOwned, K: Eq + Hash>(
    subject: &str,
    answers: &[Bytes],
    identity: impl Fn(&T) -> K,
) -> Gathered<T> {
    let mut gathered = Gathered::default();
    let mut seen = HashSet::new();
    for answer in answers {
        match read_answer(subject, answer) {
            Ok(item) if seen.insert(identity(&item)) => gathered.items.push(item),
            Ok(_) => {}
            Err(error) => gathered.errors.push(error),
        }
    }
    gathered
}

#[cfg(test)]
mod tests;

//! What carries a gather out: it feeds the roll with what comes and does what the roll says.

use std::{collections::HashSet, future};

use async_nats::{Message, StatusCode, Subscriber};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use lattice_protocol::{ControlSubject, HostKey, Member, Members, decode};
use serde::Deserialize;
use tokio::time::{self, Instant};

use super::{
    Event, GatherStream, Part, Question,
    roll::{Next, Presence, Roll, Rules},
};
use crate::{
    client::Client,
    defaults::{GATHER_BYTES, GATHER_GRACE, LONGEST_WAIT, PRESENCE_AGAIN},
    request::{Outgoing, RequestError, closed},
};

/// What an answer takes besides its body, roughly: a flood of empty ones is a flood too.
const ANSWER_OVERHEAD: usize = 256;

impl Client {
    /// Publishes once, and returns the answers as they come.
    ///
    /// # Errors
    /// The question could not be sent.
    pub(crate) async fn gather_stream<T: Send + 'static>(
        &self,
        question: Question<T>,
    ) -> Result<GatherStream<T>, RequestError> {
        let inbox = self.nats().new_inbox();
        let (request, asked) = (question.request.clone(), Instant::now());
        let answers = self.subscribe(inbox.clone(), &request.subject, request.timeout).await?;
        self.publish(request, inbox).await?;
        let driver = Driver::new(self.clone(), question, answers, asked);
        Ok(GatherStream::new(futures::stream::unfold(driver, |mut driver| async move {
            Some((driver.next().await?, driver))
        })))
    }

    /// Asks one member directly whether it is there.
    async fn presence(self, member: Member, end: Instant) -> (HostKey, Presence) {
        let host = member.host_id;
        let subject = match member.foreign {
            true => self.subjects().inventory(&host),
            false => self.subjects().build(&ControlSubject::Ping { host: host.clone() }),
        };
        let left = end.saturating_duration_since(Instant::now());
        let presence = match self.exchange(Outgoing::query(&self, subject).timeout(left)).await {
            Ok(_) => Presence::There,
            Err(RequestError::NoResponders { .. }) => Presence::Gone,
            Err(_) => Presence::Silent,
        };
        (host, presence)
    }
}

/// A gather under way.
struct Driver<T> {
    client: Client,
    question: Question<T>,
    answers: Subscriber,
    members: BoxFuture<'static, Result<Members, RequestError>>,
    presences: FuturesUnordered<BoxFuture<'static, (HostKey, Presence)>>,
    roll: Roll,
    end: Instant,
    /// Who answered well: a second answer is none.
    seen: HashSet<HostKey>,
    /// Bytes of answers that may come yet.
    room: usize,
    stage: Stage,
}

/// How far a gather is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Collecting,
    /// It is over, and that is to be told.
    Over,
    Told,
}

/// What was waited for.
enum Happened {
    Answer(Option<Message>),
    Members(Option<Members>),
    Presence(HostKey, Presence),
    Time,
}

impl<T> Driver<T> {
    fn new(client: Client, question: Question<T>, answers: Subscriber, asked: Instant) -> Self {
        let end = asked + question.request.timeout.min(LONGEST_WAIT);
        let rules = Rules {
            end,
            quiet: client.settings().gather_quiet.min(LONGEST_WAIT),
            grace: GATHER_GRACE,
            again: PRESENCE_AGAIN,
            silence_is_an_answer: question.silence_is_an_answer,
        };
        let asking = client.clone();
        Self {
            members: async move { asking.ask_members().await }.boxed(),
            client,
            question,
            answers,
            presences: FuturesUnordered::new(),
            roll: Roll::new(rules, asked),
            end,
            seen: HashSet::new(),
            room: GATHER_BYTES,
            stage: Stage::Collecting,
        }
    }

    async fn next(&mut self) -> Option<Event<T>> {
        while self.stage == Stage::Collecting {
            let until = match self.roll.next(Instant::now()) {
                Next::Done => {
                    self.stage = Stage::Over;
                    break;
                }
                Next::Ask(members) => {
                    self.ask(members);
                    continue;
                }
                Next::Wait(until) => until,
            };
            let happened = self.wait(until).await;
            if let Some(event) = self.take(happened) {
                return Some(event);
            }
        }
        self.conclude()
    }

    fn ask(&mut self, members: Vec<Member>) {
        for member in members {
            self.presences.push(self.client.clone().presence(member, self.end).boxed());
        }
    }

    async fn wait(&mut self, until: Instant) -> Happened {
        // Cancel-safe: what is not taken stays where it is, a message in its subscription, an answer in its future.
        // Answers come first, so that nobody who has answered is asked.
        tokio::select! {
            biased;
            message = self.answers.next() => Happened::Answer(message),
            members = &mut self.members => {
                self.members = future::pending().boxed();
                Happened::Members(members.ok())
            }
            Some((host, presence)) = self.presences.next() => Happened::Presence(host, presence),
            () = time::sleep_until(until) => Happened::Time,
        }
    }

    fn take(&mut self, happened: Happened) -> Option<Event<T>> {
        match happened {
            Happened::Answer(Some(message)) if message.status == Some(StatusCode::NO_RESPONDERS) => self.roll.nobody(),
            Happened::Answer(Some(message)) => return self.take_answer(&message.payload).map(Event::Part),
            Happened::Answer(None) => {
                self.stage = Stage::Told;
                return Some(Event::Failed(closed(self.question.request.subject.clone())));
            }
            Happened::Members(members) => self.roll.members(members, Instant::now()),
            Happened::Presence(host, presence) => self.roll.asked(&host, presence),
            Happened::Time => {}
        }
        None
    }

    fn take_answer(&mut self, body: &[u8]) -> Option<Part<T>> {
        let subject = &self.question.request.subject;
        let Some(room) = self.room.checked_sub(body.len() + ANSWER_OVERHEAD) else {
            self.stage = Stage::Over;
            return Some(Part::Error(RequestError::TooMuch { subject: subject.clone(), max: GATHER_BYTES }));
        };
        self.room = room;
        let answer = (self.question.read)(subject, body);
        let sender = match &answer {
            Ok(item) => (self.question.sender)(item),
            Err(_) => sender(body),
        };
        self.roll.answered(sender.clone(), Instant::now());
        match answer {
            Ok(item) => sender.is_none_or(|sender| self.seen.insert(sender)).then_some(Part::Item(item)),
            Err(error) => Some(Part::Error(error)),
        }
    }

    fn conclude(&mut self) -> Option<Event<T>> {
        if self.stage == Stage::Told {
            return None;
        }
        self.stage = Stage::Told;
        let request = &self.question.request;
        match self.roll.is_blank() {
            true => Some(Event::Failed(self.client.silence(request.subject.clone(), request.timeout))),
            false => Some(Event::Ended(self.roll.summary())),
        }
    }
}

/// Who sent an answer that cannot be read, if that much can be.
fn sender(body: &[u8]) -> Option<HostKey> {
    #[derive(Deserialize)]
    struct Sender {
        #[serde(alias = "hostId", alias = "id")]
        host_id: HostKey,
    }
    decode(body).ok().map(|Sender { host_id }| host_id)
}

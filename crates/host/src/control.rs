//! The control interface: what arrives on its subjects, who answers it and how.
//!
//! Decoding a request into a command and encoding its answer happen here, in one dialect for generation v0; what a
//! command does is elsewhere and knows no encoding.

mod desk;
mod reply;
mod request;

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesOrdered, SelectAll},
};
use lattice_protocol::{Ack, ControlSubjects, HostKey, HostSubjects, RefusalCode};
use tokio::task::{JoinSet, unconstrained};
use tokio_util::sync::CancellationToken;

pub(crate) use desk::{Desk, Parts, StopRequest};
pub(crate) use reply::Replier;

use crate::{
    defaults::{ADMITTED_AT_ONCE, ANSWERED_AT_ONCE, START_TIMEOUT},
    error::StartError,
    operations::Begun,
};
use desk::{Admission, Answer, EntityCommand};
use reply::Reply;
use request::Request;

/// The subscriptions of a host, receiving but not yet answered.
pub(crate) struct Intake {
    messages: SelectAll<BoxStream<'static, Message>>,
}

impl Intake {
    /// Subscribes to everything that a host answers.
    pub(crate) async fn open(
        nats: &async_nats::Client,
        subjects: &ControlSubjects,
        host: &HostKey,
    ) -> Result<Self, StartError> {
        let subscribed = tokio::time::timeout(START_TIMEOUT, Self::subscribe(nats, subjects, host)).await;
        subscribed
            .unwrap_or_else(|late| Err(late.into()))
            .map_err(|source| StartError::Connection { attempt: "subscribe", source })
    }

    async fn subscribe(
        nats: &async_nats::Client,
        subjects: &ControlSubjects,
        host: &HostKey,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let HostSubjects { plain, queued } = subjects.for_host(host);
        let plain: Arc<[String]> = plain.into();
        let mut messages = SelectAll::new();
        for subject in plain.iter() {
            messages.push(nats.subscribe(subject.clone()).await?.boxed());
        }
        for (subject, group) in queued {
            messages.push(without(nats.queue_subscribe(subject, group).await?, Arc::clone(&plain)));
        }
        nats.flush().await?;
        Ok(Self { messages })
    }
}

/// What comes to a group, without what every host receives through a subscription of its own.
fn without(subscriber: Subscriber, plain: Arc<[String]>) -> BoxStream<'static, Message> {
    let is_own = move |message: &Message| plain.iter().any(|subject| *subject == message.subject.as_str());
    subscriber.filter(move |message| std::future::ready(!is_own(message))).boxed()
}

/// Answers requests until told to stop. What has arrived by then is answered too, but no command is taken on any more,
/// and questions that are held back are answered with what is known. Dropping the intake unsubscribes.
pub(crate) async fn serve(mut intake: Intake, desk: Desk, replier: Replier, stop: CancellationToken) {
    let mut counter = Counter::new(desk, replier);
    loop {
        // Cancel-safe: a message that was received is answered before the next wait, and an admission that is complete
        // leaves the queue only together with its command being taken on.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = counter.later.join_next() => {}
            Some(admitted) = counter.admissions.next(), if !counter.admissions.is_empty() => {
                counter.take_on(admitted).await;
            }
            message = intake.messages.next() => match message {
                Some(message) => counter.attend(message).await,
                None => break,
            },
        }
    }
    counter.desk.close();
    // Unconstrained, for what is there is to be seen however much it is.
    while let Some(Some(message)) = unconstrained(intake.messages.next()).now_or_never() {
        counter.attend(message).await;
    }
    drop(intake);
    counter.finish().await;
}

/// A command whose operation exists, or not.
struct Admitted {
    request: Request,
    begun: Begun,
    command: EntityCommand,
}

/// Where requests are attended to, one after the other.
struct Counter {
    desk: Desk,
    replier: Arc<Replier>,
    /// Commands whose operations are being recorded: at the same time, but taken on in the order in which they came.
    admissions: FuturesOrdered<BoxFuture<'static, Admitted>>,
    /// Answers that take their time.
    later: JoinSet<()>,
}

impl Counter {
    fn new(desk: Desk, replier: Replier) -> Self {
        Self { desk, replier: Arc::new(replier), admissions: FuturesOrdered::new(), later: JoinSet::new() }
    }

    /// Begins to answer inline and not in a task of its own, so that commands are taken on in the order in which they
    /// came.
    async fn attend(&mut self, message: Message) {
        let request = Request::new(message);
        match self.desk.answer(&request).await {
            Answer::Now(answer) => self.replier.reply(&request, answer).await,
            Answer::Silence => {}
            Answer::Later(_) if self.later.len() >= ANSWERED_AT_ONCE => self.turn_away(&request).await,
            Answer::Later(answer) => self.answer_later(answer, request),
            Answer::Command(_) if self.admissions.len() >= ADMITTED_AT_ONCE => self.turn_away(&request).await,
            Answer::Command(admission) => {
                let Admission { begun, command } = *admission;
                self.admissions.push_back(begun.map(|begun| Admitted { request, begun, command }).boxed());
            }
        }
    }

    async fn turn_away(&mut self, request: &Request) {
        let refusal =
            Ack::refused("the host has more requests than it can take, try again").with_code(RefusalCode::Full);
        self.replier.reply(request, refusal.into()).await;
    }

    async fn take_on(&mut self, admitted: Admitted) {
        let Admitted { request, begun, command } = admitted;
        let ack = self.desk.take_on(begun, command).await;
        self.replier.reply(&request, ack.into()).await;
    }

    fn answer_later(&mut self, answer: BoxFuture<'static, Option<Reply>>, request: Request) {
        let replier = Arc::clone(&self.replier);
        self.later.spawn(async move {
            if let Some(answer) = answer.await {
                replier.reply(&request, answer).await;
            }
        });
    }

    /// Answers what is still to be answered.
    async fn finish(mut self) {
        while let Some(admitted) = self.admissions.next().await {
            self.take_on(admitted).await;
        }
        while self.later.join_next().await.is_some() {}
    }
}

//! The control interface: what arrives on its subjects, who answers it and how.
//!
//! Decoding a request into a command and encoding its answer happen here, in one dialect for generation v0; what a
//! command does is elsewhere and knows no encoding.

mod desk;
mod reply;
mod request;

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use futures::{FutureExt, StreamExt, stream::SelectAll};
use lattice_protocol::{ControlSubjects, HostKey, OperationQuery};
use tokio::{
    sync::Semaphore,
    task::{JoinSet, unconstrained},
};
use tokio_util::sync::CancellationToken;

pub(crate) use desk::{Desk, Parts, StopRequest};
pub(crate) use reply::Replier;

use crate::{
    defaults::{HELD_QUESTIONS, START_TIMEOUT},
    error::StartError,
};
use desk::Answer;
use request::Request;

/// The subscriptions of a host, receiving but not yet answered.
pub(crate) struct Intake {
    messages: SelectAll<futures::stream::BoxStream<'static, Message>>,
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
        let wanted = subjects.for_host(host);
        let mut messages = SelectAll::new();
        for subject in wanted.plain {
            messages.push(nats.subscribe(subject).await?.boxed());
        }
        // The group's wildcard covers `get.hosts` too, which every host answers through its own subscription.
        let every_host = subjects.build(&lattice_protocol::ControlSubject::GetHosts);
        for (subject, group) in wanted.queued {
            messages.push(without(nats.queue_subscribe(subject, group).await?, every_host.clone()));
        }
        nats.flush().await?;
        Ok(Self { messages })
    }
}

fn without(subscriber: Subscriber, subject: String) -> futures::stream::BoxStream<'static, Message> {
    subscriber.filter(move |message| std::future::ready(message.subject.as_str() != subject)).boxed()
}

/// Answers requests until told to stop. What has arrived by then is answered too, but no command is taken on any more,
/// and questions that are held back are answered with what is known. Dropping the intake unsubscribes.
pub(crate) async fn serve(mut intake: Intake, desk: Desk, replier: Replier, stop: CancellationToken) {
    let mut counter = Counter::new(desk, replier, stop.clone());
    loop {
        // Cancel-safe: a message that was received is answered before the next wait.
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = counter.questions.join_next() => {}
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
    while counter.questions.join_next().await.is_some() {}
}

/// Where requests are attended to, one after the other.
struct Counter {
    desk: Desk,
    replier: Arc<Replier>,
    held: Arc<Semaphore>,
    questions: JoinSet<()>,
    stop: CancellationToken,
}

impl Counter {
    fn new(desk: Desk, replier: Replier, stop: CancellationToken) -> Self {
        let held = Arc::new(Semaphore::new(HELD_QUESTIONS));
        Self { desk, replier: Arc::new(replier), held, questions: JoinSet::new(), stop }
    }

    /// Answers inline and not in a task of its own, so that commands are taken on in the order in which they came.
    async fn attend(&mut self, message: Message) {
        let request = Request::new(message);
        match self.desk.answer(&request).await {
            Answer::Now(answer) => self.replier.reply(&request, answer).await,
            Answer::Silence => {}
            Answer::Later(question) => self.hold(question, request),
        }
    }

    /// Answers a question when its operation has ended or its time is over, and at the latest when the host stops.
    fn hold(&mut self, question: OperationQuery, request: Request) {
        let permit = Arc::clone(&self.held).try_acquire_owned().ok();
        let (desk, replier, stop) = (self.desk.clone(), Arc::clone(&self.replier), self.stop.clone());
        self.questions.spawn(async move {
            let held = desk.answer_question(&question, permit.is_some());
            let answer = match stop.run_until_cancelled(held).await {
                Some(answer) => answer,
                None => desk.answer_question(&question, false).await,
            };
            replier.reply(&request, answer).await;
        });
    }
}

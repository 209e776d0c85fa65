//! The control interface: what arrives on its subjects, who answers it and how.
//!
//! Decoding a request into a command and encoding its answer happen here, in one dialect for generation v0; what a
//! command does is elsewhere and knows no encoding.

mod desk;
mod reply;
mod request;

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use futures::{StreamExt, stream::SelectAll};
use lattice_protocol::{ControlSubjects, HostKey};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub(crate) use desk::{Desk, Parts, StopRequest};
pub(crate) use reply::Replier;

use crate::{defaults::HELD_QUESTIONS, error::StartError};
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
        let failed = |attempt| {
            move |source: Box<dyn std::error::Error + Send + Sync>| StartError::Connection { attempt, source }
        };
        let wanted = subjects.for_host(host);
        let mut messages = SelectAll::new();
        for subject in wanted.plain {
            let subscriber = nats.subscribe(subject).await.map_err(|error| failed("subscribe")(error.into()))?;
            messages.push(subscriber.boxed());
        }
        // The group's wildcard covers `get.hosts` too, which every host answers through its own subscription.
        let every_host = subjects.build(&lattice_protocol::ControlSubject::GetHosts);
        for (subject, group) in wanted.queued {
            let subscriber = nats.queue_subscribe(subject, group).await;
            let subscriber = subscriber.map_err(|error| failed("subscribe")(error.into()))?;
            messages.push(without(subscriber, every_host.clone()));
        }
        nats.flush().await.map_err(|error| failed("flush")(error.into()))?;
        Ok(Self { messages })
    }
}

fn without(subscriber: Subscriber, subject: String) -> futures::stream::BoxStream<'static, Message> {
    subscriber.filter(move |message| std::future::ready(message.subject.as_str() != subject)).boxed()
}

/// Answers requests until told to stop. Dropping the intake unsubscribes.
pub(crate) async fn serve(mut intake: Intake, desk: Desk, replier: Replier, stop: CancellationToken) {
    let replier = Arc::new(replier);
    let held = Arc::new(Semaphore::new(HELD_QUESTIONS));
    let mut questions = JoinSet::new();
    loop {
        // Cancel-safe: a message that was received is answered before the next wait.
        let message = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(_) = questions.join_next() => continue,
            message = intake.messages.next() => match message {
                Some(message) => message,
                None => return,
            },
        };
        let request = Request::new(message);
        // Inline and not in a task of its own, so that commands are taken on in the order in which they came.
        match desk.answer(&request).await {
            Answer::Now(answer) => replier.reply(&request, answer).await,
            Answer::Silence => {}
            Answer::Later(question) => {
                let permit = Arc::clone(&held).try_acquire_owned().ok();
                let (desk, replier) = (desk.clone(), Arc::clone(&replier));
                questions.spawn(async move {
                    let answer = desk.answer_question(&question, permit.is_some()).await;
                    replier.reply(&request, answer).await;
                });
            }
        }
    }
}

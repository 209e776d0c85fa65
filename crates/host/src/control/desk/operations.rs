//! Questions about operations.

use std::time::Duration;

use lattice_protocol::{MAX_REQUEST, OperationQuery, OperationsQuery, RefusalCode, error_chain};
use tokio::sync::OwnedSemaphorePermit;

use super::{Answer, Desk, refused};
use crate::{
    control::{reply::Reply, request::Request},
    defaults::LONGEST_WAIT,
};

impl Desk {
    /// How an operation of this host stands.
    pub(super) fn operation(&self, request: &Request) -> Answer {
        match self.read_question(request) {
            Ok(question) => self.held(question, false),
            Err(refusal) => refusal,
        }
    }

    /// How an operation of any host stands.
    pub(super) fn any_operation(&self, request: &Request) -> Answer {
        match self.read_question(request) {
            Ok(question) => self.held(question, true),
            Err(refusal) => refusal,
        }
    }

    /// The operations of the lattice.
    pub(super) fn operations(&self, request: &Request) -> Answer {
        let query: OperationsQuery = match request.body().is_empty() {
            true => OperationsQuery::default(),
            false => match lattice_protocol::decode(request.body()) {
                Ok(query) => query,
                Err(error) => return unreadable(&error),
            },
        };
        if let Err(refusal) = self.check_lattice(query.lattice_id.as_ref()) {
            return refusal.into();
        }
        let (operations, members) = (self.parts.operations.clone(), self.parts.members.clone());
        Answer::Later(Box::pin(async move {
            Some(match operations.list(&query, &members).await {
                Ok(records) => Reply::of(records),
                Err(error) => refused(RefusalCode::Unavailable, error_chain(error.as_ref())).into(),
            })
        }))
    }

    fn read_question(&self, request: &Request) -> Result<OperationQuery, Answer> {
        request.command(MAX_REQUEST).map_err(|error| unreadable(&error))
    }

    /// Answers when the operation is past what is known of it or its time is over, and at the latest when the host
    /// stops. Without a place to wait it answers at once.
    fn held(&self, question: OperationQuery, any_host: bool) -> Answer {
        let place = self.held.clone().try_acquire_owned().ok();
        let desk = self.clone();
        Answer::Later(Box::pin(async move {
            let wait = allowed_wait(&question, place.as_ref());
            let held = desk.answer_question(&question, wait, any_host);
            let answer = match desk.closed.run_until_cancelled(held).await {
                Some(answer) => answer,
                None => desk.answer_question(&question, Duration::ZERO, any_host).await,
            };
            drop(place);
            Some(answer)
        }))
    }

    async fn answer_question(&self, question: &OperationQuery, wait: Duration, any_host: bool) -> Reply {
        let operations = &self.parts.operations;
        if let Some(record) = operations.wait(&question.operation_id, question.past, wait).await {
            return Reply::of(record);
        }
        let recorded = match any_host {
            true => operations.recorded(question, wait, &self.parts.members).await,
            false => Ok(None),
        };
        match recorded {
            Ok(Some(record)) => Reply::of(record),
            Ok(None) => {
                let text = format!("operation {} is not known here", question.operation_id);
                refused(RefusalCode::NotFound, text).into()
            }
            Err(error) => refused(RefusalCode::Unavailable, error_chain(error.as_ref())).into(),
        }
    }
}

fn allowed_wait(question: &OperationQuery, place: Option<&OwnedSemaphorePermit>) -> Duration {
    match place {
        Some(_) => Duration::from_millis(question.wait).min(LONGEST_WAIT),
        None => Duration::ZERO,
    }
}

fn unreadable(error: &lattice_protocol::DecodeError) -> Answer {
    let text = format!("failed to deserialize operation query: {}", error_chain(error));
    refused(RefusalCode::Invalid, text).into()
}

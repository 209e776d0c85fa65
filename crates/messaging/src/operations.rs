//! What actors ask for: publishing, and asking.

use async_nats::{Client, RequestError, RequestErrorKind};
use lattice_protocol::contract::messaging::{Message, RequestMessage};
use lattice_provider::ProviderCall;
use tokio::time::{Duration, Instant, timeout_at};

use crate::{defaults::ANSWERING, error::SendError, subject::Scope, trace};

/// Sends a message. When this returns it has left this process.
pub(crate) async fn publish(
    nats: &Client,
    scope: &Scope,
    call: &ProviderCall,
    message: Message,
) -> Result<(), SendError> {
    let Message { subject, reply_to, body } = message;
    scope.require_publishable(&subject)?;
    // Whoever answers there would be made to say what the actor may not.
    reply_to.as_deref().map_or(Ok(()), |reply| scope.require_publishable(reply))?;
    let headers = trace::headers(&call.trace, &subject);
    let sent = match (reply_to, headers.is_empty()) {
        (Some(reply), true) => nats.publish_with_reply(subject.clone(), reply, body.into()).await,
        (Some(reply), false) => nats.publish_with_reply_and_headers(subject.clone(), reply, headers, body.into()).await,
        (None, true) => nats.publish(subject.clone(), body.into()).await,
        (None, false) => nats.publish_with_headers(subject.clone(), headers, body.into()).await,
    };
    sent.map_err(|source| SendError::Publish { subject: subject.clone(), source })?;
    nats.flush().await.map_err(|_| SendError::Closed { subject })
}

/// Sends a message and waits for its answer, as long as the actor says and at most until its own call's deadline. An actor
/// that says nothing waits until then.
pub(crate) async fn request(
    nats: &Client,
    scope: &Scope,
    call: &ProviderCall,
    message: RequestMessage,
) -> Result<Message, SendError> {
    let RequestMessage { subject, body, timeout_ms } = message;
    scope.require_publishable(&subject)?;
    let begun = Instant::now();
    let asked = (timeout_ms > 0).then(|| begun + Duration::from_millis(timeout_ms.into()));
    // A little before the caller stops waiting, so that it hears why.
    let latest = call.deadline.checked_sub(ANSWERING).unwrap_or(begun);
    let deadline = asked.map_or(latest, |asked| asked.min(latest));
    let mut request = async_nats::Request::new().payload(body.into()).timeout(None);
    let headers = trace::headers(&call.trace, &subject);
    if !headers.is_empty() {
        request = request.headers(headers);
    }
    let waited = deadline.saturating_duration_since(begun).as_millis();
    match timeout_at(deadline, nats.send_request(subject.clone(), request)).await {
        Err(_) => Err(SendError::TimedOut { subject, waited }),
        Ok(answer) => answer.map(message_of).map_err(|source| unanswered(subject, source)),
    }
}

fn message_of(answer: async_nats::Message) -> Message {
    Message {
        subject: answer.subject.to_string(),
        reply_to: answer.reply.map(|reply| reply.to_string()),
        body: answer.payload.into(),
    }
}

fn unanswered(subject: String, source: RequestError) -> SendError {
    match source.kind() {
        RequestErrorKind::NoResponders => SendError::NoResponders { subject },
        _ => SendError::Request { subject, source },
    }
}

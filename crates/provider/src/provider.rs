//! What a capability provider is: [`Provider`].

use std::{
    future::{Future, ready},
    sync::Arc,
};

use bytes::Bytes;
use lattice_protocol::{ActorKey, LinkDefinition};
use lattice_rpc::{HandlerError, TraceContext};
use tokio::time::Instant;

use crate::error::Failure;

/// A link between an actor and this provider: the actor, and the values that it is linked with. These may be secrets.
pub type Link = LinkDefinition;

/// A capability provider.
///
/// Only [`handle`](Provider::handle) must be written. A provider that takes no calls, because it calls actors itself,
/// answers them with an error.
///
/// All functions are called on tasks of their own, many at once, each with `&self`. A panic ends what it happened in and
/// nothing else. The value is dropped when everything is over, which is where what running calls need may be let go.
pub trait Provider: Send + Sync + 'static {
    /// Executes one call of a linked actor.
    ///
    /// An error goes to the caller. The future is dropped when the call's deadline passes, and when a shutdown has waited
    /// long enough.
    fn handle(&self, call: ProviderCall) -> impl Future<Output = Result<Bytes, HandlerError>> + Send;

    /// Takes a link, or the new values of a link that it has: the link to the same actor replaces the one before. Calls of
    /// the actor come once this has returned.
    ///
    /// For one actor this and [`delete_link`](Provider::delete_link) are never called at the same time and always in the
    /// order in which the changes were made; for different actors they are called side by side. A link that is put again
    /// without a change does not come here.
    ///
    /// # Errors
    /// Says why the link is not taken; whoever put it is told. Then there is no link: one that this would have replaced is
    /// gone too, and [`delete_link`](Provider::delete_link) is called for it. So it is when this takes longer than 30 s,
    /// and its future is dropped.
    fn put_link(&self, link: Arc<Link>) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = link;
        ready(Ok(()))
    }

    /// Lets go of what it holds for a link. Calls of the actor no longer come; some may still run.
    fn delete_link(&self, link: Arc<Link>) -> impl Future<Output = ()> + Send {
        let _ = link;
        ready(())
    }

    /// Bytes of the largest argument that it takes; larger ones are refused without being fetched. As large as invocations may be
    /// unless said.
    fn largest_argument(&self) -> Option<usize> {
        None
    }

    /// How it is. The host asks every 30 s, and hears that it is unwell if this takes longer than 1.5 s.
    fn health(&self) -> impl Future<Output = Health> + Send {
        ready(Health::good())
    }

    /// Stops what comes in from outside and finishes it. Called once, while running calls finish beside it; together they
    /// have as long as the host says that it waits, or 10 s.
    fn shutdown(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// How a provider is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub(crate) healthy: bool,
    pub(crate) message: Option<String>,
}

impl Health {
    /// It is well.
    pub fn good() -> Self {
        Self { healthy: true, message: None }
    }

    /// It is unwell, for this reason.
    pub fn bad(reason: impl Into<String>) -> Self {
        Self { healthy: false, message: Some(reason.into()) }
    }

    /// More about it, in words.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }
}

/// A verified call of a linked actor.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderCall {
    /// The link over which the actor calls, as it was when the call came.
    pub link: Arc<Link>,
    /// What is called, `Interface.Method`.
    pub operation: String,
    /// The argument, see [`decode`](crate::decode).
    pub payload: Bytes,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// Whether the caller says when that is. Published hosts do not, and may stop waiting much earlier: by default after 2 s,
    /// see [`Context::call_timeout`](crate::Context::call_timeout).
    pub deadline_is_told: bool,
    /// How many calls this one is nested in, in the caller's words.
    pub depth: u32,
    /// The trace that the call belongs to.
    pub trace: TraceContext,
    /// The invocation's id.
    pub id: String,
}

impl ProviderCall {
    /// The actor that calls.
    pub fn actor(&self) -> &ActorKey {
        &self.link.actor_id
    }

    /// The operation without its interface: `Get` of `KeyValue.Get`.
    pub fn method(&self) -> &str {
        self.operation.rsplit_once('.').map_or(self.operation.as_str(), |(_, method)| method)
    }
}

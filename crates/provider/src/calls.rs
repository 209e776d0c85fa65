//! Calls of linked actors, on their way from the server of invocations to the provider.

use std::sync::Arc;

use bytes::Bytes;
use lattice_protocol::ActorKey;
use lattice_rpc::{Entity, Handler, HandlerError, Request};

use crate::{
    Context,
    provider::{Link, Provider, ProviderCall},
};

/// Hands verified calls to the provider, if whoever calls is linked with it.
pub(crate) struct Calls<P> {
    pub(crate) provider: Arc<P>,
    pub(crate) context: Context,
}

impl<P: Provider> Calls<P> {
    fn link_of(&self, origin: &Entity) -> Result<Arc<Link>, HandlerError> {
        match origin {
            Entity::Actor(actor) => self.context.link(actor).ok_or_else(|| self.unlinked(actor)),
            other => {
                let error = format!("`{}` is no actor; only linked actors call providers", other.public_key());
                Err(HandlerError::Unlinked(error))
            }
        }
    }

    fn unlinked(&self, actor: &ActorKey) -> HandlerError {
        let data = self.context.host_data();
        let (provider, name) = (&data.provider_key, &data.link_name);
        HandlerError::Unlinked(format!("`{actor}` is not linked with `{provider}` under the name `{name}`"))
    }
}

impl<P: Provider> Handler for Calls<P> {
    async fn handle(&self, request: Request) -> Result<Bytes, HandlerError> {
        let link = self.link_of(&request.origin)?;
        let Request { operation, payload, id, deadline, deadline_is_told, depth, trace, .. } = request;
        self.provider
            .handle(ProviderCall { link, operation, payload, deadline, deadline_is_told, depth, trace, id })
            .await
    }
}

//! What an actor asks of its host: built-in contracts, and calls of other actors.
//!
//! Source: wasmCloud 0.82 `crates/runtime/src/actor/module/wasmbus.rs` (routing, built-in contracts).

mod builtin;

use bytes::Bytes;
use futures::future::BoxFuture;
use lattice_protocol::{ActorKey, CallAlias, LinkDefinition};
use lattice_runtime::{HostCall, Imports};

use super::{capabilities::Capabilities, serving::Serving};

/// Calls may lead to calls; deeper than this is a circle in all likelihood.
const MAX_DEPTH: u8 = 16;

/// The host as one actor sees it.
pub(crate) struct ActorImports {
    actor: ActorKey,
    capabilities: Capabilities,
    serving: Serving,
}

impl ActorImports {
    pub(crate) fn new(actor: ActorKey, capabilities: Capabilities, serving: Serving) -> Self {
        Self { actor, capabilities, serving }
    }

    async fn route(&self, call: HostCall) -> Result<Bytes, String> {
        if let Some(answer) = builtin::answer(&self.actor, &call) {
            return answer;
        }
        if let Some(link) = self.serving.link(&self.actor, &call) {
            return self.call_provider(&link, call).await;
        }
        match self.callee(&call) {
            Some(target) if call.context.depth >= MAX_DEPTH => {
                Err(format!("actor {target} not called, {MAX_DEPTH} calls deep is the limit"))
            }
            Some(target) => self.serving.call_actor(&self.actor, &target, call).await,
            None => Err(format!(
                "actor {} has no link `{}` for contract `{}`, and no actor is known by that key or call alias",
                self.actor, call.binding, call.namespace
            )),
        }
    }

    async fn call_provider(&self, link: &LinkDefinition, call: HostCall) -> Result<Bytes, String> {
        let (actor, contract, provider) = (&self.actor, &link.contract_id, &link.provider_id);
        if !self.capabilities.allow(contract.as_str()) {
            return Err(format!("the claims of actor {actor} do not allow contract `{contract}`"));
        }
        if call.context.depth >= MAX_DEPTH {
            return Err(format!("provider {provider} not called, {MAX_DEPTH} calls deep is the limit"));
        }
        self.serving.call_provider(link, call).await
    }

    /// The actor that the namespace names, by key or by call alias.
    fn callee(&self, call: &HostCall) -> Option<ActorKey> {
        call.namespace.parse().ok().or_else(|| {
            let alias: CallAlias = call.namespace.parse().ok()?;
            self.serving.aliased(&alias)
        })
    }
}

impl Imports for ActorImports {
    fn host_call(&self, call: HostCall) -> BoxFuture<'_, Result<Bytes, String>> {
        Box::pin(self.route(call))
    }

    fn console_log(&self, text: &str) {
        tracing::info!(target: "lattice::actor", actor = %self.actor, "{text}");
    }
}

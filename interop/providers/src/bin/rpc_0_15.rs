//! The provider, built with `wasmbus-rpc` 0.15.

use std::{borrow::Cow, collections::BTreeMap, convert::Infallible, error::Error};

use async_trait::async_trait;
use lattice_interop_providers::{Answer, LAST_WORDS, Links, Sdk, answer};
use wasmbus_rpc::{
    common::{Context, Message, MessageDispatch, Transport},
    core::LinkDefinition,
    error::{RpcError, RpcResult},
    provider::{
        ProviderDispatch, ProviderHandler, ProviderTransport,
        prelude::{get_host_bridge, provider_main},
    },
};

fn main() -> Result<(), Box<dyn Error>> {
    provider_main(Provider::default(), Some("interop".to_owned()))
}

#[derive(Clone, Default)]
struct Provider {
    links: Links<LinkDefinition>,
}

struct Rpc;

impl Sdk for Rpc {
    type Link = LinkDefinition;

    fn values(link: &LinkDefinition) -> BTreeMap<String, String> {
        link.values.clone().into_iter().collect()
    }

    async fn call(link: &LinkDefinition, operation: &str, payload: Vec<u8>) -> Answer {
        let message = Message { method: operation, arg: Cow::Owned(payload) };
        let transport = ProviderTransport::new(link, None);
        transport.send(&Context::default(), message, None).await.map_err(|error| error.to_string())
    }

    fn configuration() -> Option<String> {
        get_host_bridge().config_json_raw().map(str::to_owned)
    }
}

impl ProviderDispatch for Provider {}

#[async_trait]
impl MessageDispatch for Provider {
    async fn dispatch(&self, context: &Context, message: Message<'_>) -> Result<Vec<u8>, RpcError> {
        let actor = context.actor.as_deref().unwrap_or_default();
        answer::<Rpc>(&self.links, actor, message.method, &message.arg).await.map_err(RpcError::Other)
    }
}

#[async_trait]
impl ProviderHandler for Provider {
    async fn put_link(&self, link: &LinkDefinition) -> RpcResult<bool> {
        self.links.put(&link.actor_id, link.clone());
        Ok(true)
    }

    async fn delete_link(&self, actor: &str) {
        self.links.delete(actor);
    }

    async fn shutdown(&self) -> Result<(), Infallible> {
        eprintln!("{LAST_WORDS}");
        Ok(())
    }
}

//! The provider, built with `wasmcloud-provider-sdk` 0.2.

use std::{borrow::Cow, collections::BTreeMap};

use async_trait::async_trait;
use lattice_interop_providers::{Answer, LAST_WORDS, Links, Sdk, answer};
use wasmcloud_provider_sdk::{
    Context, MessageDispatch, ProviderHandler,
    core::{LinkDefinition, WasmCloudEntity},
    error::{ProviderInvocationError, ProviderResult},
    provider_main::{get_connection, load_host_data, start_provider},
};

fn main() -> ProviderResult<()> {
    start_provider(Provider::default(), Some("interop".to_owned()))
}

#[derive(Clone, Default)]
struct Provider {
    links: Links<LinkDefinition>,
}

struct New;

impl Sdk for New {
    type Link = LinkDefinition;

    fn values(link: &LinkDefinition) -> BTreeMap<String, String> {
        link.values.clone().into_iter().collect()
    }

    async fn call(link: &LinkDefinition, operation: &str, payload: Vec<u8>) -> Answer {
        let provider = WasmCloudEntity {
            public_key: link.provider_id.clone(),
            link_name: link.link_name.clone(),
            contract_id: link.contract_id.clone(),
        };
        let actor = WasmCloudEntity { public_key: link.actor_id.clone(), ..WasmCloudEntity::default() };
        let client = get_connection().get_rpc_client();
        let response = client.send(provider, actor, operation, payload).await.map_err(|error| error.to_string())?;
        response.error.map_or(Ok(response.msg), Err)
    }

    fn configuration() -> Option<String> {
        load_host_data().ok().and_then(|data| data.config_json.clone())
    }
}

impl wasmcloud_provider_sdk::Provider for Provider {}

#[async_trait]
impl MessageDispatch for Provider {
    async fn dispatch<'a>(
        &'a self,
        context: Context,
        operation: String,
        payload: Cow<'a, [u8]>,
    ) -> Result<Vec<u8>, ProviderInvocationError> {
        let actor = context.actor.unwrap_or_default();
        answer::<New>(&self.links, &actor, &operation, &payload).await.map_err(ProviderInvocationError::Provider)
    }
}

#[async_trait]
impl ProviderHandler for Provider {
    async fn put_link(&self, link: &LinkDefinition) -> bool {
        self.links.put(&link.actor_id, link.clone());
        true
    }

    async fn delete_link(&self, actor: &str) {
        self.links.delete(actor);
    }

    async fn shutdown(&self) {
        eprintln!("{LAST_WORDS}");
    }
}

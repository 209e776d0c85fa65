//! [`AsActor`]: carries what the published sender writes, as an actor's calls over NATS.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use lattice_interop::{LATTICE, PATIENCE};
use wasmbus_rpc::{
    actor::prelude::async_trait,
    common::{Context, Message, SendOpts, Transport},
    core::WasmCloudEntity,
    error::RpcError,
    rpc_client::RpcClient,
};

/// The way from an actor to a provider.
#[derive(Clone, Debug)]
pub(crate) struct AsActor {
    rpc: RpcClient,
    actor: WasmCloudEntity,
    provider: WasmCloudEntity,
    timeout: Arc<Mutex<Duration>>,
    answer: Arc<Mutex<Vec<u8>>>,
}

impl AsActor {
    pub(crate) fn new(rpc: RpcClient, actor: WasmCloudEntity, provider: WasmCloudEntity) -> Self {
        Self { rpc, actor, provider, timeout: Arc::new(Mutex::new(PATIENCE)), answer: Arc::default() }
    }

    /// The bytes of the last answer, as the provider wrote them.
    pub(crate) fn answer(&self) -> Vec<u8> {
        self.answer.lock().expect("nothing panics while it holds the answer").clone()
    }
}

#[async_trait]
impl Transport for AsActor {
    async fn send(&self, _: &Context, request: Message<'_>, _: Option<SendOpts>) -> Result<Vec<u8>, RpcError> {
        let (actor, provider) = (self.actor.clone(), self.provider.clone());
        let timeout = *self.timeout.lock().expect("nothing panics while it holds the timeout");
        let answer = self.rpc.send_timeout(actor, provider, LATTICE, request, timeout).await?;
        self.answer.lock().expect("nothing panics while it holds the answer").clone_from(&answer);
        Ok(answer)
    }

    fn set_timeout(&self, interval: Duration) {
        *self.timeout.lock().expect("nothing panics while it holds the timeout") = interval;
    }
}

//! The actor that a bench starts: its starts, updates and stops, and what it can be asked to do.

use std::time::Duration;

use lattice_client::{Client, Operation, RequestError, Settled, UpdateOptions};
use lattice_protocol::{ActorKey, Annotations, Count, HostKey, OperationRecord, StartActor, StopActor, UpdateActor};

use crate::{
    defaults::{ANNOTATION, LINK_NAME, OPERATION_DEADLINE},
    error::BenchError,
    modules::Module,
};

/// The operation of it that sends back what it is sent.
pub(crate) const ECHO: &str = "Fault.Echo";
/// The operation that makes a call of its own, see [`host_call`].
pub(crate) const HOST_CALL: &str = "Fault.HostCall";

/// The argument of [`HOST_CALL`]: what it is to call, and with what.
pub(crate) fn host_call(namespace: &str, operation: &str, payload: Vec<u8>) -> Vec<u8> {
    encode(&[
        ("binding", LINK_NAME.into()),
        ("namespace", namespace.into()),
        ("operation", operation.into()),
        ("payload", payload.into()),
    ])
}

/// A MessagePack map.
pub(crate) fn encode(fields: &[(&str, rmpv::Value)]) -> Vec<u8> {
    let map = rmpv::Value::Map(fields.iter().map(|(key, value)| ((*key).into(), value.clone())).collect());
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &map).expect("memory takes all that is written");
    bytes
}

/// The bench's actor on the host that is measured.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) client: Client,
    pub(crate) host: HostKey,
    pub(crate) actor: ActorKey,
}

impl Guest {
    /// Starts it, and returns once it runs, with how that is known.
    pub(crate) async fn start(&self, module: &Module, count: u16) -> Result<Settled, BenchError> {
        let command = StartActor {
            actor_ref: module.reference().to_owned(),
            annotations: annotations(),
            count: count.into(),
            host_id: None,
            lattice_id: None,
        };
        carry_out(self.client.start_actor(&self.host, command), "start the actor").await
    }

    /// Replaces what runs by another module of it, and returns how long calls met neither.
    pub(crate) async fn update(&self, module: &Module) -> Result<Duration, BenchError> {
        let command = UpdateActor {
            actor_id: self.actor.clone(),
            annotations: annotations(),
            host_id: None,
            lattice_id: None,
            new_actor_ref: module.reference().to_owned(),
        };
        let update = self.client.update_actor(&self.host, command, UpdateOptions::default());
        match carry_out(update, "update the actor").await? {
            Settled::ByOperation(OperationRecord { swap_micros: Some(micros), .. }) => {
                Ok(Duration::from_micros(micros))
            }
            _ => Err(BenchError::NoSwap),
        }
    }

    /// Stops all that a bench has started of it, also what is still starting, and returns once that has stopped. That
    /// nothing runs is as good.
    pub(crate) async fn stop(&self) -> Result<(), BenchError> {
        let command = StopActor {
            actor_id: self.actor.clone(),
            annotations: annotations(),
            count: Count::default(),
            host_id: None,
            lattice_id: None,
        };
        match carry_out(self.client.stop_actor(&self.host, command), "stop the actor").await {
            Err(BenchError::Command { source: RequestError::Refused { .. }, .. }) if !self.runs().await? => Ok(()),
            stopped => stopped.map(drop),
        }
    }

    /// Whether something runs of it that a bench has started.
    async fn runs(&self) -> Result<bool, BenchError> {
        let inventory = self.client.inventory(&self.host).await.map_err(|source| BenchError::Query { source })?;
        let actor = inventory.actors.iter().find(|actor| actor.id == self.actor);
        Ok(actor.is_some_and(|actor| actor.instances.iter().any(|instance| is_ours(&instance.annotations))))
    }
}

/// Has a command taken on, and waits until it is done.
pub(crate) async fn carry_out(
    command: impl Future<Output = Result<Operation, RequestError>>,
    what: &'static str,
) -> Result<Settled, BenchError> {
    settled(command.await.map_err(|source| BenchError::Command { what, source })?, what).await
}

/// Waits until something is done that was taken on.
pub(crate) async fn settled(operation: Operation, what: &'static str) -> Result<Settled, BenchError> {
    let finished = operation.wait(OPERATION_DEADLINE).await;
    finished.map_err(|error| BenchError::Operation { what, source: error.into() })
}

pub(crate) fn is_ours(annotations: &Annotations) -> bool {
    annotations.get(ANNOTATION.0) == Some(ANNOTATION.1)
}

pub(crate) fn annotations() -> Annotations {
    [(ANNOTATION.0.to_owned(), ANNOTATION.1.to_owned())].into_iter().collect()
}

//! Links as clients of the earliest generation announce them: published on the bus of invocations, without an answer.
//!
//! One host of this project carries each out. There the last one won; here another provider's link stands, and the log says
//! so. Source: wasmCloud 0.18.2 `crates/wasmcloud-host/src/messagebus/rpc_subscription.rs`.

use async_nats::{Message, Subscriber};
use futures::StreamExt;
use lattice_protocol::{DecodeError, RpcSubjects, decode, error_chain};
use tokio_util::sync::CancellationToken;

use super::{Edit, LinkEditor};
use crate::{bucket::AnyError, operations::Operations};

/// The subscriptions to links of the earliest generation.
pub(crate) struct OlderLinks {
    put: Subscriber,
    removed: Subscriber,
}

impl OlderLinks {
    pub(crate) async fn subscribe(nats: &async_nats::Client, subjects: &RpcSubjects) -> Result<Self, AnyError> {
        let put = nats.queue_subscribe(subjects.link_put(), subjects.link_takers()).await?;
        let removed = nats.queue_subscribe(subjects.link_removed(), subjects.link_takers()).await?;
        nats.flush().await?;
        Ok(Self { put, removed })
    }

    /// Carries out what is announced, one after the other, until told to stop.
    pub(crate) async fn run(mut self, editor: LinkEditor, operations: Operations, stop: CancellationToken) {
        loop {
            // Cancel-safe: what was received is carried out before the next wait.
            let (message, command) = tokio::select! {
                () = stop.cancelled() => return,
                Some(message) = self.put.next() => (put(&message), "linkdefs.put"),
                Some(message) = self.removed.next() => (removed(&message), "linkdefs.del"),
                else => return,
            };
            match message {
                Ok(edit) => carry_out(&editor, &operations, edit, command).await,
                Err(error) => {
                    let error = error_chain(&error);
                    tracing::warn!(command, error, "a link on the bus of invocations is unreadable, it is skipped");
                }
            }
        }
    }
}

fn put(message: &Message) -> Result<Edit, DecodeError> {
    Ok(Edit::Put { link: decode(&message.payload)?, force: false })
}

fn removed(message: &Message) -> Result<Edit, DecodeError> {
    Ok(Edit::Delete(decode(&message.payload)?))
}

async fn carry_out(editor: &LinkEditor, operations: &Operations, edit: Edit, command: &str) {
    let operation = operations.begin_own(command, None);
    let turn = editor.line_up(&edit);
    let ack = editor.carry_out(&edit, turn, operation).await;
    if !ack.accepted {
        tracing::warn!(command, error = ack.error, "a link on the bus of invocations was refused");
    }
}

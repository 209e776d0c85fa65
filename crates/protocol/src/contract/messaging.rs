//! `wasmcloud:messaging`: the contract by which actors send, ask and are sent messages.
//!
//! Arguments and results are MessagePack maps with camelCase keys; bodies are binary. That there is nowhere to reply to is
//! written by leaving the key out, and read from that, nil and the empty text, which is how Rust before 0.82, Rust since
//! then and TinyGo say so.
//! Source: `wasmcloud-interface-messaging` 0.10 `messaging.rs`; wasmCloud/interfaces `messaging/tinygo/messaging.go`.

use serde::{Deserialize, Serialize};

use super::body;
use crate::control::lenient::{empty_as_none, nil_as_default};

/// The contract's id.
pub const CONTRACT_ID: &str = "wasmcloud:messaging";

/// The operation of actors that messages are handed to: [`Message`] to nothing.
pub const HANDLE_MESSAGE: &str = "MessageSubscriber.HandleMessage";

operations! {
    "Messaging";
    /// [`Message`] to nothing, zero bytes.
    Publish,
    /// [`RequestMessage`] to [`Message`].
    Request,
}

/// A message: what is published (`PubMessage`), what comes back (`ReplyMessage`) and what an actor is handed
/// (`SubMessage`), which are three names of the same fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Where it goes, or where it came.
    pub subject: String,
    /// Where an answer is waited for.
    #[serde(default, alias = "reply_to", deserialize_with = "empty_as_none", skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What it carries.
    #[serde(default, with = "body")]
    pub body: Vec<u8>,
}

/// A message that wants an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestMessage {
    /// Where it goes.
    pub subject: String,
    /// What it carries.
    #[serde(default, with = "body")]
    pub body: Vec<u8>,
    /// How long to wait for the answer, in milliseconds.
    #[serde(default, alias = "timeout_ms", deserialize_with = "nil_as_default")]
    pub timeout_ms: u32,
}

#[cfg(test)]
mod tests;

//! Events as a client hears them.

use std::collections::VecDeque;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::eventually;

/// The prefix of the type of every event.
const TYPE: &str = "com.wasmcloud.lattice.";

/// Events that a client follows.
pub struct Events {
    receiver: UnboundedReceiver<Value>,
    passed: VecDeque<Value>,
}

impl Events {
    /// Where the client puts what it hears, and where that is looked at. Few events come here, so nothing bounds them.
    pub fn channel() -> (UnboundedSender<Value>, Self) {
        let (sender, receiver) = unbounded_channel();
        (sender, Self { receiver, passed: VecDeque::new() })
    }

    /// The next event of this kind. Those of other kinds stay, for a client may hear each kind on a subject of its own.
    pub async fn next(&mut self, kind: &str) -> Value {
        let kind = format!("{TYPE}{kind}");
        eventually(&kind, async || {
            while let Ok(event) = self.receiver.try_recv() {
                self.passed.push_back(event);
            }
            let at = self.passed.iter().position(|event| event["type"] == kind.as_str())?;
            self.passed.remove(at)
        })
        .await
    }

    /// The data of the next event of this kind, which this host has sent.
    pub async fn data(&mut self, kind: &str, host: &str) -> Value {
        let event = self.next(kind).await;
        assert_eq!((&event["specversion"], &event["source"]), (&"1.0".into(), &host.into()), "{event}");
        event["data"].clone()
    }
}

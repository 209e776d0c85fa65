//! Following the events of a lattice.

use futures::StreamExt;
use lattice_client::{EventError, EventStream, actor_names};
use lattice_protocol::{HostKey, event::CloudEvent};
use tokio::task;

use crate::{connect::Lattice, event_line::Names, printer::Printer};

/// The events by which hosts say that they are alive, and that their providers are as they were.
const REGULAR: [&str; 2] = ["host_heartbeat", "health_check_status"];

/// The last event of a host.
const STOPPED: &str = "host_stopped";

/// Which events are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Only these types; all if empty.
    pub(crate) types: Vec<String>,
    /// Not those that tell again and again that nothing has changed, unless they are among the types.
    pub(crate) no_heartbeats: bool,
}

impl Filter {
    fn shows(&self, event: &CloudEvent) -> bool {
        let asked_for = |kind: &String| kind == event.name() || *kind == event.kind;
        match self.types.is_empty() {
            true => !(self.no_heartbeats && REGULAR.contains(&event.name())),
            false => self.types.iter().any(asked_for),
        }
    }
}

/// The events of a lattice, as they are shown.
#[derive(Debug)]
pub(crate) struct Follower {
    events: EventStream,
    names: Names,
    filter: Filter,
    printer: Printer,
}

impl Follower {
    /// Follows the events from now on.
    ///
    /// # Errors
    /// The connection is closed.
    pub(crate) async fn new(lattice: &Lattice, filter: Filter, printer: Printer) -> anyhow::Result<Self> {
        let events = lattice.client.events().await?;
        let mut names = Names::default();
        // Names are a comfort: without them keys are shown.
        let (claims, hosts) = futures::join!(lattice.client.claims(), lattice.client.inventories());
        for (actor, name) in claims.iter().flat_map(actor_names) {
            names.learn(actor.as_str(), name);
        }
        for host in hosts.map(|hosts| hosts.items).unwrap_or_default() {
            names.learn_host(host.host_id.as_str(), &host);
        }
        Ok(Self { events, names, filter, printer })
    }

    /// Prints events until the connection is closed for good. Cancel-safe.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(crate) async fn run(&mut self) -> anyhow::Result<()> {
        while let Some(item) = self.events.next().await {
            self.take(item).await?;
        }
        Ok(())
    }

    /// Prints events until one tells that the host has stopped, or the connection is closed for good. Cancel-safe.
    ///
    /// # Errors
    /// The output cannot be written.
    pub(crate) async fn until_stopped(&mut self, host: &HostKey) -> anyhow::Result<()> {
        while let Some(item) = self.events.next().await {
            let is_last = item.as_ref().is_ok_and(|event| event.name() == STOPPED && event.source == host.as_str());
            self.take(item).await?;
            if is_last {
                break;
            }
        }
        Ok(())
    }

    async fn take(&mut self, item: Result<CloudEvent, EventError>) -> anyhow::Result<()> {
        let printer = self.printer;
        match item {
            Ok(event) if self.filter.shows(&event) => {
                let line = self.names.line(event);
                // On a thread of its own: who reads may stall, and signals must be heard all the same.
                task::spawn_blocking(move || printer.stream(&line)).await??;
            }
            // What is not shown may still tell names.
            Ok(event) => drop(self.names.line(event)),
            Err(hole) => task::spawn_blocking(move || printer.warn(&hole.to_string())).await?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str) -> CloudEvent {
        let event = serde_json::json!({"specversion": "1.0", "id": "1", "source": "N", "type": kind});
        CloudEvent::from_bytes(event.to_string().as_bytes()).expect("it is an event")
    }

    #[test]
    fn types_are_given_short_or_whole() {
        let filter = Filter { types: vec!["actor_scaled".to_owned()], no_heartbeats: true };
        assert!(filter.shows(&event("com.wasmcloud.lattice.actor_scaled")));
        assert!(!filter.shows(&event("com.wasmcloud.lattice.actor_started")));
        let filter = Filter { types: vec!["com.wasmcloud.lattice.host_heartbeat".to_owned()], no_heartbeats: true };
        assert!(filter.shows(&event("com.wasmcloud.lattice.host_heartbeat")));
    }

    #[test]
    fn heartbeats_can_be_left_out() {
        let filter = Filter { types: Vec::new(), no_heartbeats: true };
        assert!(!filter.shows(&event("com.wasmcloud.lattice.host_heartbeat")));
        assert!(!filter.shows(&event("com.wasmcloud.lattice.health_check_status")));
        assert!(filter.shows(&event("com.wasmcloud.lattice.health_check_failed")));
        assert!(filter.shows(&event("com.wasmcloud.lattice.host_started")));
    }
}

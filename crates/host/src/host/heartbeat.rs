//! Saying that the host is alive, with what runs on it.

use std::time::Duration;

use async_nats::connection::State;
use lattice_protocol::{Format, HostInventory, encode, event::EventData};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{about::About, events::Events};

/// What an event has around its data, generously.
const ENVELOPE: usize = 2048;

/// Says that the host is alive.
pub(super) struct Heartbeat {
    pub(super) about: About,
    pub(super) events: Events,
    pub(super) nats: async_nats::Client,
    pub(super) interval: Duration,
}

impl Heartbeat {
    /// Beats at once and then at every interval, until told to stop.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(self.interval);
        // After a pause of the machine one beat says all that many would.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            // Without a connection beats would pile up, and be old news when they arrive.
            if self.nats.connection_state() == State::Connected {
                self.events.publish(EventData::HostHeartbeat(self.inventory()));
            }
        }
    }

    /// What runs, in few words if the server would not carry it in many: a host that is not heard is taken for dead.
    fn inventory(&self) -> HostInventory {
        let inventory = self.about.inventory();
        let limit = self.nats.server_info().max_payload;
        match encode(&inventory, Format::JSON).len() + ENVELOPE > limit {
            true => self.about.short_inventory(),
            false => inventory,
        }
    }
}

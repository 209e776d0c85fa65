//! Noting that this host is there, again and again.

use std::time::Duration;

use async_nats::connection::State;
use lattice_protocol::Member;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Members;
use crate::bucket::AnyError;

/// Notes that the host is there, until it leaves.
pub(crate) struct Noter {
    members: Members,
    nats: async_nats::Client,
    note: Member,
}

impl Noter {
    /// Notes the host for the first time.
    pub(crate) async fn begin(members: Members, nats: async_nats::Client, note: Member) -> Result<Self, AnyError> {
        members.put(&note).await?;
        Ok(Self { members, nats, note })
    }

    /// Notes it at every interval until told to stop, and then takes it off the list: nobody is to wait for it any more.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(Duration::from_millis(self.note.interval));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once, and the host was noted just now.
        ticks.tick().await;
        let mut failing = false;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            // Without a connection notes would pile up, and be old news when they arrive.
            if self.nats.connection_state() != State::Connected {
                continue;
            }
            match stop.run_until_cancelled(self.members.put(&self.note)).await {
                Some(Err(error)) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "the host could not be noted as a member of the lattice");
                }
                Some(noted) => failing = noted.is_err(),
                None => break,
            }
        }
        if let Err(error) = self.members.remove(&self.note.host_id).await {
            tracing::warn!(%error, "the host could not be taken off the members of the lattice");
        }
    }
}

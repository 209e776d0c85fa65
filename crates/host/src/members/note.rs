//! Noting that this host is there, again and again.

use std::time::Duration;

use async_nats::connection::State;
use lattice_protocol::Member;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{Members, roll::Leaving};
use crate::{bucket::AnyError, defaults::STOP_MARGIN};

/// Notes that the host is there, until it leaves.
pub(crate) struct Noter {
    members: Members,
    nats: async_nats::Client,
    note: Member,
    /// How long the host may take to stop.
    drain_limit: Duration,
}

impl Noter {
    /// Notes the host for the first time.
    pub(crate) async fn begin(
        members: Members,
        nats: async_nats::Client,
        note: Member,
        drain_limit: Duration,
    ) -> Result<Self, AnyError> {
        members.put(&note).await?;
        Ok(Self { members, nats, note, drain_limit })
    }

    /// Notes it at every interval until told to stop, and then takes it off the list: nobody is to wait for it any more. What
    /// it has begun goes on meanwhile.
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
        if let Err(error) = self.members.leave(&self.leaving()).await {
            tracing::warn!(%error, "the host could not be taken off the members of the lattice");
        }
    }

    fn leaving(&self) -> Leaving {
        // The tasks beside the actors take a while too, and writing the last records.
        let within = self.drain_limit.saturating_add(STOP_MARGIN).as_millis();
        Leaving {
            host_id: self.note.host_id.clone(),
            incarnation: self.note.incarnation.clone().unwrap_or_default(),
            within: u64::try_from(within).unwrap_or(u64::MAX),
        }
    }
}

//! Hosts of other projects: noticed by their events, noted for them.

use std::collections::HashMap;

use async_nats::Subscriber;
use futures::StreamExt;
use lattice_protocol::{EventSubjects, HostKey, Member, event::CloudEvent};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Members;
use crate::{
    bucket::AnyError,
    config::Mode,
    defaults::{FOREIGN_NOTED_AGAIN, FOREIGN_REMEMBERED, FOREIGN_TEXT, HEARTBEAT, MEMBERS_AGE},
};

/// Looks at the events of the lattice, sharing them with the other hosts of this project.
pub(crate) struct Watcher {
    members: Members,
    mode: Mode,
    events: Subscriber,
    /// When each was noted last, so that a flood of events is no flood of notes.
    noted: HashMap<HostKey, Instant>,
}

impl Watcher {
    pub(crate) async fn subscribe(
        members: Members,
        mode: Mode,
        nats: &async_nats::Client,
        subjects: &EventSubjects,
    ) -> Result<Self, async_nats::SubscribeError> {
        let events = nats.queue_subscribe(subjects.all(), subjects.observers()).await?;
        Ok(Self { members, mode, events, noted: HashMap::new() })
    }

    /// Watches until told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while let Some(Some(message)) = stop.run_until_cancelled(self.events.next()).await {
            // Hosts of this project number their events. Looked for in the bytes first: nearly all events are theirs.
            if contains(&message.payload, b"\"hostepoch\"") {
                continue;
            }
            if let Ok(event) = CloudEvent::from_bytes(&message.payload) {
                self.take(&event).await;
            }
        }
    }

    async fn take(&mut self, event: &CloudEvent) {
        // Published hosts write "n/a" for some, and the oldest have events of another kind altogether.
        let Ok(host) = event.source.parse::<HostKey>() else { return };
        if event.hostepoch.is_some() || host == self.members.host {
            return;
        }
        let done = match event.name() {
            "host_stopped" => {
                self.noted.remove(&host);
                self.remove(&host).await
            }
            "host_heartbeat" | "host_started" if self.is_due(&host) => {
                self.note(&note_of(host.clone(), &event.data)).await
            }
            _ => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!(%host, %error, "a host of another project could not be noted");
        }
    }

    async fn note(&self, note: &Member) -> Result<(), AnyError> {
        let roll = self.members.current().await?;
        match roll.member(&note.host_id) {
            Some(member) if is_ours(member) => return Ok(()),
            Some(_) => {}
            // Once for each: later notes are of a host that is known.
            None => self.announce(note),
        }
        self.members.put(note).await
    }

    async fn remove(&self, host: &HostKey) -> Result<(), AnyError> {
        let roll = self.members.current().await?;
        match roll.member(host) {
            Some(member) if is_ours(member) => Ok(()),
            _ => self.members.remove(host).await,
        }
    }

    /// Whether a host is to be noted now. Of more than are remembered the later ones are not: nobody has so many, and forged
    /// events would fill the bucket.
    fn is_due(&mut self, host: &HostKey) -> bool {
        if let Some(noted) = self.noted.get_mut(host) {
            let due = noted.elapsed() >= FOREIGN_NOTED_AGAIN;
            *noted = if due { Instant::now() } else { *noted };
            return due;
        }
        if self.noted.len() >= FOREIGN_REMEMBERED {
            self.noted.retain(|_, noted| noted.elapsed() < MEMBERS_AGE);
        }
        let has_room = self.noted.len() < FOREIGN_REMEMBERED;
        if has_room {
            self.noted.insert(host.clone(), Instant::now());
        }
        has_room
    }

    /// Nothing guesses the mode, so whoever runs the lattice is told.
    fn announce(&self, note: &Member) {
        match self.mode {
            Mode::Own => tracing::warn!(
                host = %note.host_id, version = note.version,
                "a host of another project is in this lattice, whose hosts expect none; see `--compat`"
            ),
            Mode::Mixed => tracing::debug!(host = %note.host_id, "a host of another project is there"),
        }
    }
}

/// Whether it is a host of this project, which notes itself: an event that says otherwise is forged.
fn is_ours(member: &Member) -> bool {
    !member.foreign
}

fn note_of(host_id: HostKey, data: &Value) -> Member {
    let text = |key: &str| data.get(key).and_then(Value::as_str).unwrap_or_default();
    let text = |key: &str| text(key).chars().take(FOREIGN_TEXT).collect();
    Member {
        age: None,
        foreign: true,
        friendly_name: text("friendly_name"),
        host_id,
        incarnation: None,
        interval: u64::try_from(HEARTBEAT.as_millis()).unwrap_or(u64::MAX),
        version: text("version"),
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

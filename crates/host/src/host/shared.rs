//! What the hosts of a lattice share in buckets: opened before a host starts, followed while it runs.

use async_nats::jetstream;
use lattice_protocol::RpcSubjects;

use super::task::Task;
use crate::{
    bucket::{Bucket, Follower},
    claims::ClaimsStore,
    config::HostConfig,
    error::StartError,
    events::Events,
    lattice_data::{LatticeData, LatticeView},
    links::{LinkEditor, Links, OlderLinks, Teller},
    members::Members,
    operations::Operations,
};

/// What was opened.
pub(super) struct Shared {
    data: LatticeData,
    bucket: Bucket,
    follower: Follower<LatticeView>,
    older_links: OlderLinks,
}

/// What reads and changes it; cheap to clone.
#[derive(Clone)]
pub(crate) struct SharedHandles {
    pub(crate) claims: ClaimsStore,
    pub(crate) links: Links,
    pub(crate) link_editor: LinkEditor,
}

/// What goes on while the host runs.
#[derive(Debug)]
pub(super) struct SharedTasks {
    /// Carries out what others want changed.
    older_links: Task,
    /// Keeps what is in memory equal to the buckets.
    data: Task,
}

impl Shared {
    /// Opens the buckets, or makes them, and reads what they hold.
    pub(super) async fn open(config: &HostConfig, jetstream: &jetstream::Context) -> Result<Self, StartError> {
        let host = config.host_seed.public();
        let (data, bucket, follower) = LatticeData::open(jetstream, &config.lattice, host).await?;
        let older_links = OlderLinks::subscribe(&config.rpc, &RpcSubjects::new(config.lattice.clone())).await;
        let older_links = older_links.map_err(|source| StartError::Connection { attempt: "subscribe", source })?;
        Ok(Self { data, bucket, follower, older_links })
    }

    /// Begins to follow the buckets, and to tell of what changes in them.
    pub(super) fn start(
        self,
        config: &HostConfig,
        members: &Members,
        events: &Events,
        operations: &Operations,
    ) -> (SharedHandles, SharedTasks) {
        let Self { data, bucket, mut follower, older_links } = self;
        let teller = Teller::new(config.host_seed.public(), members.clone(), events.clone());
        follower.view().tell_through(teller.clone());
        let handles = SharedHandles {
            claims: ClaimsStore::new(bucket.clone(), data.clone()),
            links: Links::new(data),
            link_editor: LinkEditor::new(bucket, teller),
        };
        let (editor, operations) = (handles.link_editor.clone(), operations.clone());
        let tasks = SharedTasks {
            older_links: Task::spawn("older links", |stop| older_links.run(editor, operations, stop)),
            data: Task::spawn("lattice data", |stop| follower.run(stop)),
        };
        (handles, tasks)
    }
}

impl SharedTasks {
    /// Takes no more changes from others.
    pub(super) async fn end_intake(&mut self) {
        self.older_links.end().await;
    }

    /// Follows the buckets no longer.
    pub(super) async fn end(&mut self) {
        self.data.end().await;
    }
}

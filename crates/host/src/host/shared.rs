//! What the hosts of a lattice share in buckets: opened before a host starts, followed while it runs.

use async_nats::jetstream;
use lattice_claims::Issuers;
use lattice_protocol::RpcSubjects;

use super::task::Task;
use crate::{
    bucket::{Bucket, Follower},
    claims::ClaimsStore,
    config::HostConfig,
    entity_config::{ConfigEditor, EntityConfig, Values},
    error::StartError,
    events::Events,
    lattice_data::{LatticeData, LatticeView},
    lent_keys::{self, LentKeys},
    links::{LinkEditor, Links, OlderLinks, Teller},
    members::Members,
    operations::Operations,
    registries::{RegistriesKeeper, RegistryCredentials},
};

/// What was opened.
pub(super) struct Shared {
    data: LatticeData,
    bucket: Bucket,
    follower: Follower<LatticeView>,
    config: EntityConfig,
    config_follower: Follower<Values>,
    older_links: OlderLinks,
    lent_keys: lent_keys::Opened,
    registries: RegistryCredentials,
    /// None where their bucket cannot be used.
    registries_keeper: Option<RegistriesKeeper>,
}

/// What reads and changes it; cheap to clone.
#[derive(Clone)]
pub(crate) struct SharedHandles {
    pub(crate) claims: ClaimsStore,
    pub(crate) links: Links,
    pub(crate) link_editor: LinkEditor,
    pub(crate) config: EntityConfig,
    pub(crate) config_editor: ConfigEditor,
    pub(crate) lent_keys: LentKeys,
    pub(crate) registries: RegistryCredentials,
}

/// What goes on while the host runs.
#[derive(Debug)]
pub(super) struct SharedTasks {
    /// Carries out what others want changed.
    older_links: Task,
    /// Keeps what is in memory equal to the buckets.
    data: Task,
    config: Task,
    lent_keys: Task,
    registries: Option<Task>,
}

impl Shared {
    /// Opens the buckets, or makes them, and reads what they hold.
    pub(super) async fn open(
        config: &HostConfig,
        jetstream: &jetstream::Context,
        issuers: Issuers,
    ) -> Result<Self, StartError> {
        let host = config.host_seed.public();
        let (data, bucket, follower) = LatticeData::open(jetstream, &config.lattice, host.clone()).await?;
        let (values, config_follower) = EntityConfig::open(jetstream, &config.lattice, host.clone()).await?;
        let lent_keys = lent_keys::Opened::open(jetstream, &config.lattice, host.clone(), issuers).await?;
        // Before anything runs again whose image may have to be fetched.
        let credentials = config.artifacts.sources.credentials.clone();
        let (registries, registries_keeper) =
            RegistryCredentials::open(jetstream, (&config.lattice, host), &config.cluster_seed, credentials).await;
        let older_links = OlderLinks::subscribe(&config.rpc, &RpcSubjects::new(config.lattice.clone())).await;
        let older_links = older_links.map_err(|source| StartError::Connection { attempt: "subscribe", source })?;
        Ok(Self {
            data,
            bucket,
            follower,
            config: values,
            config_follower,
            older_links,
            lent_keys,
            registries,
            registries_keeper,
        })
    }

    /// The issuers whose invocations are accepted, keys that were lent to providers among them.
    pub(super) fn issuers(&self) -> Issuers {
        self.lent_keys.issuers()
    }

    /// Begins to follow the buckets, and to tell of what changes in them.
    pub(super) fn start(
        self,
        config: &HostConfig,
        members: &Members,
        events: &Events,
        operations: &Operations,
    ) -> (SharedHandles, SharedTasks) {
        let Self { data, bucket, mut follower, config: values, config_follower, older_links, lent_keys, .. } = self;
        let (lent_keys, lent_keys_follower) =
            lent_keys.start(config.cluster_seed.clone(), config.host_seed.public(), events.epoch().to_owned());
        let teller = Teller::new(config.host_seed.public(), members.clone(), events.clone());
        follower.view().tell_through(teller.clone());
        let handles = SharedHandles {
            claims: ClaimsStore::new(bucket.clone(), data.clone()),
            links: Links::new(data),
            link_editor: LinkEditor::new(bucket, teller),
            config_editor: values.editor(events.clone()),
            config: values,
            lent_keys,
            registries: self.registries,
        };
        let (editor, operations) = (handles.link_editor.clone(), operations.clone());
        let tasks = SharedTasks {
            older_links: Task::spawn("older links", |stop| older_links.run(editor, operations, stop)),
            data: Task::spawn("lattice data", |stop| follower.run(stop)),
            config: Task::spawn("config data", |stop| config_follower.run(stop)),
            lent_keys: Task::spawn("lent keys", |stop| lent_keys_follower.run(stop)),
            registries: self.registries_keeper.map(|keeper| Task::spawn("registries", |stop| keeper.run(stop))),
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
        self.config.end().await;
        self.lent_keys.end().await;
        if let Some(registries) = &mut self.registries {
            registries.end().await;
        }
    }
}

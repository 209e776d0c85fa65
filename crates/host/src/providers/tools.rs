//! What every supervisor of a provider needs.

use std::{path::PathBuf, sync::Arc, time::Duration};

use lattice_artifact::Reference;
use lattice_claims::ClusterSeed;
use lattice_protocol::{
    ClusterKey, ControlPrefix, HostData, HostKey, LatticeName, LinkDefinition, OtelConfig, ProviderKey, RpcSubjects,
};
use lattice_rpc::DirectDoor;

use super::{announce::Announcer, board::ProviderBoard, command::InstanceKey, exits::Exits, image::Images};
use crate::{
    actors::{Absent, Notes},
    config::ProviderSettings,
    lent_keys::LentKeys,
    links::Links,
};

/// What every supervisor needs; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) images: Images,
    pub(crate) announcer: Announcer,
    pub(crate) board: ProviderBoard,
    pub(crate) links: Links,
    pub(crate) exits: Exits,
    /// Where providers get keys of their own; they get the seed of the cluster without, as published hosts have it.
    pub(crate) lent_keys: Option<LentKeys>,
    pub(crate) notes: Notes,
    pub(crate) absent: Absent,
    /// Where providers call the actors of this host without the broker, if the system has such a way.
    pub(crate) door: Option<Arc<DirectDoor>>,
    pub(crate) lattice: Lattice,
    pub(crate) settings: ProviderSettings,
}

/// The lattice as providers are told of it. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub(crate) struct Lattice {
    pub(crate) nats: async_nats::Client,
    pub(crate) name: LatticeName,
    pub(crate) control_prefix: ControlPrefix,
    pub(crate) host: HostKey,
    /// Where NATS is, unless the settings say otherwise.
    pub(crate) url: String,
    pub(crate) cluster_seed: ClusterSeed,
    pub(crate) cluster_issuers: Vec<ClusterKey>,
}

impl Lattice {
    pub(crate) fn subjects(&self) -> RpcSubjects {
        RpcSubjects::new(self.name.clone())
    }
}

impl Tools {
    /// What a process of this provider is told when it starts.
    pub(super) fn host_data(
        &self,
        key: &InstanceKey,
        instance_id: String,
        assignment: (&ClusterSeed, Option<String>),
        links: Vec<LinkDefinition>,
    ) -> HostData {
        let (seed, configuration) = assignment;
        let (lattice, settings) = (&self.lattice, &self.settings);
        HostData {
            host_id: lattice.host.clone(),
            lattice_rpc_prefix: lattice.name.clone(),
            lattice_control_prefix: lattice.control_prefix.clone(),
            link_name: key.link.clone(),
            lattice_rpc_user_jwt: settings.nats.user_jwt.clone(),
            lattice_rpc_user_seed: settings.nats.user_seed.clone(),
            lattice_rpc_url: settings.nats.url.clone().unwrap_or_else(|| lattice.url.clone()),
            provider_key: key.provider.clone(),
            invocation_seed: seed.secret_text(),
            env_values: Default::default(),
            instance_id,
            link_definitions: links,
            cluster_issuers: lattice.cluster_issuers.clone(),
            config_json: configuration,
            default_rpc_timeout_ms: Some(u64::try_from(settings.call_timeout.as_millis()).unwrap_or(u64::MAX)),
            structured_logging: false,
            instances_seed: String::new(),
            direct: None,
            otel_config: OtelConfig {
                traces_exporter: settings.environment_value("OTEL_TRACES_EXPORTER"),
                exporter_otlp_endpoint: settings.environment_value("OTEL_EXPORTER_OTLP_ENDPOINT"),
            },
        }
    }

    /// The seed by which the instances of a provider with claims of this issuer know each other. Where providers have the seed of
    /// the cluster they derive one themselves, also under published hosts.
    pub(super) fn instances_seed(&self, key: &InstanceKey, issuer: &str) -> String {
        match &self.lent_keys {
            Some(_) => self.lattice.cluster_seed.of_instances(&key.provider, issuer, &key.link).secret_text(),
            None => String::new(),
        }
    }

    /// Whose provider a reference names, as far as this host can tell without fetching it.
    pub(super) fn key_of(&self, reference: &Reference) -> Option<ProviderKey> {
        self.images.known_key(reference).or_else(|| self.board.running_from(reference))
    }

    /// The binary that guards providers, if it is not this process's own.
    pub(super) fn guard(&self) -> Option<PathBuf> {
        self.settings.guard.clone()
    }

    /// How long a provider may take to shut down before it is told by a signal.
    pub(super) fn shutdown_patience(&self) -> Duration {
        self.settings.shutdown
    }
}

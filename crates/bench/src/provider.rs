//! The providers that a bench starts, and their links to its actor.

use lattice_client::{Client, RequestError};
use lattice_protocol::{
    ActorKey, ContractId, DeleteLink, HostKey, LinkDefinition, LinkName, LinkValues, ProviderDescription, ProviderKey,
    StartProvider, StopProvider,
    contract::{http_server, messaging},
};

use crate::{
    defaults::LINK_NAME,
    error::BenchError,
    guest::{annotations, carry_out, is_ours},
};

/// A provider that hosts bring along.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capability {
    reference: &'static str,
    contract: &'static str,
}

/// What takes HTTP requests.
pub(crate) const HTTP_SERVER: Capability =
    Capability { reference: "builtin://http-server", contract: http_server::CONTRACT_ID };

/// What publishes messages.
pub(crate) const MESSAGING: Capability =
    Capability { reference: "builtin://messaging", contract: messaging::CONTRACT_ID };

impl Capability {
    fn contract(self) -> ContractId {
        self.contract.parse().expect("a contract")
    }
}

/// The bench's providers on the host that is measured. They have a link name of their own, beside whatever runs there.
#[derive(Clone, Debug)]
pub(crate) struct Providers {
    pub(crate) client: Client,
    pub(crate) host: HostKey,
    /// Who is linked to them.
    pub(crate) actor: ActorKey,
}

impl Providers {
    /// Starts a provider and links it. Whether the link is in force yet is for the first call to find out.
    pub(crate) async fn attach(&self, capability: Capability, values: LinkValues) -> Result<(), BenchError> {
        self.start(capability).await?;
        let provider = self.id_of(capability).await?;
        let link = LinkDefinition {
            actor_id: self.actor.clone(),
            provider_id: provider,
            link_name: link_name(),
            contract_id: capability.contract(),
            values,
        };
        carry_out(self.client.put_link(&link, true), "link the provider").await.map(drop)
    }

    async fn start(&self, capability: Capability) -> Result<(), BenchError> {
        let command = StartProvider {
            annotations: annotations(),
            configuration: None,
            host_id: None,
            lattice_id: None,
            link_name: link_name(),
            provider_ref: capability.reference.to_owned(),
        };
        carry_out(self.client.start_provider(&self.host, command), "start the provider").await.map(drop)
    }

    async fn id_of(&self, capability: Capability) -> Result<ProviderKey, BenchError> {
        let is_it = |provider: &ProviderDescription| provider.image_ref.as_deref() == Some(capability.reference);
        let found = self.running().await?.into_iter().find(is_it);
        found.map(|provider| provider.id).ok_or(BenchError::NoProvider { reference: capability.reference })
    }

    /// Takes the links away and stops what a bench has started, also an earlier one. That there is nothing is as good.
    pub(crate) async fn detach(&self) -> Result<(), BenchError> {
        for provider in self.running().await? {
            if let Some(contract_id) = provider.contract_id.clone() {
                self.unlink(contract_id).await?;
            }
            self.stop(provider).await?;
        }
        Ok(())
    }

    async fn unlink(&self, contract_id: ContractId) -> Result<(), BenchError> {
        let link = DeleteLink { actor_id: self.actor.clone(), contract_id, link_name: link_name(), lattice_id: None };
        match carry_out(self.client.delete_link(link), "unlink the provider").await {
            // There is none.
            Err(BenchError::Command { source: RequestError::Refused { .. }, .. }) => Ok(()),
            unlinked => unlinked.map(drop),
        }
    }

    async fn stop(&self, provider: ProviderDescription) -> Result<(), BenchError> {
        let command = StopProvider {
            annotations: annotations(),
            contract_id: provider.contract_id,
            host_id: None,
            lattice_id: None,
            link_name: link_name(),
            provider_id: provider.id,
        };
        carry_out(self.client.stop_provider(&self.host, command), "stop the provider").await.map(drop)
    }

    /// What a bench has started.
    async fn running(&self) -> Result<Vec<ProviderDescription>, BenchError> {
        let inventory = self.client.inventory(&self.host).await.map_err(|source| BenchError::Query { source })?;
        let is_ours =
            |provider: &ProviderDescription| provider.link_name == link_name() && is_ours(&provider.annotations);
        Ok(inventory.providers.into_iter().filter(is_ours).collect())
    }
}

fn link_name() -> LinkName {
    LINK_NAME.parse().expect("a link name")
}

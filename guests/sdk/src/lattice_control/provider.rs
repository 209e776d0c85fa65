//! Auctions and commands about capability providers.

use std::fmt;

use super::answer::Fields;
use super::argument::{argument, pairs, pairs_if_any, text, text_if_any, Pairs};
use crate::msgpack::Value;

argument! {
    /// Asks which hosts would start a provider.
    #[derive(Debug)]
    ProviderAuction {
        /// Labels that a host must have to bid.
        constraints: Pairs<'a> = &[] => pairs("constraints"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
        /// The link name under which the provider would serve.
        link_name: &'a str = "default" => text("linkName"),
        /// The provider's image.
        provider_ref: &'a str = "" => text("providerRef"),
    }
}

argument! {
    /// Starts a provider on a host.
    StartProvider {
        /// What is noted on the provider.
        annotations: Pairs<'a> = &[] => pairs_if_any("annotations"),
        /// What the provider is handed as it starts; may hold secrets.
        configuration: Option<&'a str> = None => text_if_any("configuration"),
        /// The host.
        host_id: &'a str = "" => text("hostId"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
        /// The link name under which it serves.
        link_name: &'a str = "default" => text("linkName"),
        /// The provider's image.
        provider_ref: &'a str = "" => text("providerRef"),
    }
}

/// Without the configuration.
impl fmt::Debug for StartProvider<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StartProvider")
            .field("annotations", &self.annotations)
            .field("host_id", &self.host_id)
            .field("lattice_id", &self.lattice_id)
            .field("link_name", &self.link_name)
            .field("provider_ref", &self.provider_ref)
            .finish_non_exhaustive()
    }
}

argument! {
    /// Stops a provider on a host.
    #[derive(Debug)]
    StopProvider {
        /// Annotations that the provider must have to be meant.
        annotations: Pairs<'a> = &[] => pairs_if_any("annotations"),
        /// The contract that it serves.
        contract_id: &'a str = "" => text("contractId"),
        /// The host.
        host_id: &'a str = "" => text("hostId"),
        /// The lattice.
        lattice_id: &'a str = "default" => text("latticeId"),
        /// The link name under which it serves.
        link_name: &'a str = "default" => text("linkName"),
        /// The provider's key.
        provider_id: &'a str = "" => text("providerId"),
    }
}

/// A host that would start a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderBid {
    /// The host.
    pub host_id: String,
    /// The link name, as the auction named it.
    pub link_name: String,
    /// The provider's image, as the auction named it.
    pub provider_ref: String,
}

impl ProviderBid {
    pub(super) fn read(bid: &Value<'_>) -> Option<Self> {
        let fields = Fields::of(bid);
        let read = Self {
            host_id: fields.needed_text("hostId"),
            link_name: fields.text("linkName"),
            provider_ref: fields.text("providerRef"),
        };
        fields.made(read)
    }
}

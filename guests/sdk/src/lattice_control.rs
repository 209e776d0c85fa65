//! Contract `wasmcloud:latticecontrol`: steering a lattice, its hosts and what runs on them, from inside of it.
//!
//! ```
//! use lattice_guest::lattice_control::{LatticeControl, StartActor};
//! use lattice_guest::testing::with_host;
//!
//! let start = || {
//!     let actor_ref = "registry.example/echo:0.3.4";
//!     LatticeControl::default().start_actor(&StartActor { host_id: "N…", actor_ref, ..StartActor::default() })
//! };
//! let accepted = b"\x82\xa8accepted\xc3\xa5error\xa0";
//! let (started, record) = with_host(move |_| Ok(accepted.to_vec()), start);
//! assert_eq!(started, Ok(()));
//! assert_eq!(record.calls[0].operation, "LatticeController.StartActor");
//! ```
//!
//! That a command is accepted does not mean that it is done: the host has taken it on, and its inventory tells how it went.
//!
//! Operations, keys and types are those of wasmcloud-interface-lattice-control 0.20, `control.rs`. Two things are of this
//! project, and left out by other providers: what a list of hosts lacks ([`Gathered`]), and the codes of errors ([`Code`]).

mod actor;
mod answer;
mod argument;
mod credentials;
mod error;
mod gathered;
mod host;
mod inventory;
mod link;
mod provider;

use std::collections::BTreeMap;

use self::answer::{acknowledgement, nothing, texts, Fields, Read};
use crate::contract::{Answer, Contract, DEFAULT_LINK};
use crate::msgpack::Value;

pub use actor::{ActorAuction, ActorBid, ScaleActor, StartActor, StopActor, UpdateActor};
pub use argument::Pairs;
pub use credentials::{RegistryCredential, SetLatticeCredentials, SetRegistryCredentials};
pub use error::{Code, ControlError};
pub use gathered::Gathered;
pub use host::{GetHostInventory, Host, StopHost};
pub use inventory::{ActorDescription, ActorInstance, HostInventory, ProviderDescription};
pub use link::{AdvertiseLink, LinkDefinition, NewLink, RemoveLink};
pub use provider::{ProviderAuction, ProviderBid, StartProvider, StopProvider};

/// A way to steer lattices: what stands behind one of the actor's links to a provider of the contract.
///
/// Every operation fails with what the provider or a host says, if it is not done, and with [`Code::Unreadable`], if what
/// was answered is not what the contract says. A host call that timed out may still have been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatticeControl<'a>(Contract<'a>);

/// The way behind the link `default`.
impl Default for LatticeControl<'_> {
    fn default() -> Self {
        Self::linked(DEFAULT_LINK)
    }
}

impl<'a> LatticeControl<'a> {
    /// The way behind the link of this name.
    pub const fn linked(link: &'a str) -> Self {
        Self(Contract { id: "wasmcloud:latticecontrol", link })
    }
}

/// Questions.
impl LatticeControl<'_> {
    /// Returns the hosts that would start a provider.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn auction_provider(&self, auction: &ProviderAuction<'_>) -> Result<Gathered<ProviderBid>, ControlError> {
        self.gather("LatticeController.AuctionProvider", &auction.value(), ProviderBid::read)
    }

    /// Returns the hosts that would start an actor.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn auction_actor(&self, auction: &ActorAuction<'_>) -> Result<Gathered<ActorBid>, ControlError> {
        self.gather("LatticeController.AuctionActor", &auction.value(), ActorBid::read)
    }

    /// Returns the hosts of a lattice.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn get_hosts(&self, lattice_id: &str) -> Result<Gathered<Host>, ControlError> {
        self.gather("LatticeController.GetHosts", &Value::Str(lattice_id), Host::read)
    }

    /// Returns what runs on a host.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn get_host_inventory(&self, of: &GetHostInventory<'_>) -> Result<HostInventory, ControlError> {
        let answer = self.call("LatticeController.GetHostInventory", &of.value())?;
        read(&answer, "a map with `actors` and `providers`", HostInventory::read)
    }

    /// Returns the claims of the actors and providers that a lattice knows, each by their names: `sub`, `name`, `caps`, …
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn get_claims(&self, lattice_id: &str) -> Result<Vec<BTreeMap<String, String>>, ControlError> {
        let answer = self.call("LatticeController.GetClaims", &Value::Str(lattice_id))?;
        read(&answer, "a map with `claims`", |answer| {
            let fields = Fields::of(answer);
            let claims = fields.list("claims", texts);
            fields.made(claims)
        })
    }

    /// Returns the links of a lattice.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn get_links(&self, lattice_id: &str) -> Result<Vec<LinkDefinition>, ControlError> {
        let answer = self.call("LatticeController.GetLinks", &Value::Str(lattice_id))?;
        read(&answer, "a map with `links`", LinkDefinition::read_all)
    }
}

/// Commands about actors.
impl LatticeControl<'_> {
    /// Sets how many instances of an actor run on a host. To say it again changes nothing.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn scale_actor(&self, command: &ScaleActor<'_>) -> Result<(), ControlError> {
        self.command("LatticeController.ScaleActor", &command.value())
    }

    /// Starts instances of an actor on a host. To say it again starts as many again.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn start_actor(&self, command: &StartActor<'_>) -> Result<(), ControlError> {
        self.command("LatticeController.StartActor", &command.value())
    }

    /// Replaces an actor on a host by another image of it.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn update_actor(&self, command: &UpdateActor<'_>) -> Result<(), ControlError> {
        self.command("LatticeController.UpdateActor", &command.value())
    }

    /// Stops instances of an actor on a host.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn stop_actor(&self, command: &StopActor<'_>) -> Result<(), ControlError> {
        self.command("LatticeController.StopActor", &command.value())
    }
}

/// Commands about providers, links and hosts.
impl LatticeControl<'_> {
    /// Starts a provider on a host.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn start_provider(&self, command: &StartProvider<'_>) -> Result<(), ControlError> {
        self.command("LatticeController.StartProvider", &command.value())
    }

    /// Stops a provider on a host.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn stop_provider(&self, command: &StopProvider<'_>) -> Result<(), ControlError> {
        self.command("LatticeController.StopProvider", &command.value())
    }

    /// Sets a link between an actor and a provider.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn advertise_link(&self, command: &AdvertiseLink<'_>) -> Result<(), ControlError> {
        self.command("LatticeController.AdvertiseLink", &command.value())
    }

    /// Removes a link.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn remove_link(&self, command: &RemoveLink<'_>) -> Result<(), ControlError> {
        self.command("LatticeController.RemoveLink", &command.value())
    }

    /// Stops a host, and all that runs there; the actor with it, if that is where it runs.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn stop_host(&self, command: &StopHost<'_>) -> Result<(), ControlError> {
        self.command("LatticeController.StopHost", &command.value())
    }
}

/// Credentials.
impl LatticeControl<'_> {
    /// Sets where a lattice is and with which credentials this actor steers it.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn set_lattice_credentials(&self, command: &SetLatticeCredentials<'_>) -> Result<(), ControlError> {
        self.command("LatticeController.SetLatticeCredentials", &command.value())
    }

    /// Sets the credentials that the hosts of a lattice have for registries.
    ///
    /// # Errors
    /// As every operation of this type.
    pub fn set_registry_credentials(&self, command: &SetRegistryCredentials<'_>) -> Result<(), ControlError> {
        let answer = self.call("LatticeController.SetRegistryCredentials", &command.value())?;
        read(&answer, "nothing", nothing)?
    }
}

/// The shapes of answers.
impl LatticeControl<'_> {
    fn command(&self, operation: &'static str, argument: &Value<'_>) -> Result<(), ControlError> {
        let answer = self.call(operation, argument)?;
        read(&answer, "a map with `accepted` (a boolean) and `error` (a string)", acknowledgement)?
    }

    fn gather<T>(
        &self,
        operation: &'static str,
        argument: &Value<'_>,
        item: Read<T>,
    ) -> Result<Gathered<T>, ControlError> {
        read(&self.call(operation, argument)?, "an array", |list| Gathered::read(list, item))
    }

    fn call(&self, operation: &'static str, argument: &Value<'_>) -> Result<Answer, ControlError> {
        self.0.call(operation, &argument.encode()).map_err(|told| ControlError::told(&told))
    }
}

fn read<T>(answer: &Answer, expected: &str, read: impl Fn(&Value<'_>) -> Option<T>) -> Result<T, ControlError> {
    answer.read(expected, read).map_err(ControlError::unreadable)
}

#[cfg(test)]
mod tests;

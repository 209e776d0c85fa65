//! What a lattice looks like to the keeper: which hosts there are, what they have, and which of them would start more.

use std::collections::BTreeMap;

use lattice_guest::lattice_control::{
    ActorAuction, ActorInstance, Code, ControlError, GetHostInventory, HostInventory, LatticeControl,
};

use crate::plan::Host;
use crate::settings::Settings;

/// The annotation that tells what a keeper keeps, by its name.
pub(crate) const ANNOTATION: &str = "lattice.keeper";

/// What a lattice looks like.
#[derive(Default)]
pub(crate) struct Survey {
    /// Whether all hosts were asked what runs there.
    pub(crate) is_whole: bool,
    /// The hosts that told what runs there, by their keys.
    pub(crate) hosts: Vec<Host>,
    /// The hosts that are known to the lattice and told nothing: what runs there, if anything, does not count.
    pub(crate) missing: Vec<String>,
    /// How many hosts told something unreadable.
    pub(crate) unreadable: u64,
    /// What went wrong with one host.
    pub(crate) problems: Vec<(String, ControlError)>,
}

impl Survey {
    /// Looks at a lattice.
    ///
    /// What is found is there also if the survey fails on the way.
    pub(crate) fn make(&mut self, control: LatticeControl<'_>, settings: &Settings) -> Result<(), ControlError> {
        let hosts = control.get_hosts(&settings.lattice)?;
        self.missing = hosts.missing;
        self.unreadable = hosts.unreadable;
        let mut ids: Vec<_> = hosts.items.into_iter().map(|host| host.id).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            self.look_at(id, control, settings)?;
        }
        self.is_whole = true;
        let bidders = bidders(control, settings)?;
        for host in &mut self.hosts {
            host.bids = bidders.contains(&host.id);
        }
        Ok(())
    }

    /// A host that does not tell what it has counts as missing, and the survey goes on.
    fn look_at(&mut self, id: String, control: LatticeControl<'_>, settings: &Settings) -> Result<(), ControlError> {
        match control.get_host_inventory(&GetHostInventory { host_id: &id, lattice_id: &settings.lattice }) {
            Ok(inventory) => self.hosts.push(Host {
                has: kept(&inventory, settings),
                bids: false,
                fits: fits(&inventory.labels, &settings.labels),
                id,
            }),
            Err(error) if !is_of_host(&error.code) => return Err(error),
            Err(error) => {
                self.missing.push(id.clone());
                self.problems.push((id, error));
            }
        }
        Ok(())
    }
}

/// Whether it is the host that failed or refused. If not, the next host would do no better.
pub(crate) fn is_of_host(code: &Code) -> bool {
    !matches!(
        code,
        Code::UnknownOperation
            | Code::NotGranted
            | Code::RateLimited
            | Code::Overloaded
            | Code::NoCredentials
            | Code::CredentialsIncomplete
            | Code::CredentialsInvalid
            | Code::CredentialsExpired
            | Code::CredentialsRefused
            | Code::Unreachable
            | Code::NoHosts
            | Code::NoJetstream
            | Code::NotShared
            | Code::Unlinked
    )
}

/// How many instances on a host are this keeper's, whatever image they run.
fn kept(inventory: &HostInventory, settings: &Settings) -> u32 {
    let is_kept = |instance: &&ActorInstance| instance.annotations.get(ANNOTATION) == Some(&settings.name);
    let actors = inventory.actors.iter().filter(|actor| actor.id == settings.actor);
    let instances = actors.flat_map(|actor| &actor.instances).filter(is_kept);
    instances.fold(0, |sum, instance| sum.saturating_add(instance.count))
}

fn fits(labels: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(name, value)| labels.get(name) == Some(value))
}

/// The hosts that would start more. That not everybody was heard is no matter here: nobody bids then.
fn bidders(control: LatticeControl<'_>, settings: &Settings) -> Result<Vec<String>, ControlError> {
    let constraints: Vec<_> = settings.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let auction = ActorAuction { actor_ref: &settings.image, constraints: &constraints, lattice_id: &settings.lattice };
    match control.auction_actor(&auction) {
        Ok(bids) => Ok(bids.items.into_iter().map(|bid| bid.host_id).collect()),
        Err(error) if error.code == Code::Incomplete => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

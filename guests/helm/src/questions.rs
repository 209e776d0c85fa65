//! What can be asked of a lattice.

use lattice_guest::lattice_control::{ActorAuction, GetHostInventory, ProviderAuction};

use crate::answer;
use crate::argument::Argument;

pub(crate) fn auction_provider(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["provider_ref", "link_name", "constraints"]);
    let auction = ProviderAuction {
        constraints: &argument.pairs("constraints"),
        lattice_id: argument.lattice(),
        link_name: argument.link_name(),
        provider_ref: argument.text("provider_ref"),
    };
    let bids = argument.control()?.auction_provider(&auction)?;
    Ok(answer::gathered("bids", &bids, answer::provider_bid))
}

pub(crate) fn auction_actor(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["actor_ref", "constraints"]);
    let auction = ActorAuction {
        actor_ref: argument.text("actor_ref"),
        constraints: &argument.pairs("constraints"),
        lattice_id: argument.lattice(),
    };
    let bids = argument.control()?.auction_actor(&auction)?;
    Ok(answer::gathered("bids", &bids, answer::actor_bid))
}

pub(crate) fn get_hosts(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &[]);
    let lattice = argument.lattice();
    let hosts = argument.control()?.get_hosts(lattice)?;
    Ok(answer::gathered("hosts", &hosts, answer::host))
}

pub(crate) fn get_host_inventory(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["host"]);
    let of = GetHostInventory { host_id: argument.text("host"), lattice_id: argument.lattice() };
    let inventory = argument.control()?.get_host_inventory(&of)?;
    Ok(answer::inventory(&inventory))
}

pub(crate) fn get_claims(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &[]);
    let lattice = argument.lattice();
    let claims = argument.control()?.get_claims(lattice)?;
    Ok(answer::claims(&claims))
}

pub(crate) fn get_links(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &[]);
    let lattice = argument.lattice();
    let links = argument.control()?.get_links(lattice)?;
    Ok(answer::links(&links))
}

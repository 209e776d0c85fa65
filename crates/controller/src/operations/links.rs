//! Links of a lattice. Those of this very contract nobody changes through it: they say what actors may do here.

use lattice_protocol::{
    ContractId, DeleteLink, LinkValues, Links,
    contract::lattice_control::{AdvertiseLink, CONTRACT_ID, CtlOperationAck, ErrorCode},
};

use super::lattice;
use crate::{
    desk::Caller,
    error::Refusal,
    steering::{Steering, ack, of_lattice},
};

/// The links, without their values unless the actor may write them: they may hold passwords.
pub(super) async fn links(steering: &Steering) -> Result<Links, Refusal> {
    let mut links = steering.client.links().await.map_err(|error| of_lattice(&error))?;
    if !steering.grants.shows_link_values() {
        links.links.good.iter_mut().for_each(|link| link.values = LinkValues::new());
    }
    Ok(links)
}

pub(super) async fn advertise(caller: &Caller<'_>, argument: AdvertiseLink) -> Result<CtlOperationAck, Refusal> {
    let AdvertiseLink { lattice_id, link } = argument;
    require_other_contract(&link.contract_id)?;
    if link.provider_id == *caller.provider_key() {
        return Err(no_grants());
    }
    let steering = caller.to(&lattice_id).await?;
    ack(steering.client.put_link(&link, false).await, ErrorCode::NoHosts)
}

pub(super) async fn remove(caller: &Caller<'_>, link: DeleteLink) -> Result<CtlOperationAck, Refusal> {
    require_other_contract(&link.contract_id)?;
    let steering = caller.to(&lattice(&link.lattice_id)?).await?;
    ack(steering.client.delete_link(link).await, ErrorCode::NoHosts)
}

fn require_other_contract(contract: &ContractId) -> Result<(), Refusal> {
    match contract.as_str().eq_ignore_ascii_case(CONTRACT_ID) {
        true => Err(no_grants()),
        false => Ok(()),
    }
}

fn no_grants() -> Refusal {
    let text =
        format!("links of contract `{CONTRACT_ID}` say what actors may do, and no actor changes them through it");
    Refusal::new(ErrorCode::NotGranted, text)
}

//! What a lattice is asked: hosts, what runs on them, claims.

use lattice_protocol::contract::lattice_control::{GetClaimsResponse, GetHostInventory, Host, HostInventory};

use crate::{
    desk::Caller,
    error::Refusal,
    steering::{Steering, noted, of_host, of_lattice, require_somebody},
};

/// The hosts that are granted.
pub(super) async fn hosts(steering: &Steering) -> Result<Vec<Host>, Refusal> {
    let gathered = steering.gatherer().hosts().await.map_err(|error| of_lattice(&error))?;
    require_somebody(&gathered)?;
    let granted = gathered.items.into_iter().filter(|host| steering.grants.has_host(&host.labels));
    noted(granted.map(Host::from).collect(), &gathered.missing, &gathered.errors, gathered.complete)
}

pub(super) async fn inventory(caller: &Caller<'_>, argument: GetHostInventory) -> Result<HostInventory, Refusal> {
    let steering = caller.to(&argument.lattice_id).await?;
    let inventory = steering.client.inventory(&argument.host_id).await.map_err(|error| of_host(&error))?;
    match steering.grants.has_host(&inventory.labels) {
        true => Ok(inventory.into()),
        false => Err(steering.grants.no_such_labels(&argument.host_id)),
    }
}

pub(super) async fn claims(steering: &Steering) -> Result<GetClaimsResponse, Refusal> {
    Ok(steering.client.claims().await.map_err(|error| of_lattice(&error))?.into())
}

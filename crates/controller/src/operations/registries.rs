//! Credentials for registries. Those that an actor is granted are replaced, and all others stay as they are.

use std::collections::BTreeMap;

use lattice_client::RequestError;
use lattice_protocol::{
    Registries, RegistryCredential,
    contract::lattice_control::{ErrorCode, SetRegistryCredentials},
};

use crate::{
    desk::Caller,
    error::Refusal,
    steering::{Steering, of_lattice, require_somebody, unheard},
};

/// What published providers send where actors name no kind of registry.
const OCI: &str = "oci";

/// Every host of the lattice has them when this returns. Without any, those that are granted are forgotten.
pub(super) async fn set(caller: &Caller<'_>, argument: SetRegistryCredentials) -> Result<(), Refusal> {
    let mut credentials = argument.credentials.unwrap_or_default();
    for registry in credentials.keys() {
        caller.grants().require_registry(registry)?;
    }
    caller.grants().require_some_registry()?;
    let steering = caller.to(&argument.lattice_id).await?;
    for credential in credentials.values_mut().filter(|one| one.registry_type.is_empty()) {
        credential.registry_type = OCI.to_owned();
    }
    for registry in replaced(&steering).await? {
        credentials.entry(registry).or_default();
    }
    tell(&steering, credentials).await
}

/// The registries whose credentials are the actor's to change, as far as one of the hosts knows them. One that is named without
/// a credential is forgotten.
async fn replaced(steering: &Steering) -> Result<Vec<String>, Refusal> {
    let known = match steering.client.registries().await {
        Ok(known) => known.registries.good,
        // Hosts of other projects do not tell.
        Err(RequestError::NoResponders { .. }) => Vec::new(),
        Err(error) => return Err(of_lattice(&error)),
    };
    let names = known.into_iter().map(|known| known.registry);
    Ok(names.filter(|registry| steering.grants.require_registry(registry).is_ok()).collect())
}

async fn tell(steering: &Steering, credentials: BTreeMap<String, RegistryCredential>) -> Result<(), Refusal> {
    let taken = steering.gatherer().merge_registries(&Registries(credentials)).await;
    let taken = taken.map_err(|error| of_lattice(&error))?;
    require_somebody(&taken)?;
    if let Some(error) = taken.errors.first() {
        return Err(of_lattice(error));
    }
    match taken.complete {
        true => Ok(()),
        false => {
            let text = format!("not every host has the credentials: {}", unheard(&taken.missing, &taken.errors));
            Err(Refusal::new(ErrorCode::Incomplete, text))
        }
    }
}

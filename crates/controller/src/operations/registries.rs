//! Credentials for registries. What an actor names changes, and all else stays as it is.

use lattice_protocol::{
    Registries,
    contract::lattice_control::{ErrorCode, SetRegistryCredentials},
};

use crate::{
    desk::Caller,
    error::Refusal,
    steering::{of_lattice, require_somebody, unheard},
};

/// What published providers send where actors name no kind of registry.
const OCI: &str = "oci";

/// Every host of the lattice has them when this returns.
pub(super) async fn set(caller: &Caller<'_>, argument: SetRegistryCredentials) -> Result<(), Refusal> {
    let registries = registries(argument.credentials.unwrap_or_default())?;
    for registry in registries.0.keys() {
        caller.grants().require_registry(registry)?;
    }
    let steering = caller.to(&argument.lattice_id).await?;
    let taken = steering.gatherer.merge_registries(&registries).await.map_err(|error| of_lattice(&error))?;
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

fn registries(
    mut credentials: std::collections::BTreeMap<String, lattice_protocol::RegistryCredential>,
) -> Result<Registries, Refusal> {
    if credentials.is_empty() {
        return Err(Refusal::invalid("`credentials` names no registry"));
    }
    for credential in credentials.values_mut().filter(|one| one.registry_type.is_empty()) {
        credential.registry_type = OCI.to_owned();
    }
    Ok(Registries(credentials))
}

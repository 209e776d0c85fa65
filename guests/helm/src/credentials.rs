//! What a lattice can be told: credentials.

use lattice_guest::lattice_control::{RegistryCredential, SetLatticeCredentials, SetRegistryCredentials};

use crate::answer::accepted;
use crate::argument::Argument;

pub(crate) fn set_lattice_credentials(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["nats_url", "jwt", "seed", "js_domain"]);
    let command = SetLatticeCredentials {
        js_domain: argument.text_if_any("js_domain"),
        lattice_id: argument.lattice(),
        nats_url: argument.text_if_any("nats_url"),
        user_jwt: argument.text_if_any("jwt"),
        user_seed: argument.text_if_any("seed"),
    };
    argument.control()?.set_lattice_credentials(&command)?;
    Ok(accepted())
}

pub(crate) fn set_registry_credentials(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["credentials"]);
    let told = argument.maps_if_any("credentials", &["username", "password", "token", "registry_type"]);
    let registries: Option<Vec<_>> = told.map(|told| told.into_iter().map(registry).collect());
    let command = SetRegistryCredentials { credentials: registries.as_deref(), lattice_id: argument.lattice() };
    argument.control()?.set_registry_credentials(&command)?;
    Ok(accepted())
}

fn registry<'a>((name, told): (&'a str, Argument<'a>)) -> (&'a str, RegistryCredential<'a>) {
    let credential = RegistryCredential {
        password: told.text_if_any("password"),
        registry_type: told.text_or("registry_type", "oci"),
        token: told.text_if_any("token"),
        username: told.text_if_any("username"),
    };
    (name, credential)
}

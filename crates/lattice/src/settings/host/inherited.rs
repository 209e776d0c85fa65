//! The variables that a host inherits from the `lattice up` that runs it.

use std::ffi::OsStr;

use super::images;
use crate::environment::{self, Environment};

/// What variables begin with that say which host it is, where its lattice is and how it runs: `up` tells its hosts itself.
const OF_ONE_HOST: [&str; 3] = ["LATTICE_", "WASMCLOUD_", "NATS_"];
/// What those of them begin with that hold credentials for registries.
const OF_REGISTRIES: [&str; 2] = ["LATTICE_OCI_", "WASMCLOUD_OCI_REGISTRY"];

/// All variables but those that are meant for one host alone: what is to be logged and where images come from stays the same.
pub(in crate::settings) fn inherited(environment: &Environment) -> impl Iterator<Item = (&OsStr, &OsStr)> {
    environment.all().filter(|(name, _)| name.to_str().is_none_or(is_for_all))
}

fn is_for_all(name: &str) -> bool {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let is_of_images =
        || images::OPTIONS.iter().any(|option| name.strip_prefix("LATTICE_") == Some(&option.to_uppercase()));
    !begins(&OF_ONE_HOST) || begins(&OF_REGISTRIES) || name == environment::LOG || is_of_images()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_for_one_host_stays_with_it() {
        let check = |name: &str, expect: bool| assert_eq!(is_for_all(name), expect, "{name}");
        for name in ["HOME", "PATH", "RUST_LOG", "DOCKER_CONFIG", "LATTICE_LOG", "LATTICE_PULL", "LATTICE_REGISTRY_CAS"]
        {
            check(name, true);
        }
        check("LATTICE_OCI_PASSWORD", true);
        check("WASMCLOUD_OCI_REGISTRY_PASSWORD", true);
        for name in ["LATTICE_HOST_SEED", "LATTICE_LABEL_zone", "LATTICE_NATS_URL", "WASMCLOUD_HOST_SEED", "NATS_HOST"]
        {
            check(name, false);
        }
    }
}

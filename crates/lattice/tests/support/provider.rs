//! Providers that are shell scripts, as archives.

use std::time::SystemTime;

use lattice_artifact::archive::{Packing, pack, this_target};
use lattice_claims::{AccountSeed, NewProviderClaims, ProviderSeed};

use super::Home;

/// The contract that they serve.
pub(crate) const CONTRACT: &str = "test:script";

/// One that prints two lines and serves, as far as anybody can see: it is taken at that after some seconds.
pub(crate) const MUTE: &str = "#!/bin/sh\necho ready\necho oops >&2\nexec sleep 600\n";

/// A script as an archive in the home directory, `NAME.par.gz`; returns the provider's key.
pub(crate) fn archive(home: &Home, name: &str, script: &str) -> String {
    let provider = ProviderSeed::generate().public();
    let contract = CONTRACT.parse().expect("a contract");
    let claims = NewProviderClaims {
        name: Some(name.to_owned()),
        revision: Some(3),
        ..NewProviderClaims::new(provider.clone(), contract, SystemTime::now())
    };
    let binaries = [(this_target(), script)];
    let binaries = binaries.each_ref().map(|(target, script)| (target.as_str(), script.as_bytes()));
    let packed = pack(claims, &AccountSeed::generate(), &binaries, Packing::TarGz).expect("it can be packed");
    home.file(&format!("{name}.par.gz"), &packed);
    provider.to_string()
}

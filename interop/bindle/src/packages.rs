//! What is pushed: an actor's module, and providers.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};

use bindle::{BindleSpec, Invoice, Label, Parcel};
use sha2::{Digest as _, Sha256};
use wascap::{
    jwt::{CapabilityProvider, Claims},
    prelude::KeyPair,
};

/// Name and version, and the parcels with their labels.
pub struct Package {
    id: String,
    /// Labels and bytes.
    pub parcels: Vec<(Label, Vec<u8>)>,
}

impl Package {
    pub(crate) fn invoice(&self) -> Invoice {
        let id = self.id.parse().expect("name and version");
        let mut invoice = Invoice::new(BindleSpec { id, description: None, authors: None });
        let parcel = |(label, _): &(Label, Vec<u8>)| Parcel { label: label.clone(), conditions: None };
        invoice.parcel = Some(self.parcels.iter().map(parcel).collect());
        invoice
    }
}

/// The package of an actor: one parcel, the module.
pub fn module(id: &str, module: &[u8]) -> Package {
    Package { id: id.to_owned(), parcels: vec![parcel("actor.wasm", "application/wasm", module, None)] }
}

/// The package of a provider with these executables, by architecture and system, and its key.
///
/// The claims are signed with what published providers were signed with.
pub fn provider(id: &str, contract: &str, executables: &[(&str, &str, &[u8])]) -> (Package, String) {
    let (issuer, subject) = (KeyPair::new_account(), KeyPair::new_service());
    let hashes: HashMap<_, _> =
        executables.iter().map(|(arch, os, bytes)| (format!("{arch}-{os}"), digest(bytes).to_uppercase())).collect();
    let claims = Claims::<CapabilityProvider>::new(
        "published".to_owned(),
        issuer.public_key(),
        subject.public_key(),
        contract.to_owned(),
        "interop".to_owned(),
        Some(7),
        Some("0.7.0".to_owned()),
        hashes,
    );
    let token = claims.encode(&issuer).expect("claims can be signed");
    let mut parcels = vec![parcel("claims.jwt", "application/jwt", token.as_bytes(), None)];
    parcels.extend(executables.iter().map(|(arch, os, bytes)| {
        parcel(&format!("provider-{arch}-{os}"), "application/octet-stream", bytes, Some((arch, os)))
    }));
    (Package { id: id.to_owned(), parcels }, subject.public_key())
}

fn parcel(name: &str, media_type: &str, bytes: &[u8], machine: Option<(&str, &str)>) -> (Label, Vec<u8>) {
    let features = |(arch, os): (&str, &str)| {
        let features = [("arch", arch), ("os", os)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        BTreeMap::from([("wasmcloud".to_owned(), BTreeMap::from(features))])
    };
    let label = Label {
        media_type: media_type.to_owned(),
        size: bytes.len() as u64,
        feature: machine.map(features),
        ..Label::new(name.to_owned(), digest(bytes))
    };
    (label, bytes.to_vec())
}

/// The SHA-256 digest, as servers name parcels by it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a text can be written");
    }
    text
}

//! Providers by key, name or image.

use std::collections::{BTreeMap, BTreeSet};

use lattice_protocol::{HostInventory, ProviderKey};

use super::{Candidate, ResolveError, SHORTEST_START, anybody, start_of_key};
use crate::{client::Client, gather::Gathered};

const PROVIDER: &str = "provider";

/// What the reference of a provider that is part of the host's program begins with. People leave it out.
///
/// Source: `artifact`, `reference.rs`.
const BUILTIN: &str = "builtin://";

impl Client {
    /// The running provider that a text means: its key, else its name or its image, else the start of its key in upper or
    /// lower case.
    ///
    /// A whole key is taken as it is, without asking; a start has four characters at least, and may end in `…`. The image
    /// is meant as the command that started the provider named it; of one that is part of the host's program,
    /// `builtin://keyvalue`, the name alone will do.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let provider = client.resolve_provider("keyvalue").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ResolveError::NotFound`] and [`ResolveError::Ambiguous`], both with the providers that there are.
    pub async fn resolve_provider(&self, text: &str) -> Result<ProviderKey, ResolveError> {
        if let Ok(provider) = text.parse() {
            return Ok(provider);
        }
        let inventories = self.inventories().await;
        let inventories = inventories.map_err(|source| ResolveError::Request { what: PROVIDER, source })?;
        anybody(&inventories, PROVIDER, text)?;
        pick(text, inventories)
    }
}

/// What is known of a provider besides its key.
#[derive(Debug, Default)]
struct Known {
    names: BTreeSet<String>,
    images: BTreeSet<String>,
}

impl Known {
    fn is_called(&self, text: &str) -> bool {
        let is_image = |image: &String| image == text || image.strip_prefix(BUILTIN) == Some(text);
        self.names.contains(text) || self.images.iter().any(is_image)
    }
}

fn pick(text: &str, inventories: Gathered<HostInventory>) -> Result<ProviderKey, ResolveError> {
    let Gathered { items, errors, missing, .. } = inventories;
    let providers = known(&items);
    let called: Vec<_> = providers.iter().filter(|(_, known)| known.is_called(text)).collect();
    let start = start_of_key(text);
    let starts = |(key, _): &(&ProviderKey, &Known)| start.len() >= SHORTEST_START && key.as_str().starts_with(&start);
    let fitting = if called.is_empty() { providers.iter().filter(starts).collect() } else { called };
    match fitting.as_slice() {
        [(provider, _)] => Ok((*provider).clone()),
        [] => {
            let known = providers.iter().map(candidate).collect();
            Err(ResolveError::NotFound { what: PROVIDER, text: text.to_owned(), known, errors, missing })
        }
        several => {
            let candidates = several.iter().copied().map(candidate).collect();
            Err(ResolveError::Ambiguous { what: PROVIDER, text: text.to_owned(), candidates })
        }
    }
}

fn known(inventories: &[HostInventory]) -> BTreeMap<ProviderKey, Known> {
    let mut providers: BTreeMap<ProviderKey, Known> = BTreeMap::new();
    for provider in inventories.iter().flat_map(|inventory| &inventory.providers) {
        let known = providers.entry(provider.id.clone()).or_default();
        known.names.extend(provider.name.clone().filter(|name| !name.is_empty()));
        known.images.extend(provider.image_ref.clone().filter(|image| !image.is_empty()));
    }
    providers
}

fn candidate((provider, known): (&ProviderKey, &Known)) -> Candidate {
    Candidate { id: provider.to_string(), names: known.names.iter().cloned().collect() }
}

#[cfg(test)]
mod tests {
    use lattice_protocol::decode;

    use super::*;

    const V0: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";
    const V1: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";
    const HOST: &str = "NA53JWFGXTSEK2R4S3N6V634YTD5WC4FXBLQXH7NG2UR7A4KFJP2AVVN";

    fn check(text: &str, expect: Result<&str, &str>) {
        let inventory = format!(
            r#"{{"host_id":"{HOST}","providers":[
            {{"id":"{V0}","name":"Keeper","image_ref":"builtin://keyvalue","link_name":"default"}},
            {{"id":"{V0}","name":"Keeper","image_ref":"builtin://keyvalue","link_name":"other"}},
            {{"id":"{V1}","name":"Twin","image_ref":"file:///x.par.gz","link_name":"default"}},
            {{"id":"{V0}","name":"Twin","image_ref":"","link_name":"third"}}]}}"#
        );
        let inventory = decode(inventory.as_bytes()).expect("an inventory");
        let picked = pick(text, Gathered { items: vec![inventory], ..Gathered::default() });
        let picked = picked.map(|provider| provider.to_string()).map_err(|error| error.to_string());
        assert_eq!(picked.as_ref().map(String::as_str).map_err(String::as_str), expect);
    }

    #[test]
    fn providers_by_name_image_and_start_of_key() {
        check("Keeper", Ok(V0));
        check("keyvalue", Ok(V0));
        check("builtin://keyvalue", Ok(V0));
        check("file:///x.par.gz", Ok(V1));
        check("vc3i", Ok(V1));
        check("VC3IJSRK…", Ok(V1));
    }

    #[test]
    fn what_fits_none_or_several_is_told() {
        let twins = "Twin (VC3IJSRK…), Keeper or Twin (VDOQYLDQ…)";
        check("Twin", Err(&format!("`Twin` fits more than one provider; it may be {twins}")));
        check("VC3", Err(&format!("no provider fits `VC3`; there is {twins}")));
        check("", Err(&format!("no provider fits ``; there is {twins}")));
    }
}

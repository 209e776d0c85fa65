//! The providers of a demo: parts of the program that are started on its host.

use anyhow::Context;
use lattice_protocol::{Annotations, LinkName, StartProvider};

use super::{PATIENCE, Stage};
use crate::builtins::{self, Known};

/// Makes sure that a provider runs, which is part of the program.
pub(super) async fn ensure(stage: &Stage<'_>, name: &str) -> anyhow::Result<Known> {
    let provider = builtins::known(name).expect("it is part of the program");
    let inventory = stage.client().inventory(stage.host).await?;
    let link_name = LinkName::default();
    if inventory.providers.iter().any(|running| running.id == provider.key && running.link_name == link_name) {
        return Ok(provider);
    }
    let command = StartProvider {
        annotations: Annotations::new(),
        configuration: None,
        host_id: None,
        lattice_id: None,
        link_name,
        provider_ref: provider.reference.clone(),
    };
    let failed = || format!("the provider {} does not start", provider.reference);
    let started = stage.client().start_provider(stage.host, command).await.with_context(failed)?;
    started.wait(PATIENCE).await.with_context(failed)?;
    Ok(provider)
}

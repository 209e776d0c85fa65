//! `lattice stop actor`, `lattice stop provider` and `lattice stop host`.

use lattice_protocol::{
    Annotations, StopActor as ActorCommand, StopHost as HostCommand, StopProvider as ProviderCommand,
};

use crate::{
    cli::{StopActor, StopHost, StopProvider},
    connect::Lattice,
    placement,
    settings::Settings,
    settle::{Deed, Intent, settle_at},
    unanswered::NotDone,
};

/// Stops instances of an actor and tells how it went.
pub(crate) async fn actor(stop: StopActor, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    let actor = placement::actor(&lattice, &stop.actor).await?;
    let host = placement::running(&lattice, &actor, stop.host.as_deref()).await?;
    let command = ActorCommand {
        actor_id: actor.clone(),
        annotations: Annotations::from_iter(stop.annotations),
        count: stop.count,
        host_id: None,
        lattice_id: None,
    };
    let answer = lattice.client.stop_actor(&host, command).await;
    let intent = Intent { deed: Deed::Stopped, actor: Some(actor), no_wait: stop.no_wait };
    let ended = settle_at(&lattice, &host, answer, intent, settings.printer()).await;
    ended.not_done(|| format!("`{}` was not stopped", stop.actor))
}

/// Stops a provider and tells how it went.
pub(crate) async fn provider(stop: StopProvider, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    let key = placement::provider(&lattice, &stop.provider).await?;
    let (host, provider) = placement::serving(&lattice, &key, &stop.link_name, stop.host.as_deref()).await?;
    let command = ProviderCommand {
        annotations: Annotations::from_iter(stop.annotations),
        contract_id: None,
        host_id: None,
        lattice_id: None,
        link_name: stop.link_name,
        provider_id: key,
    };
    let answer = lattice.client.stop_provider(&host, command).await;
    let intent = Intent { deed: Deed::ProviderStopped(provider), actor: None, no_wait: stop.no_wait };
    let ended = settle_at(&lattice, &host, answer, intent, settings.printer()).await;
    ended.not_done(|| format!("`{}` was not stopped", stop.provider))
}

/// Stops a host and tells how it went.
pub(crate) async fn host(stop: StopHost, settings: &Settings) -> anyhow::Result<()> {
    let lattice = Lattice::reach(settings.target()?).await?;
    let host = placement::named_host(&lattice, &stop.host).await?;
    // The protocol counts seconds; less than one is not none.
    let timeout = stop.drain_timeout.map(|timeout| timeout.as_secs().max(1));
    let command = HostCommand { timeout, ..HostCommand::default() };
    let answer = lattice.client.stop_host(&host, command).await;
    let intent = Intent { deed: Deed::HostStopped, actor: None, no_wait: false };
    let ended = settle_at(&lattice, &host, answer, intent, settings.printer()).await;
    ended.not_done(|| format!("host `{}` was not stopped", stop.host))
}

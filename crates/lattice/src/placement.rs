//! Which host a command is for, when people name it or leave it out.

use lattice_client::{Gathered, ResolveError};
use lattice_protocol::{ActorKey, EntityKey, HostInventory, HostKey, LinkName, ProviderDescription, ProviderKey};

use crate::{
    connect::Lattice,
    detail::Detail,
    fault::{Code, Fault},
    program,
    settle::Provider,
    unanswered,
};

/// The host to start on: the one that is named, else the only one.
///
/// # Errors
/// None fits, or several do.
pub(crate) async fn to_start(lattice: &Lattice, named: Option<&str>) -> anyhow::Result<HostKey> {
    if let Some(name) = named {
        return named_host(lattice, name).await;
    }
    let hosts = whole(lattice.hosts().await?)?;
    let choices: Vec<String> = hosts.iter().map(|host| shown(&host.friendly_name, &host.id)).collect();
    only(hosts.into_iter().map(|host| host.id), "several hosts run", &choices)
}

/// The host whose instances of an actor are meant: the one that is named, else the only one that runs it.
///
/// # Errors
/// None fits, or several do.
pub(crate) async fn running(lattice: &Lattice, actor: &ActorKey, named: Option<&str>) -> anyhow::Result<HostKey> {
    if let Some(name) = named {
        return named_host(lattice, name).await;
    }
    let inventories = whole(lattice.inventories().await?)?;
    let runs = |inventory: &HostInventory| inventory.actors.iter().any(|running| running.id == *actor);
    let running: Vec<HostInventory> = inventories.into_iter().filter(runs).collect();
    if running.is_empty() {
        return Err(Fault::new(Code::NotFound, format!("no host runs actor {}", Detail::Brief.key(actor.as_str())))
            .hint("`lattice get inventory` shows what runs; `lattice start actor` starts it")
            .into());
    }
    let choices: Vec<String> = running.iter().map(|host| shown(&host.friendly_name, &host.host_id)).collect();
    only(running.into_iter().map(|host| host.host_id), "several hosts run it", &choices)
}

/// Where a provider serves under a link name: on the host that is named, else the only one that runs it so.
///
/// # Errors
/// None fits, or several do.
pub(crate) async fn serving(
    lattice: &Lattice,
    provider: &ProviderKey,
    link: &LinkName,
    named: Option<&str>,
) -> anyhow::Result<(HostKey, Provider)> {
    let is_it = |running: &&ProviderDescription| running.id == *provider && running.link_name == *link;
    let name = |inventory: &HostInventory| inventory.providers.iter().find(is_it).and_then(|it| it.name.clone());
    let of = |name| Provider { key: provider.clone(), link: link.clone(), name };
    if let Some(host) = named {
        let host = named_host(lattice, host).await?;
        // A comfort: the host itself says what it does not run.
        let name = lattice.client.inventory(&host).await.ok().as_ref().and_then(name);
        return Ok((host, of(name)));
    }
    let inventories = whole(lattice.inventories().await?)?;
    let serving: Vec<&HostInventory> =
        inventories.iter().filter(|inventory| inventory.providers.iter().any(|running| is_it(&running))).collect();
    if serving.is_empty() {
        return Err(not_serving(&inventories, provider, link).into());
    }
    let choices: Vec<String> = serving.iter().map(|host| shown(&host.friendly_name, &host.host_id)).collect();
    let name = serving.first().and_then(|inventory| name(inventory));
    let host = only(serving.iter().map(|host| host.host_id.clone()), "several hosts run it", &choices)?;
    Ok((host, of(name)))
}

/// It may serve under another link name.
fn not_serving(inventories: &[HostInventory], provider: &ProviderKey, link: &LinkName) -> Fault {
    let running = inventories.iter().flat_map(|inventory| &inventory.providers).filter(|other| other.id == *provider);
    let mut others: Vec<String> = running.map(|other| other.link_name.to_string()).collect();
    others.sort_unstable();
    others.dedup();
    let key = Detail::Brief.key(provider.as_str());
    let fault = Fault::new(Code::NotFound, format!("no host runs provider {key} under link name `{link}`"));
    match others.as_slice() {
        [] => fault.hint("`lattice get inventory` shows what runs; `lattice start provider` starts it"),
        others => fault.hint(format!("--link-name names another one; it runs under {}", others.join(", "))),
    }
}

/// The provider that is named: its key, or of one that runs its name, what it was started from, or the start of its key.
///
/// # Errors
/// None fits, or several do.
pub(crate) async fn provider(lattice: &Lattice, name: &str) -> anyhow::Result<ProviderKey> {
    let resolved = lattice.client.resolve_provider(&program::called(name)).await;
    resolved.map_err(|error| resolve_error(lattice, error))
}

/// The actor that is named: its key, name, call alias, or the start of its key.
///
/// # Errors
/// None fits, or several do.
pub(crate) async fn actor(lattice: &Lattice, name: &str) -> anyhow::Result<ActorKey> {
    lattice.client.resolve_actor(name).await.map_err(|error| resolve_error(lattice, error))
}

/// The host that is named: its id, a unique start of it, or its friendly name.
///
/// # Errors
/// None fits, or several do.
pub(crate) async fn named_host(lattice: &Lattice, name: &str) -> anyhow::Result<HostKey> {
    lattice.client.resolve_host(name).await.map_err(|error| resolve_error(lattice, error))
}

/// The actor or provider that is named: an actor as for [`actor`], or a provider's key.
///
/// # Errors
/// None fits, or several do.
pub(crate) async fn entity(lattice: &Lattice, name: &str) -> anyhow::Result<EntityKey> {
    match name.parse() {
        Ok(key) => Ok(key),
        Err(_) => actor(lattice, name).await.map(EntityKey::Actor),
    }
}

fn resolve_error(lattice: &Lattice, error: ResolveError) -> anyhow::Error {
    match error {
        ResolveError::NoHosts { .. } => lattice.nobody().into(),
        ResolveError::Request { source, .. } => unanswered::question(lattice, source),
        error => error.into(),
    }
}

/// Everything that was asked for. With a part of it nobody can tell which host is the only one.
fn whole<T>(gathered: Gathered<T>) -> anyhow::Result<Vec<T>> {
    if gathered.errors.is_empty() && gathered.missing.is_empty() {
        return Ok(gathered.items);
    }
    let code = if gathered.errors.is_empty() { Code::TimedOut } else { Code::Unreadable };
    let fault =
        Fault::new(code, "a host's answer is missing, so that no host can be chosen").hint("name one with --host");
    // Hosts of other projects alone have no list of members, so that their answers are never known to be complete.
    Err(match gathered.into_complete() {
        Err(incomplete) => fault.caused_by(incomplete).into(),
        Ok(_) => fault.into(),
    })
}

fn only(hosts: impl IntoIterator<Item = HostKey>, several: &str, choices: &[String]) -> anyhow::Result<HostKey> {
    let mut hosts = hosts.into_iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Ok(host),
        _ => Err(Fault::new(Code::Ambiguous, format!("{several}: {}", choices.join(", ")))
            .hint("name one with --host")
            .into()),
    }
}

fn shown(name: &str, id: &HostKey) -> String {
    Detail::Brief.named(Some(name), id.as_str())
}

#[cfg(test)]
mod tests {
    use lattice_client::RequestError;

    use super::*;

    #[test]
    fn nothing_is_chosen_from_a_part() {
        let one = || {
            let mut gathered = Gathered::default();
            gathered.items.push(1);
            gathered
        };
        assert_eq!(whole(one()).expect("all of it"), [1]);
        let mut gathered = one();
        gathered.errors.push(RequestError::NoResponders { subject: "x".to_owned() });
        let error = whole(gathered).expect_err("a part of it");
        assert_eq!(error.downcast_ref::<Fault>().map(|fault| fault.code), Some(Code::Unreadable));
    }
}

//! What operations answer: the results of the contract as maps with snake_case keys, without what is absent.

use std::collections::BTreeMap;

use lattice_guest::lattice_control::{
    ActorBid, ActorDescription, ActorInstance, Gathered, Host, HostInventory, LinkDefinition, ProviderBid,
    ProviderDescription,
};
use lattice_guest::msgpack::Value;

/// A command was accepted.
pub(crate) fn accepted() -> Vec<u8> {
    present(vec![("accepted", Some(Value::Bool(true)))]).encode()
}

/// What hosts answered, under `key`, and whose answers are missing.
pub(crate) fn gathered<'a, T>(key: &'a str, gathered: &'a Gathered<T>, item: fn(&'a T) -> Value<'a>) -> Vec<u8> {
    let complete = Value::Bool(gathered.is_complete());
    present(vec![
        (key, list(&gathered.items, item)),
        ("missing", list(&gathered.missing, |host| Value::Str(host))),
        ("unreadable", Some(gathered.unreadable.into())),
        ("complete", Some(complete)),
    ])
    .encode()
}

pub(crate) fn actor_bid(bid: &ActorBid) -> Value<'_> {
    present(vec![("actor_ref", text(&bid.actor_ref)), ("host_id", text(&bid.host_id))])
}

pub(crate) fn provider_bid(bid: &ProviderBid) -> Value<'_> {
    present(vec![
        ("host_id", text(&bid.host_id)),
        ("link_name", text(&bid.link_name)),
        ("provider_ref", text(&bid.provider_ref)),
    ])
}

pub(crate) fn host(host: &Host) -> Value<'_> {
    present(vec![
        ("id", text(&host.id)),
        ("labels", pairs(&host.labels)),
        ("cluster_issuers", text_if_any(&host.cluster_issuers)),
        ("ctl_host", text_if_any(&host.ctl_host)),
        ("js_domain", text_if_any(&host.js_domain)),
        ("lattice_prefix", text_if_any(&host.lattice_prefix)),
        ("prov_rpc_host", text_if_any(&host.prov_rpc_host)),
        ("rpc_host", text_if_any(&host.rpc_host)),
        ("uptime_human", text_if_any(&host.uptime_human)),
        ("uptime_seconds", Some(host.uptime_seconds.into())),
        ("version", text_if_any(&host.version)),
    ])
}

pub(crate) fn inventory(inventory: &HostInventory) -> Vec<u8> {
    present(vec![
        ("host_id", text(&inventory.host_id)),
        ("labels", pairs(&inventory.labels)),
        ("actors", list(&inventory.actors, actor)),
        ("providers", list(&inventory.providers, provider)),
    ])
    .encode()
}

pub(crate) fn claims(claims: &[BTreeMap<String, String>]) -> Vec<u8> {
    present(vec![("claims", list(claims, texts))]).encode()
}

pub(crate) fn links(links: &[LinkDefinition]) -> Vec<u8> {
    present(vec![("links", list(links, link))]).encode()
}

fn actor(actor: &ActorDescription) -> Value<'_> {
    present(vec![
        ("id", text(&actor.id)),
        ("name", text_if_any(&actor.name)),
        ("image_ref", text_if_any(&actor.image_ref)),
        ("instances", list(&actor.instances, instance)),
    ])
}

fn instance(instance: &ActorInstance) -> Value<'_> {
    present(vec![
        ("instance_id", text(&instance.instance_id)),
        ("count", Some(instance.count.into())),
        ("revision", Some(instance.revision.into())),
        ("annotations", pairs(&instance.annotations)),
    ])
}

fn provider(provider: &ProviderDescription) -> Value<'_> {
    present(vec![
        ("id", text(&provider.id)),
        ("name", text_if_any(&provider.name)),
        ("image_ref", text_if_any(&provider.image_ref)),
        ("link_name", text(&provider.link_name)),
        ("revision", Some(provider.revision.into())),
        ("annotations", pairs(&provider.annotations)),
    ])
}

fn link(link: &LinkDefinition) -> Value<'_> {
    present(vec![
        ("actor_id", text(&link.actor_id)),
        ("provider_id", text(&link.provider_id)),
        ("link_name", text(&link.link_name)),
        ("contract_id", text(&link.contract_id)),
        ("values", pairs(&link.values)),
    ])
}

/// The map of those entries that have a value.
fn present<'a>(entries: Vec<(&'a str, Option<Value<'a>>)>) -> Value<'a> {
    Value::Map(entries.into_iter().filter_map(|(key, value)| Some((Value::Str(key), value?))).collect())
}

fn list<'a, T>(items: &'a [T], item: fn(&'a T) -> Value<'a>) -> Option<Value<'a>> {
    Some(Value::Array(items.iter().map(item).collect()))
}

fn pairs(pairs: &BTreeMap<String, String>) -> Option<Value<'_>> {
    Some(texts(pairs))
}

fn texts(texts: &BTreeMap<String, String>) -> Value<'_> {
    Value::Map(texts.iter().map(|(name, text)| (Value::Str(name), Value::Str(text))).collect())
}

fn text(text: &str) -> Option<Value<'_>> {
    Some(Value::Str(text))
}

fn text_if_any(text: &Option<String>) -> Option<Value<'_>> {
    text.as_deref().map(Value::Str)
}

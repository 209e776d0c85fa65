//! The actor at the helm: it steers a lattice on command, through contract `wasmcloud:latticecontrol`.
//!
//! Each operation of the contract is one of the actor, under its name: `Helm.GetHosts` does `LatticeController.GetHosts`.
//! Arguments and answers are maps with snake_case keys. In every argument `lattice` is the lattice (`default` without it)
//! and `via` the name of the link to the controller (`default` without it); other texts are empty, counts as the contract
//! has it, and maps without entries, where nothing is said. A key that means nothing is an error.
//!
//! | operation | argument, beside `lattice` and `via` | answer |
//! |---|---|---|
//! | `Helm.AuctionProvider` | `provider_ref`, `link_name`, `constraints` | `bids`, `missing`, `unreadable`, `complete` |
//! | `Helm.AuctionActor` | `actor_ref`, `constraints` | the same |
//! | `Helm.GetHosts` | | `hosts`, `missing`, `unreadable`, `complete` |
//! | `Helm.GetHostInventory` | `host` | `host_id`, `labels`, `actors`, `providers` |
//! | `Helm.GetClaims` | | `claims` |
//! | `Helm.GetLinks` | | `links` |
//! | `Helm.ScaleActor` | `host`, `actor_id`, `actor_ref`, `count` (must be there), `annotations` | `accepted` |
//! | `Helm.StartActor` | `host`, `actor_ref`, `count`, `annotations` | `accepted` |
//! | `Helm.UpdateActor` | `host`, `actor_id`, `new_actor_ref`, `annotations` | `accepted` |
//! | `Helm.StopActor` | `host`, `actor_id`, `count` (must be there), `annotations` | `accepted` |
//! | `Helm.StartProvider` | `host`, `provider_ref`, `link_name`, `annotations`, `configuration` | `accepted` |
//! | `Helm.StopProvider` | `host`, `provider_id`, `contract_id`, `link_name`, `annotations` | `accepted` |
//! | `Helm.AdvertiseLink` | `link`: `actor_id`, `provider_id`, `link_name`, `contract_id`, `values` | `accepted` |
//! | `Helm.RemoveLink` | `actor_id`, `contract_id`, `link_name` | `accepted` |
//! | `Helm.StopHost` | `host`, `timeout` | `accepted` |
//! | `Helm.SetLatticeCredentials` | `nats_url`, `jwt`, `seed`, `js_domain` | `accepted` |
//! | `Helm.SetRegistryCredentials` | `credentials`: by registry `username`, `password`, `token`, `registry_type` | `accepted` |
//!
//! `accepted` is true: a command that is refused is an error, as any other failure, with the text `[code] what happened`.
#![warn(missing_docs, unsafe_op_in_unsafe_fn)]

mod answer;
mod argument;
mod commands;
mod credentials;
mod questions;

lattice_guest::actor! {
    "Helm.AuctionProvider" => questions::auction_provider,
    "Helm.AuctionActor" => questions::auction_actor,
    "Helm.GetHosts" => questions::get_hosts,
    "Helm.GetHostInventory" => questions::get_host_inventory,
    "Helm.GetClaims" => questions::get_claims,
    "Helm.GetLinks" => questions::get_links,
    "Helm.ScaleActor" => commands::scale_actor,
    "Helm.StartActor" => commands::start_actor,
    "Helm.UpdateActor" => commands::update_actor,
    "Helm.StopActor" => commands::stop_actor,
    "Helm.StartProvider" => commands::start_provider,
    "Helm.StopProvider" => commands::stop_provider,
    "Helm.AdvertiseLink" => commands::advertise_link,
    "Helm.RemoveLink" => commands::remove_link,
    "Helm.StopHost" => commands::stop_host,
    "Helm.SetLatticeCredentials" => credentials::set_lattice_credentials,
    "Helm.SetRegistryCredentials" => credentials::set_registry_credentials,
}

#[cfg(test)]
mod tests;

//! What a lattice can be told: about actors, providers, links and hosts.

use lattice_guest::lattice_control::{
    AdvertiseLink, NewLink, RemoveLink, ScaleActor, StartActor, StartProvider, StopActor, StopHost, StopProvider,
    UpdateActor,
};

use crate::answer::accepted;
use crate::argument::Argument;

pub(crate) fn scale_actor(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["host", "actor_id", "actor_ref", "count", "annotations"]);
    let command = ScaleActor {
        actor_id: argument.text("actor_id"),
        actor_ref: argument.text("actor_ref"),
        annotations: &argument.pairs("annotations"),
        count: argument.count(),
        host_id: argument.text("host"),
        lattice_id: argument.lattice(),
    };
    argument.control()?.scale_actor(&command)?;
    Ok(accepted())
}

pub(crate) fn start_actor(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["host", "actor_ref", "count", "annotations"]);
    let command = StartActor {
        actor_ref: argument.text("actor_ref"),
        annotations: &argument.pairs("annotations"),
        count: argument.count_if_any(),
        host_id: argument.text("host"),
        lattice_id: argument.lattice(),
    };
    argument.control()?.start_actor(&command)?;
    Ok(accepted())
}

pub(crate) fn update_actor(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["host", "actor_id", "new_actor_ref", "annotations"]);
    let command = UpdateActor {
        actor_id: argument.text("actor_id"),
        annotations: &argument.pairs("annotations"),
        host_id: argument.text("host"),
        lattice_id: argument.lattice(),
        new_actor_ref: argument.text("new_actor_ref"),
    };
    argument.control()?.update_actor(&command)?;
    Ok(accepted())
}

pub(crate) fn stop_actor(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["host", "actor_id", "count", "annotations"]);
    let command = StopActor {
        actor_id: argument.text("actor_id"),
        annotations: &argument.pairs("annotations"),
        count: argument.count(),
        host_id: argument.text("host"),
        lattice_id: argument.lattice(),
    };
    argument.control()?.stop_actor(&command)?;
    Ok(accepted())
}

pub(crate) fn start_provider(payload: &[u8]) -> Result<Vec<u8>, String> {
    let known = ["host", "provider_ref", "link_name", "annotations", "configuration"];
    let argument = Argument::read(payload, &known);
    let command = StartProvider {
        annotations: &argument.pairs("annotations"),
        configuration: argument.text_if_any("configuration"),
        host_id: argument.text("host"),
        lattice_id: argument.lattice(),
        link_name: argument.link_name(),
        provider_ref: argument.text("provider_ref"),
    };
    argument.control()?.start_provider(&command)?;
    Ok(accepted())
}

pub(crate) fn stop_provider(payload: &[u8]) -> Result<Vec<u8>, String> {
    let known = ["host", "provider_id", "contract_id", "link_name", "annotations"];
    let argument = Argument::read(payload, &known);
    let command = StopProvider {
        annotations: &argument.pairs("annotations"),
        contract_id: argument.text("contract_id"),
        host_id: argument.text("host"),
        lattice_id: argument.lattice(),
        link_name: argument.link_name(),
        provider_id: argument.text("provider_id"),
    };
    argument.control()?.stop_provider(&command)?;
    Ok(accepted())
}

pub(crate) fn advertise_link(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["link"]);
    let link = argument.inner("link", &["actor_id", "provider_id", "link_name", "contract_id", "values"]);
    let command = AdvertiseLink {
        lattice_id: argument.lattice(),
        link: NewLink {
            actor_id: link.text("actor_id"),
            provider_id: link.text("provider_id"),
            link_name: link.link_name(),
            contract_id: link.text("contract_id"),
            values: &link.pairs("values"),
        },
    };
    argument.control()?.advertise_link(&command)?;
    Ok(accepted())
}

pub(crate) fn remove_link(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["actor_id", "contract_id", "link_name"]);
    let command = RemoveLink {
        actor_id: argument.text("actor_id"),
        contract_id: argument.text("contract_id"),
        lattice_id: argument.lattice(),
        link_name: argument.link_name(),
    };
    argument.control()?.remove_link(&command)?;
    Ok(accepted())
}

pub(crate) fn stop_host(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = Argument::read(payload, &["host", "timeout"]);
    let command = StopHost {
        host_id: argument.text("host"),
        lattice_id: argument.lattice(),
        timeout: argument.number_if_any("timeout"),
    };
    argument.control()?.stop_host(&command)?;
    Ok(accepted())
}

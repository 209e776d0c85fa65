//! Commands to one host. They are answered when the host has taken them on.

use lattice_client::UpdateOptions;
use lattice_protocol::{
    HostKey, LatticeName, ScaleActor, StartActor, StartProvider, StopActor, StopHost, StopProvider, UpdateActor,
    contract::lattice_control::{CtlOperationAck, ErrorCode},
};

use super::{lattice, named};
use crate::{
    defaults::CONFIGURATION,
    desk::Caller,
    error::Refusal,
    steering::{Steering, ack},
};

type Answer = Result<CtlOperationAck, Refusal>;

pub(super) async fn start_actor(caller: &Caller<'_>, command: StartActor) -> Answer {
    let (steering, host) = aim(caller, &command.lattice_id, &command.host_id, Some(&command.actor_ref)).await?;
    answer(steering.client.start_actor(&host, command).await)
}

pub(super) async fn scale_actor(caller: &Caller<'_>, command: ScaleActor) -> Answer {
    // To none no image is needed.
    let image = Some(command.actor_ref.as_str()).filter(|image| !command.count.is_zero() || !image.is_empty());
    let (steering, host) = aim(caller, &command.lattice_id, &command.host_id, image).await?;
    answer(steering.client.scale_actor(&host, command).await)
}

pub(super) async fn stop_actor(caller: &Caller<'_>, command: StopActor) -> Answer {
    let (steering, host) = aim(caller, &command.lattice_id, &command.host_id, None).await?;
    answer(steering.client.stop_actor(&host, command).await)
}

pub(super) async fn update_actor(caller: &Caller<'_>, command: UpdateActor) -> Answer {
    let (steering, host) = aim(caller, &command.lattice_id, &command.host_id, Some(&command.new_actor_ref)).await?;
    answer(steering.client.update_actor(&host, command, UpdateOptions::default()).await)
}

pub(super) async fn start_provider(caller: &Caller<'_>, command: StartProvider) -> Answer {
    require_configuration(command.configuration.as_deref())?;
    let (steering, host) = aim(caller, &command.lattice_id, &command.host_id, Some(&command.provider_ref)).await?;
    answer(steering.client.start_provider(&host, command).await)
}

pub(super) async fn stop_provider(caller: &Caller<'_>, command: StopProvider) -> Answer {
    let (steering, host) = aim(caller, &command.lattice_id, &command.host_id, None).await?;
    answer(steering.client.stop_provider(&host, command).await)
}

pub(super) async fn stop_host(caller: &Caller<'_>, command: StopHost) -> Answer {
    let (steering, host) = aim(caller, &command.lattice_id, &command.host_id, None).await?;
    answer(steering.client.stop_host(&host, command).await)
}

/// The way to the lattice that a command names, and the host there: both granted, and so is the image that is to be started.
async fn aim(
    caller: &Caller<'_>,
    named_lattice: &Option<LatticeName>,
    host: &Option<HostKey>,
    image: Option<&str>,
) -> Result<(Steering, HostKey), Refusal> {
    let host = named(host.clone(), "hostId")?;
    let steering = caller.to(&lattice(named_lattice)?).await?;
    image.map_or(Ok(()), |image| steering.grants.require_image(image))?;
    steering.require_host(&host).await?;
    Ok((steering, host))
}

fn answer(outcome: Result<lattice_client::Operation, lattice_client::RequestError>) -> Answer {
    ack(outcome, ErrorCode::NoSuchHost)
}

fn require_configuration(configuration: Option<&str>) -> Result<(), Refusal> {
    match configuration.map_or(0, |text| text.chars().count()) {
        count if count > CONFIGURATION => {
            let text = format!("the configuration has {count} characters, at most {CONFIGURATION} are taken");
            Err(Refusal::new(ErrorCode::TooLarge, text))
        }
        _ => Ok(()),
    }
}

//! What actors ask for: each function is one operation of the contract, and its argument and answer are the contract's.

mod auctions;
mod commands;
mod links;
mod queries;
mod registries;

use bytes::Bytes;
use lattice_protocol::{Format, LatticeName, contract::lattice_control::Operation, encode};
use serde::Serialize;

use crate::{
    argument::{read, read_bare},
    desk::Caller,
    error::Refusal,
};

/// Carries out an operation that goes to a lattice.
pub(crate) async fn carry_out(caller: &Caller<'_>, operation: Operation, payload: &[u8]) -> Result<Bytes, Refusal> {
    match operation {
        Operation::GetHosts => answer(&queries::hosts(&caller.to(&read_bare(payload)?).await?).await?),
        Operation::GetClaims => answer(&queries::claims(&caller.to(&read_bare(payload)?).await?).await?),
        Operation::GetLinks => answer(&links::links(&caller.to(&read_bare(payload)?).await?).await?),
        Operation::GetHostInventory => answer(&queries::inventory(caller, read(payload)?).await?),
        Operation::AuctionActor => answer(&auctions::actor(caller, read(payload)?).await?),
        Operation::AuctionProvider => answer(&auctions::provider(caller, read(payload)?).await?),
        Operation::StartActor => answer(&commands::start_actor(caller, read(payload)?).await?),
        Operation::ScaleActor => answer(&commands::scale_actor(caller, read(payload)?).await?),
        Operation::StopActor => answer(&commands::stop_actor(caller, read(payload)?).await?),
        Operation::UpdateActor => answer(&commands::update_actor(caller, read(payload)?).await?),
        Operation::StartProvider => answer(&commands::start_provider(caller, read(payload)?).await?),
        Operation::StopProvider => answer(&commands::stop_provider(caller, read(payload)?).await?),
        Operation::StopHost => answer(&commands::stop_host(caller, read(payload)?).await?),
        Operation::AdvertiseLink => answer(&links::advertise(caller, read(payload)?).await?),
        Operation::RemoveLink => answer(&links::remove(caller, read(payload)?).await?),
        Operation::SetLatticeCredentials => answer(&caller.set_credentials(read(payload)?).await?),
        Operation::SetRegistryCredentials => {
            registries::set(caller, read(payload)?).await?;
            Ok(Bytes::new())
        }
    }
}

fn answer<T: Serialize>(value: &T) -> Result<Bytes, Refusal> {
    Ok(encode(value, Format::MESSAGE_PACK).into())
}

/// What the contract always has and the control interface may leave out.
fn named<T>(value: Option<T>, key: &str) -> Result<T, Refusal> {
    value.ok_or_else(|| Refusal::invalid(format!("the argument has no `{key}`")))
}

fn lattice(named_lattice: &Option<LatticeName>) -> Result<LatticeName, Refusal> {
    named(named_lattice.clone(), "latticeId")
}

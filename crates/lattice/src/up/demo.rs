//! The demo actor: part of the program, signed with the user's development key, started once.

use std::time::Duration;

use anyhow::Context;
use lattice_artifact::Reference;
use lattice_protocol::{ActorKey, Annotations, HostKey, StartActor};

use crate::{
    connect::Lattice,
    module::{Signing, sign_into},
    settings::DataDir,
};

/// The name under which the demo actor is called.
pub(super) const NAME: &str = "hello";
/// Its module, unsigned.
const MODULE: &[u8] = include_bytes!("../../../../guests/built/hello.wasm");
/// What it may use and be called under.
const CONTRACTS: [&str; 2] = ["wasmcloud:httpserver", "wasmcloud:builtin:logging"];
/// How long it may take to start: compiling it takes part of a second, on a busy machine more.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes sure that the demo actor runs on the host.
///
/// # Errors
/// It cannot be signed or does not start.
pub(super) async fn ensure(lattice: &Lattice, host: &HostKey, data_dir: &DataDir) -> anyhow::Result<()> {
    let path = data_dir.demo().join(format!("{NAME}.wasm"));
    let signing = Signing { name: NAME, call_alias: Some(NAME), capabilities: &CONTRACTS };
    let key = sign_into(MODULE, &signing, data_dir, &path)?;
    if runs(lattice, host, &key).await? {
        return Ok(());
    }
    let command = StartActor {
        actor_ref: Reference::from_path(&path)?.to_string(),
        annotations: Annotations::new(),
        count: 1.into(),
        host_id: None,
        lattice_id: None,
    };
    let failed = "the demo actor does not start";
    lattice.client.start_actor(host, command).await.context(failed)?.wait(PATIENCE).await.context(failed)?;
    Ok(())
}

async fn runs(lattice: &Lattice, host: &HostKey, actor: &ActorKey) -> anyhow::Result<bool> {
    let inventory = lattice.client.inventory(host).await?;
    Ok(inventory.actors.iter().any(|running| running.id == *actor))
}

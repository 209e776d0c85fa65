//! The demo: actors that are part of the program, signed with the user's development key, and what they need.

mod web;

use std::{path::PathBuf, time::Duration};

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

/// An actor of the demo.
struct DemoActor {
    /// The name under which it is called.
    name: &'static str,
    /// Its module, unsigned.
    module: &'static [u8],
    /// What it may use.
    contracts: &'static [&'static str],
}

const HELLO: DemoActor = DemoActor {
    name: NAME,
    module: include_bytes!("../../../../guests/built/hello.wasm"),
    contracts: &["wasmcloud:httpserver", "wasmcloud:messaging", "wasmcloud:builtin:logging"],
};
/// How long a part of it may take to start: compiling takes part of a second, on a busy machine more.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes sure that the demo runs on the host: an actor to be called, and a web page with what it takes.
///
/// # Errors
/// An actor cannot be signed, or something does not start.
pub(super) async fn ensure(lattice: &Lattice, host: &HostKey, data_dir: &DataDir) -> anyhow::Result<()> {
    HELLO.ensure(lattice, host, data_dir).await?;
    web::ensure(lattice, host, data_dir).await
}

impl DemoActor {
    /// Makes sure that it runs on the host.
    async fn ensure(&self, lattice: &Lattice, host: &HostKey, data_dir: &DataDir) -> anyhow::Result<()> {
        let (key, path) = self.sign(data_dir)?;
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
        let failed = || format!("the demo actor {} does not start", self.name);
        lattice
            .client
            .start_actor(host, command)
            .await
            .with_context(failed)?
            .wait(PATIENCE)
            .await
            .with_context(failed)?;
        Ok(())
    }

    /// Its key, and the file of the signed module.
    fn sign(&self, data_dir: &DataDir) -> anyhow::Result<(ActorKey, PathBuf)> {
        let path = data_dir.demo().join(format!("{}.wasm", self.name));
        let signing = Signing { name: self.name, call_alias: Some(self.name), capabilities: self.contracts };
        Ok((sign_into(self.module, &signing, data_dir, &path)?, path))
    }
}

async fn runs(lattice: &Lattice, host: &HostKey, actor: &ActorKey) -> anyhow::Result<bool> {
    let inventory = lattice.client.inventory(host).await?;
    Ok(inventory.actors.iter().any(|running| running.id == *actor))
}

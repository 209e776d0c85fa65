//! The demos: actors that are part of the program, signed with the user's development key, and what they need.

mod keeper;
mod link;
mod provider;
mod web;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use lattice_artifact::Reference;
use lattice_client::Client;
use lattice_protocol::{ActorKey, Annotations, HostKey, StartActor};

use super::run::Request;
use crate::{
    cli::Demo,
    connect::Lattice,
    module::{Signing, sign_into},
    printer::Printer,
    settings::DataDir,
};

/// The name under which the actor is called that every demo has.
pub(super) const NAME: &str = "hello";

/// An actor of a demo.
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

/// Where a demo runs.
pub(super) struct Stage<'a> {
    lattice: &'a Lattice,
    host: &'a HostKey,
    data_dir: &'a DataDir,
    printer: Printer,
}

impl<'a> Stage<'a> {
    /// The own host of the `up` that was asked for.
    pub(super) fn of(request: &'a Request<'_>, lattice: &'a Lattice, host: &'a HostKey) -> Self {
        Self { lattice, host, data_dir: &request.data_dir, printer: request.printer }
    }

    fn client(&self) -> &Client {
        &self.lattice.client
    }
}

/// The hosts that a demo needs beside the own one.
pub(super) fn hosts(demo: Option<Demo>) -> &'static [&'static str] {
    match demo {
        Some(Demo::Keeper) => &keeper::HOSTS,
        Some(Demo::Web) | None => &[],
    }
}

/// Makes sure that a demo runs.
///
/// # Errors
/// An actor cannot be signed, or something does not start.
pub(super) async fn ensure(demo: Demo, stage: &Stage<'_>) -> anyhow::Result<()> {
    match demo {
        Demo::Web => {
            HELLO.ensure(stage).await?;
            web::ensure(stage).await
        }
        Demo::Keeper => keeper::ensure(stage).await,
    }
}

impl DemoActor {
    /// Makes sure that it runs on the host.
    async fn ensure(&self, stage: &Stage<'_>) -> anyhow::Result<()> {
        let (key, path) = self.sign(stage.data_dir)?;
        if runs(stage, &key).await? {
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
        let started = stage.client().start_actor(stage.host, command).await.with_context(failed)?;
        started.wait(PATIENCE).await.with_context(failed)?;
        Ok(())
    }

    /// Its key, and the file of the signed module.
    fn sign(&self, data_dir: &DataDir) -> anyhow::Result<(ActorKey, PathBuf)> {
        let path = data_dir.demo().join(format!("{}.wasm", self.name));
        let signing = Signing { name: self.name, call_alias: Some(self.name), capabilities: self.contracts };
        Ok((sign_into(self.module, &signing, data_dir, &path)?, path))
    }
}

async fn runs(stage: &Stage<'_>, actor: &ActorKey) -> anyhow::Result<bool> {
    let inventory = stage.client().inventory(stage.host).await?;
    Ok(inventory.actors.iter().any(|running| running.id == *actor))
}

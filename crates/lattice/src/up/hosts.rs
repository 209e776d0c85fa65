//! The hosts that an `up` runs beside its own: processes of `lattice host`, each in a data directory of its own, none of which
//! outlives the `up`.

use std::{ffi::OsString, path::PathBuf, process::ExitStatus, time::Duration};

use anyhow::Context;
use futures::future::{join_all, select_all, try_join_all};
use lattice_client::Client;
use lattice_guard::{GuardLost, Guarded, GuardedCommand, Output};
use lattice_protocol::{HostKey, error_chain};
use tokio::time;

use super::{broker::UpBroker, child, run::Request, state::UpHost};
use crate::{
    cli::{Compat, Images},
    connect::Lattice,
    environment,
    fault::{Code, Fault},
    keys::Keys,
    settings::{Credentials, DataDir, ImageSettings, Target},
};

/// How long a host may take until it answers. It takes a part of a second; the rest is for a machine under load.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The pause between two looks whether it answers.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// How long one may take to stop in order: calls of a demo end in milliseconds, and the own host has stopped before.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// What they have in common with the own host.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) images: &'a ImageSettings,
    pub(super) target: &'a Target,
    pub(super) broker: &'a UpBroker,
}

/// Those that run. Dropping this kills them.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    running: Vec<Process>,
}

/// One that has ended.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) host: UpHost,
    /// How, in words.
    pub(super) how: String,
}

impl Hosts {
    /// Starts hosts of these names and returns when all of them answer.
    ///
    /// # Errors
    /// One cannot be started, ends or does not answer. None is left running.
    pub(super) async fn start(names: &[&str], site: Site<'_>) -> anyhow::Result<Self> {
        let mut hosts = Self::default();
        match hosts.add(names, site).await {
            Ok(()) => Ok(hosts),
            Err(error) => {
                hosts.stop().await;
                Err(error)
            }
        }
    }

    async fn add(&mut self, names: &[&str], site: Site<'_>) -> anyhow::Result<()> {
        for name in names {
            let process = Process::spawn(name, site).await;
            self.running.push(process.with_context(|| format!("the host {name} cannot be started"))?);
        }
        if self.running.is_empty() {
            return Ok(());
        }
        let target = Target { broker: site.broker.place.clone(), ..site.target.clone() };
        let lattice = Lattice::reach(target).await?;
        try_join_all(self.running.iter_mut().map(|process| process.until_ready(&lattice.client))).await?;
        Ok(())
    }

    /// Those that run.
    pub(super) fn list(&self) -> impl Iterator<Item = UpHost> {
        self.running.iter().map(|process| process.host.clone())
    }

    /// Waits until one has ended, for ever if none runs. Cancel-safe.
    pub(super) async fn next_gone(&mut self) -> Gone {
        if self.running.is_empty() {
            return std::future::pending().await;
        }
        let ends = self.running.iter_mut().map(|process| Box::pin(process.guarded.wait()));
        let (ended, place, _) = select_all(ends).await;
        Gone { host: self.running.remove(place).host, how: how(ended) }
    }

    /// Ends them in order, all at once.
    pub(super) async fn stop(self) {
        join_all(self.running.into_iter().map(Process::stop)).await;
    }
}

fn how(ended: Result<ExitStatus, GuardLost>) -> String {
    ended.map_or_else(|lost| error_chain(&lost), |status| status.to_string())
}

#[derive(Debug)]
struct Process {
    host: UpHost,
    guarded: Guarded,
    log: PathBuf,
}

impl Process {
    async fn spawn(name: &str, site: Site<'_>) -> anyhow::Result<Self> {
        let data_dir = site.request.data_dir.of_demo_host(name);
        data_dir.create()?;
        // Made here, where it is to be known whom to ask whether it is ready.
        let host_id = Keys::of(&data_dir).host()?.public();
        let log = data_dir.host_log();
        let guarded = Guarded::spawn(site.command(name, &data_dir)?).await?;
        let host = UpHost { name: name.to_owned(), host_id, pid: guarded.pid() };
        Ok(Self { host, guarded, log })
    }

    async fn until_ready(&mut self, client: &Client) -> anyhow::Result<()> {
        let name = format!("the host {}", self.host.name);
        // Cancel-safe: one only looks, the other only waits.
        tokio::select! {
            answered = time::timeout(START_LIMIT, until_it_answers(client, &self.host.host_id)) => {
                let late = || {
                    let limit = humantime::format_duration(START_LIMIT);
                    Fault::new(Code::TimedOut, format!("{name} does not answer within {limit}"))
                        .hint(format!("its log is {}", self.log.display()))
                };
                Ok(answered.map_err(|_| late())?)
            }
            ended = self.guarded.wait() => Err(child::has_ended(&name, ended?, &self.log).into()),
        }
    }

    async fn stop(mut self) {
        let status = self.guarded.stop(STOP_GRACE).await;
        tracing::debug!(name = self.host.name, how = how(status), "a host has stopped");
    }
}

async fn until_it_answers(client: &Client, host: &HostKey) {
    while client.inventory(host).await.is_err() {
        time::sleep(LOOK_PAUSE).await;
    }
}

impl Site<'_> {
    /// The program. What is secret stands in its environment, for everybody on the machine sees command lines.
    fn command(&self, name: &str, data_dir: &DataDir) -> anyhow::Result<GuardedCommand> {
        let log = child::new_log(&data_dir.host_log())?;
        let command = GuardedCommand::new(std::env::current_exe()?)
            .args(self.arguments(name, data_dir)?)
            .lock(data_dir.path().join("lock"))
            .stdout(Output::File(log.try_clone()?))
            .stderr(Output::File(log));
        let environment = self.environment()?.into_iter();
        let inherited = self.request.settings.inherited().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let command = command.env_clear();
        Ok(inherited.chain(environment).fold(command, |command, (name, value)| command.env(name, value)))
    }

    fn environment(&self) -> Result<Vec<(OsString, OsString)>, Fault> {
        let (broker, keys) = (&self.broker.place, Keys::of(&self.request.data_dir));
        // Whoever needs it first makes it.
        keys.cluster()?;
        let mut variables: Vec<(&str, OsString)> = vec![
            (environment::NATS_URL, (&broker.url).into()),
            (environment::CLUSTER_SEED, keys.cluster_path().into()),
        ];
        if let Credentials::File(path) = &broker.credentials {
            variables.push((environment::CREDS, path.into()));
        }
        Ok(variables.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    fn arguments(&self, name: &str, data_dir: &DataDir) -> anyhow::Result<Vec<OsString>> {
        let mode = match self.request.flags.compat {
            Some(Compat::Wasmcloud) => "mixed",
            None => "own",
        };
        let named: [(&str, OsString); 5] = [
            ("--friendly-name", name.into()),
            ("--data-dir", data_dir.path().into()),
            ("--lattice", self.target.lattice.as_str().into()),
            ("--control-prefix", self.target.prefix.as_str().into()),
            ("--mode", mode.into()),
        ];
        let named = named.into_iter().flat_map(|(flag, value)| [flag.into(), value]);
        let arguments = ["host", "--allow-file", "--allow-unsigned"].map(OsString::from).into_iter().chain(named);
        Ok(arguments.chain(self.images()?.arguments()).collect())
    }

    /// The flags for images as they were typed, with whom the own host trusts.
    fn images(&self) -> Result<Images, Fault> {
        let account = Keys::of(&self.request.data_dir).account()?.public();
        let trust = self.images.trust.clone().with_own(account);
        Ok(Images {
            trusted_issuers: trust.issuers().map(ToString::to_string).collect(),
            unknown_issuers: Some(trust.unknown().to_string()),
            ..self.request.flags.images.clone()
        })
    }
}

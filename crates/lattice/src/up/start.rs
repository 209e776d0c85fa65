//! Starting all that an `up` runs: broker, hosts, what ran before, the demo.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use lattice_host::{Host, HostConfig, HostDirs, HostIdentity, Mode};
use lattice_protocol::Labels;
use tokio::time;

use super::{
    RunningUp,
    broker::UpBroker,
    demo,
    hosts::{Hosts, Site},
    run::{Request, Running},
    state::UpHost,
};
use crate::{
    builtins,
    cli::Compat,
    connect::Lattice,
    follow::{Filter, Follower},
    keys::Keys,
    settings::{Credentials, Target},
};

/// How long what ran before may take to come up again before the rest is shown.
const RESTORE_PATIENCE: Duration = Duration::from_secs(60);

/// Starts everything. If one fails, what was started is stopped in order.
pub(super) async fn start(request: &Request<'_>) -> anyhow::Result<Running> {
    let target = request.settings.target()?;
    let images = request.settings.images(&request.flags.images)?;
    let broker = UpBroker::start(&request.data_dir, &target, request.flags.port, request.printer).await?;
    request.printer.progress("starting the host ...");
    let site = Site { request, images: &images, target: &target, broker: &broker };
    let (host, hosts) = match start_hosts(site).await {
        Ok(started) => started,
        Err(error) => {
            broker.stop().await;
            return Err(error);
        }
    };
    match finish(site, &host, &hosts).await {
        Ok((lattice, follower, up)) => Ok(Running { broker, host, hosts, lattice, follower, up }),
        Err(error) => {
            host.stop(None).await;
            hosts.stop().await;
            broker.stop().await;
            Err(error)
        }
    }
}

/// The own host comes last, so that what is restored on it finds the others there.
async fn start_hosts(site: Site<'_>) -> anyhow::Result<(Host, Hosts)> {
    let hosts = Hosts::start(demo::hosts(site.request.flags.demo), site).await?;
    match start_host(site).await {
        Ok(host) => Ok((host, hosts)),
        Err(error) => {
            hosts.stop().await;
            Err(error)
        }
    }
}

async fn start_host(site: Site<'_>) -> anyhow::Result<Host> {
    let Site { request, target, broker, .. } = site;
    let images = site.images.clone();
    let keys = Keys::of(&request.data_dir);
    let (host_seed, cluster_seed) = (keys.host()?, keys.cluster()?);
    let dirs = HostDirs { state: request.data_dir.host(&host_seed.public()), cache: request.data_dir.cache() };
    let identity = HostIdentity { lattice: target.lattice.clone(), host_seed, cluster_seed };
    let mut config = HostConfig::new(identity, broker.nats.clone(), dirs);
    config.prefix = target.prefix.clone();
    config.mode = match request.flags.compat {
        Some(Compat::Wasmcloud) => Mode::Mixed,
        None => Mode::Own,
    };
    config.friendly_name = request.flags.friendly_name.clone();
    config.labels = Labels::from_iter(request.flags.labels.clone());
    config.max_instances = request.flags.max_instances;
    config.allow_file = true;
    config.allow_unsigned = true;
    config.pull = images.pull;
    // What `start` signs for people, it signs with this account.
    config.trust = images.trust.with_own(keys.account()?.public());
    config.artifacts = images.store;
    config.providers = builtins::provider_settings();
    Host::start(config).await.context("the host cannot start")
}

/// What comes after the host: what ran before, the demo, and telling everybody.
async fn finish(site: Site<'_>, host: &Host, hosts: &Hosts) -> anyhow::Result<(Lattice, Follower, RunningUp)> {
    let Site { request, target, broker, .. } = site;
    let up = RunningUp { hosts: list(host, hosts), ..describe(target, broker, host) };
    let lattice = Lattice::reach(Target::of_up(&up, Some(target.timeout))).await?;
    let filter = Filter { types: Vec::new(), no_heartbeats: request.settings.verbosity() == 0 };
    let follower = Follower::new(&lattice, filter, request.printer).await?;
    request.printer.progress("starting what ran before ...");
    if time::timeout(RESTORE_PATIENCE, host.restored()).await.is_err() {
        request.printer.warn("what ran before is still starting");
    }
    if let Some(demo) = request.flags.demo {
        request.printer.progress("starting the demo ...");
        demo::ensure(demo, &demo::Stage::of(request, &lattice, host.key())).await?;
    }
    request.printer.end_progress();
    Ok((lattice, follower, up))
}

fn describe(target: &Target, broker: &UpBroker, host: &Host) -> RunningUp {
    let creds = match &broker.place.credentials {
        Credentials::File(path) => Some(path.clone()),
        _ => None,
    };
    RunningUp {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        lattice: target.lattice.clone(),
        control_prefix: target.prefix.clone(),
        nats_url: broker.place.url.clone(),
        creds,
        nats_version: broker.nats.server_info().version,
        store: broker.store.clone(),
        host_id: host.key().clone(),
        host_name: host.friendly_name().to_owned(),
        hosts: Vec::new(),
        started: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        stopping: false,
    }
}

/// All hosts, if there are several.
fn list(host: &Host, hosts: &Hosts) -> Vec<UpHost> {
    let own = UpHost { name: host.friendly_name().to_owned(), host_id: host.key().clone(), pid: std::process::id() };
    let mut others = hosts.list().peekable();
    let own = others.peek().map(|_| own);
    own.into_iter().chain(others).collect()
}

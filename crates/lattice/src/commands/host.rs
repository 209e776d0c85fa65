//! `lattice host`.

use std::time::Duration;

use anyhow::Context;
use lattice_claims::{ClusterSeed, HostSeed};
use lattice_host::{Host, HostConfig, HostDirs, HostIdentity};

use crate::{
    builtins, cli,
    connect::connect_host,
    keys::Keys,
    settings::{HostSettings, Settings},
    signals::Signals,
    telemetry::{self, Level},
};

/// How long the broker may take to let the host in: a site that starts up does so in any order.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a host until it is told to stop.
pub(crate) async fn run(flags: &cli::Host, settings: &Settings) -> anyhow::Result<()> {
    let host = settings.host(flags)?;
    telemetry::start(settings, Level::Notices, host.log_json);
    for name in &host.ignored {
        tracing::warn!(name, "this variable has no meaning here and is ignored");
    }
    host.data_dir.create()?;
    let timeout = settings.typed_timeout().unwrap_or(CONNECT_TIMEOUT);
    let config = config(host, timeout).await?;
    let mut signals = Signals::new()?;
    // A signal that comes while it starts ends it before it serves; nothing has to be stopped in order then.
    let host = tokio::select! {
        host = Host::start(config) => host.context("the host cannot start")?,
        () = signals.stop() => return Ok(()),
    };
    serve(host, &mut signals).await
}

/// Serves until a signal or the stop command, then stops in order; Ctrl-C cuts that short.
async fn serve(host: Host, signals: &mut Signals) -> anyhow::Result<()> {
    tracing::info!(host = %host.key(), name = host.friendly_name(), "serving");
    // Cancel-safe: both only wait.
    let deadline = tokio::select! {
        deadline = host.stop_requested() => deadline,
        () = signals.stop() => None,
    };
    tracing::info!("stopping");
    // Dropping a host that is being stopped ends it at once.
    tokio::select! {
        _ = host.stop(deadline) => Ok(()),
        () = signals.again() => Err(Signals::cut_short().into()),
    }
}

async fn config(settings: HostSettings, timeout: Duration) -> anyhow::Result<HostConfig> {
    let keys = Keys::of(&settings.data_dir);
    let host_seed: HostSeed = match &settings.host_seed {
        Some(source) => source.seed()?,
        None => keys.host()?,
    };
    let cluster_seed: ClusterSeed = match &settings.cluster_seed {
        Some(source) => source.seed()?,
        None => development_cluster(&keys)?,
    };
    let control = connect_host(&settings.control, timeout).await?;
    let rpc = match &settings.rpc {
        Some(broker) => connect_host(broker, timeout).await?,
        None => control.clone(),
    };
    let dirs = HostDirs { state: settings.data_dir.host(&host_seed.public()), cache: settings.data_dir.cache() };
    let identity = HostIdentity { lattice: settings.lattice.clone(), host_seed, cluster_seed };
    let mut config = HostConfig::new(identity, control, dirs);
    config.rpc = rpc;
    apply(&mut config, settings);
    Ok(config)
}

fn development_cluster(keys: &Keys) -> anyhow::Result<ClusterSeed> {
    let seed = keys.cluster()?;
    tracing::warn!(
        key = %seed.public(),
        file = %keys.cluster_path().display(),
        "no cluster seed is named: other hosts accept calls from here only with this key among their cluster issuers"
    );
    Ok(seed)
}

fn apply(config: &mut HostConfig, settings: HostSettings) {
    config.prefix = settings.prefix;
    config.mode = settings.mode;
    config.cluster_issuers = settings.cluster_issuers;
    config.friendly_name = settings.friendly_name;
    config.labels = settings.labels;
    config.allow_file = settings.allow_file;
    config.allow_unsigned = settings.allow_unsigned;
    config.pull = settings.images.pull;
    config.trust = settings.images.trust;
    config.artifacts = settings.images.store;
    config.max_instances = settings.max_instances;
    set(&mut config.restore, settings.restore);
    set(&mut config.typed_events, settings.typed_events);
    set(&mut config.inbox_prefixes, Some(settings.inbox_prefixes).filter(|prefixes| !prefixes.is_empty()));
    set(&mut config.drain_limit, settings.drain_limit);
    set(&mut config.call_deadline, settings.call_deadline);
    set(&mut config.heartbeat, settings.heartbeat);
    config.providers = builtins::provider_settings();
    config.providers.nats = settings.provider_nats;
    if let Some(mib) = settings.provider_memory {
        config.providers.memory = (mib > 0).then(|| u64::from(mib) << 20);
    }
}

/// What is not set keeps the host's own default.
fn set<T>(option: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *option = value;
    }
}

//! `lattice host` beside a broker of its own.

use lattice_testkit::{NatsServer, eventually};

use super::{DEADLINE, Daemon, Home, Outcome};

/// Starts a host called `prod` and waits until it answers.
pub(crate) async fn host(home: &Home, nats: &NatsServer, data_dir: &str, flags: &[&str]) -> Daemon {
    let mut command = home.command(&["host", "--friendly-name", "prod", "--data-dir", data_dir]);
    command.args(flags).env("LATTICE_NATS_URL", nats.url());
    let daemon = Daemon::start(command);
    eventually("the host answers", DEADLINE, async || {
        let hosts = run(home, nats, &["get", "hosts"]).await;
        (hosts.code == Some(0)).then_some(())
    })
    .await;
    daemon
}

/// Runs a command in the lattice of this broker, for programs.
pub(crate) async fn run(home: &Home, nats: &NatsServer, arguments: &[&str]) -> Outcome {
    let mut arguments = arguments.to_vec();
    arguments.extend(["-o", "json"]);
    home.run_with(("LATTICE_NATS_URL", &nats.url()), &arguments).await
}

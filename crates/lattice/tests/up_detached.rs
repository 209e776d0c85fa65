//! `up --detach`, `status`, `down`.

mod support;

use std::net::TcpListener;

use rustix::process::{Pid, Signal, kill_process};
use support::{Home, Outcome, is_alive};

#[tokio::test]
async fn a_lattice_in_the_background() {
    let home = Home::new().await;
    // Commands take lattice and prefix from the `up` that runs, without being told.
    let start = [
        "up",
        "--detach",
        "--label",
        "zone=lab",
        "--friendly-name",
        "mine",
        "-x",
        "lab",
        "--control-prefix",
        "acme.ctl",
    ];
    let ready = home.run(&[&start[..], &["-o", "json"]].concat()).await.json();
    let pid = u32::try_from(ready["ready"]["pid"].as_u64().expect("it is told")).expect("it is one");
    let _guard = Background(pid);
    assert_eq!(ready["ready"]["attached"], false);
    assert!(is_alive(pid));
    let hosts = home.run(&["get", "hosts", "-o", "json"]).await.json();
    assert_eq!(hosts["hosts"][0]["friendly_name"], "mine");
    assert_eq!(hosts["hosts"][0]["labels"]["zone"], "lab");
    let again = home.run(&["up", "--detach", "--port", "1", "-o", "json"]).await;
    assert!(again.stderr.contains("--port has no effect"), "{again:?}");
    let again = again.json();
    assert_eq!((&again["ready"]["pid"], &again["ready"]["attached"]), (&pid.into(), &true.into()));
    let status = home.run(&["status"]).await;
    assert!(status.done().contains(&format!("process {pid}")), "{status:?}");
    home.run(&["down"]).await.done();
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_failure_in_the_background_is_told() {
    let home = Home::new().await;
    let mut command = home.command(&["up", "--detach", "-o", "json"]);
    command.env("LATTICE_NATS_SERVER", "/bin/false");
    let failed = Outcome::of(command).await.failed_json(64, "configuration");
    assert!(failed.to_string().contains("/bin/false"), "{failed}");
    home.run(&["status", "-o", "json"]).await.failed_json(3, "not_running");
}

/// History: the slower one's process in the background followed the quicker one's for ever, and its caller waited for it.
#[tokio::test]
async fn two_that_start_at_once_are_one() {
    let home = Home::new().await;
    let start = ["up", "--detach", "-o", "json"];
    let (first, second) = tokio::join!(home.run(&start), home.run(&start));
    let pid_of = |outcome: &Outcome| {
        let pid = outcome.json()["ready"]["pid"].as_u64().expect("it is told");
        u32::try_from(pid).expect("it is one")
    };
    let pid = pid_of(&first);
    let _guard = Background(pid);
    assert_eq!(pid, pid_of(&second));
    home.run(&["down"]).await.done();
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_port_that_was_asked_for_is_not_replaced() {
    let home = Home::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    home.run(&["up", "--port", &port, "-o", "json"]).await.failed_json(64, "configuration");
    home.run(&["up", "--port", &port, "--detach", "-o", "json"]).await.failed_json(64, "configuration");
    home.run(&["status", "-o", "json"]).await.failed_json(3, "not_running");
}

/// Ends the process in the background should the test fail.
struct Background(u32);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.0.cast_signed()).filter(|_| is_alive(self.0)) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

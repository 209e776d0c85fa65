//! Keys in Redis: what is asked of any server, and what a real one makes of it.
//!
//! The real one is that of `LATTICE_REDIS_URL`, where keys of this process stay behind, or a `redis-server`
//! on this machine, started for one test. Without either these tests pass without a check, and say so.

use std::{
    env,
    io::{self, Write as _},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use crate::{contract, lattice::Lattice, resp};

#[tokio::test]
async fn commands_are_those_of_the_published_provider() {
    let (url, asked) = resp::start(|command| match command {
        "SET" | "SETEX" => "+OK\r\n",
        "GET" => "$1\r\nv\r\n",
        "LRANGE" | "SMEMBERS" | "SUNION" | "SINTER" => "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
        _ => ":1\r\n",
    })
    .await;
    let lattice = Lattice::start().await;
    let actor = lattice.actor(&[("URL", &url), ("prefix", "p:")]).await;
    assert_eq!(actor.get("k").await, Ok(Some("v".to_owned())));
    actor.set("k", "v", 0).await.expect("set");
    actor.set("k", "v", 9).await.expect("set");
    assert_eq!(actor.whether("Contains", "k").await, Ok(true));
    for operation in ["Del", "ListClear", "SetClear"] {
        assert_eq!(actor.whether(operation, "k").await, Ok(true));
    }
    assert_eq!(actor.increment("n", -2).await, Ok(1));
    assert_eq!(actor.push("l", "v").await, Ok(1));
    assert_eq!(actor.remove_item("l", "v").await, Ok(true));
    assert_eq!(actor.range("l", 0, -1).await.expect("a list"), ["a", "b"]);
    assert_eq!(actor.add("s", "v").await, Ok(1));
    assert_eq!(actor.remove_member("s", "v").await, Ok(1));
    assert_eq!(actor.members("s").await.expect("a set"), ["a", "b"]);
    assert_eq!(actor.combined("SetUnion", &["s", "t"]).await.expect("sets"), ["a", "b"]);
    assert_eq!(actor.combined("SetIntersection", &["s", "t"]).await.expect("sets"), ["a", "b"]);
    let expect = [
        "GET p:k",
        "SET p:k v",
        "SETEX p:k 9 v",
        "EXISTS p:k",
        "DEL p:k",
        "DEL p:k",
        "DEL p:k",
        "INCRBY p:n -2",
        "RPUSH p:l v",
        "LREM p:l 1 v",
        "LRANGE p:l 0 -1",
        "SADD p:s v",
        "SREM p:s v",
        "SMEMBERS p:s",
        "SUNION p:s p:t",
        "SINTER p:s p:t",
    ];
    assert_eq!(*asked.lock().expect("not poisoned"), expect);
}

#[tokio::test]
async fn what_goes_wrong_is_told_without_values() {
    let (url, _) = resp::start(|command| match command {
        "GET" => "*1\r\n$7\r\nhunter2\r\n",
        "SET" => "-ERR unknown command 'SET', with args beginning with: 'k' 'hunter2'\r\n",
        "INCRBY" => ":2147483648\r\n",
        _ => "-NOPERM not for you\r\n",
    })
    .await;
    let lattice = Lattice::start().await;
    let actor = lattice.actor(&[("url", &url)]).await;
    let check = |error: String, expect: &str| assert_eq!(error, expect);
    check(actor.get("k").await.expect_err("an array"), "Get of `k` failed: what is stored there is no text");
    let refused = "Set of `k` failed: Redis refuses: ERR unknown command 'SET'";
    check(actor.set("k", "hunter2", 0).await.expect_err("refused"), refused);
    let too_much = "Increment of `n` failed: the sum is out of the range of 32 bits, and stays";
    check(actor.increment("n", 1).await.expect_err("too much"), too_much);
    let refused = "SetUnion of `a`, `b` failed: Redis refuses: NOPERM not for you";
    check(actor.combined("SetUnion", &["a", "b"]).await.expect_err("refused"), refused);
}

#[tokio::test]
async fn a_server_that_is_not_there_refuses_the_link() {
    let lattice = Lattice::start().await;
    let reason = lattice.refused(&[("url", "redis://me:hunter2@127.0.0.1:1/0")]).await;
    assert!(reason.starts_with("no connection to Redis at `127.0.0.1:1`: "), "{reason}");
    assert!(!reason.contains("hunter2"), "{reason}");
    let reason = lattice.refused(&[("url", "redis://me:hunter2@host/no number")]).await;
    assert_eq!(reason, "the link value `url` is no URL of a Redis server");
}

#[tokio::test]
async fn a_real_server_does_what_the_contract_says() {
    let Some(server) = Real::find() else { return };
    let lattice = Lattice::start().await;
    let prefix = format!("lattice-test-{}:", std::process::id());
    let values = [("url", server.url.as_str()), ("prefix", prefix.as_str())];
    lattice.until("Redis takes connections", async || lattice.try_link(&values).await.is_none()).await;
    let actors = [lattice.actor(&values).await, lattice.actor(&values).await];
    contract::all_operations(&actors[0]).await;
    contract::keys_of_any_characters(&actors[0]).await;
    contract::concurrent_increments(&actors).await;
    contract::expiry(&lattice, &actors[0]).await;
    if server.process.is_some() {
        let reason = lattice.refused(&[("url", &server.url.replace("hunter2", "wrong"))]).await;
        assert!(reason.starts_with("no connection to Redis at ") && !reason.contains("wrong"), "{reason}");
    }
}

/// A real server.
struct Real {
    url: String,
    /// With its directory, if it was started here.
    process: Option<(Child, TempDir)>,
}

impl Real {
    fn find() -> Option<Self> {
        if let Some(url) = env::var("LATTICE_REDIS_URL").ok().filter(|url| !url.is_empty()) {
            return Some(Self { url, process: None });
        }
        let started = Self::start();
        if started.is_none() {
            // Not with `println`: nobody would see it, for the test passes.
            let said =
                writeln!(io::stderr(), "SKIPPED: there is no `redis-server` here, and LATTICE_REDIS_URL names none");
            said.expect("standard error is there");
        }
        started
    }

    fn start() -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("a port").port().to_string();
        let directory = tempfile::tempdir().expect("a directory");
        drop(free);
        let process = Command::new("redis-server")
            .args([
                "--port",
                &port,
                "--bind",
                "127.0.0.1",
                "--requirepass",
                "hunter2",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self { url: format!("redis://:hunter2@127.0.0.1:{port}"), process: Some((process, directory)) })
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        if let Some((process, _)) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

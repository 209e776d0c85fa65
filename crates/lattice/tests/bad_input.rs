//! What wrong command lines, settings and modules get: an error, its exit code, one document for programs.

mod support;

use support::{EMPTY_MODULE, Home};

/// Every case is tried as people and as programs do it.
async fn check(home: &Home, arguments: &[&str], exit: i32, code: &str, said: &str) {
    home.run(arguments).await.failed(exit, said);
    let mut arguments = arguments.to_vec();
    arguments.extend(["-o", "json"]);
    let outcome = home.run(&arguments).await;
    let document = outcome.failed_json(exit, code);
    let text = document["error"].to_string();
    assert!(text.contains(said) || said.starts_with("error:"), "no {said:?} in {text}");
}

#[tokio::test]
async fn lattice_names() {
    let home = Home::new().await;
    for (name, said) in [("a.b", "contains '.'"), ("a b", "contains ' '"), ("v1", "must not be `v1`")] {
        check(&home, &["get", "hosts", "-x", name], 2, "usage", said).await;
        let outcome = home.run_with(("LATTICE_LATTICE", name), &["get", "hosts", "-o", "json"]).await;
        assert!(outcome.failed_json(64, "configuration").to_string().contains("LATTICE_LATTICE"));
    }
}

#[tokio::test]
async fn counts() {
    let home = Home::new().await;
    for count in ["-1", "1.5", "65536", "many"] {
        check(&home, &["scale", "actor", "hello", "--count", count], 2, "usage", "a whole number from 0 to 65535")
            .await;
        check(&home, &["start", "actor", "x.wasm", "--count", count], 2, "usage", "a whole number from 0 to 65535")
            .await;
    }
}

#[tokio::test]
async fn modules() {
    let home = Home::new().await;
    let text = home.file("text.wasm", b"not a module");
    let cut = home.file("cut.wasm", &[EMPTY_MODULE, b"\0\x20\x01"].concat());
    check(&home, &["start", "actor", &text], 1, "invalid_module", "not a WebAssembly module").await;
    check(&home, &["start", "actor", &cut], 1, "invalid_module", "truncated or damaged").await;
    check(&home, &["start", "actor", "./none.wasm"], 3, "not_found", "none.wasm cannot be read").await;
    check(&home, &["start", "actor", "what://x"], 2, "usage", "`what://x` is no file and no reference").await;
    check(&home, &["claims", "inspect", &text], 1, "invalid_module", "not a WebAssembly module").await;
    assert!(!home.data_dir().join("signed").exists());
}

#[tokio::test]
async fn data_directories() {
    let home = Home::new().await;
    let file = home.file("file", b"");
    check(&home, &["up", "--data-dir", &file], 64, "configuration", "cannot be used").await;
    check(&home, &["up", "--detach", "--data-dir", &file], 64, "configuration", "cannot be used").await;
    check(&home, &["host", "--data-dir", &file], 64, "configuration", "cannot be used").await;
    // Nobody can write here, not even root.
    check(&home, &["up", "--data-dir", "/proc/lattice"], 64, "configuration", "cannot be used").await;
}

#[tokio::test]
async fn settings() {
    let home = Home::new().await;
    check(&home, &["get", "hosts", "--context", "none"], 64, "configuration", "none.toml").await;
    check(&home, &["get", "hosts", "--nats-url", "not a url"], 2, "usage", "`not a url` is not an address").await;
    let config = home.file("host.toml", b"latice = 'x'\nmode = 'both'");
    check(&home, &["host", "--config", &config], 64, "configuration", "unknown key `latice`").await;
    check(&home, &["host", "--config", &config], 64, "configuration", "unknown mode `both`").await;
    let outcome = home.run_with(("LATTICE_TIMEOUT", "soon"), &["get", "hosts"]).await;
    outcome.failed(64, "LATTICE_TIMEOUT");
}

#[tokio::test]
async fn a_call_without_a_seed_says_how_to_get_one() {
    let home = Home::new().await;
    check(&home, &["call", "hello", "Greeter.Greet"], 64, "configuration", "--cluster-seed").await;
    check(&home, &["call", "hello", "Greeter.Greet", "Ada"], 2, "usage", "the argument is not JSON").await;
}

#[tokio::test]
async fn help_and_version_work_in_a_broken_environment() {
    let home = Home::new().await;
    for arguments in [&["--version"][..], &["--help"], &["up", "--help"], &["completions", "bash"]] {
        let outcome = home.run_with(("LATTICE_LATTICE", "a.b"), arguments).await;
        assert!(outcome.done().contains("lattice"), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_reader_that_stops_reading_is_no_failure() {
    let home = Home::new().await;
    let mut shell = home.shell_command("bash");
    shell.args(["-c", r#""$0" completions zsh | true; exit "${PIPESTATUS[0]}""#, env!("CARGO_BIN_EXE_lattice")]);
    support::Outcome::of(shell).await.done();
}

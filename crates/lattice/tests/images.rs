//! Images from OCI registries, with the whole binary: pushing, pulling, starting, fetching ahead; what settings say of that; and
//! that no secret is told on the way.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
};

use lattice_testkit::{NatsServer, Registry, RegistryOptions, eventually, guests};
use rustix::process::Signal;
use serde_json::{Value, json};
use support::{DEADLINE, Daemon, Home, MUTE, Outcome, archive};

/// `tester:registry-of-tests`, as it is sent.
const ENCODED: &str = "dGVzdGVyOnJlZ2lzdHJ5LW9mLXRlc3Rz";

/// A lattice's broker, a registry that asks who one is, and what was printed so far.
struct Stage {
    home: Home,
    nats: NatsServer,
    registry: Registry,
    printed: Mutex<String>,
}

impl Stage {
    async fn new() -> Self {
        Self::with(RegistryOptions { login: true, ..RegistryOptions::default() }).await
    }

    async fn with(options: RegistryOptions) -> Self {
        let (home, nats) = (Home::new().await, NatsServer::start().await);
        Self { home, nats, registry: Registry::start_with(options).await, printed: Mutex::default() }
    }

    fn server(&self) -> &str {
        self.registry.server()
    }

    fn image(&self, rest: &str) -> String {
        format!("{}/acme/{rest}", self.server())
    }

    /// Starts a host called `prod`, of which everything that it prints is kept, and waits until it answers.
    async fn host(&self, flags: &[&str], variables: &[(&str, &str)]) -> Daemon {
        let mut command = self.home.command(&["host", "--friendly-name", "prod", "--data-dir", "prod", "-vv"]);
        let log = fs::File::create(self.home.path("host.log")).expect("the home can be written");
        command.args(flags).env("LATTICE_NATS_URL", self.nats.url()).envs(variables.iter().copied()).stderr(log);
        let daemon = Daemon::start(command);
        eventually("the host answers", DEADLINE, async || {
            let hosts = self.run("get hosts -o json", &[]).await;
            (hosts.code == Some(0)).then_some(())
        })
        .await;
        daemon
    }

    async fn run(&self, line: &str, variables: &[(&str, &str)]) -> Outcome {
        let mut command = self.home.command(&line.split(' ').collect::<Vec<_>>());
        command.env("LATTICE_NATS_URL", self.nats.url()).envs(variables.iter().copied());
        let outcome = Outcome::of(command).await;
        self.print(&outcome.stdout);
        self.print(&outcome.stderr);
        outcome
    }

    /// For programs.
    async fn json(&self, line: &str, variables: &[(&str, &str)]) -> Outcome {
        self.run(&format!("{line} -o json"), variables).await
    }

    fn print(&self, text: &str) {
        self.printed.lock().expect("nobody panics with it").push_str(text);
    }

    /// That nothing of all this was printed by anybody.
    fn told_no_secret(&self, secrets: &[&str]) {
        let log = fs::read_to_string(self.home.path("host.log")).expect("the host wrote it");
        assert!(log.contains(self.server()), "the log tells of the registry: {log}");
        let printed = self.printed.lock().expect("nobody panics with it").clone() + &log;
        for secret in secrets {
            let line = printed.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret}");
            assert_eq!(self.holding(&self.home.path("prod"), secret), [] as [PathBuf; 0]);
        }
    }

    /// The files below a directory that hold that text.
    fn holding(&self, directory: &Path, text: &str) -> Vec<PathBuf> {
        let paths = fs::read_dir(directory).expect("it is a directory").map(|entry| entry.expect("an entry").path());
        let (directories, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
        let holds = |path: &PathBuf| {
            let bytes = fs::read(path).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        let below = directories.iter().flat_map(|directory| self.holding(directory, text));
        below.chain(files.into_iter().filter(holds)).collect()
    }

    /// The variables with the registry's credential.
    fn login<'a>(&'a self, password: &'a str) -> [(&'a str, &'a str); 3] {
        [
            ("LATTICE_OCI_REGISTRY", self.server()),
            ("LATTICE_OCI_USER", Registry::USERNAME),
            ("LATTICE_OCI_PASSWORD", password),
        ]
    }

    /// A signed module in the home directory; returns its key.
    async fn signed(&self, file: &str, module: &[u8]) -> Value {
        self.home.file("unsigned.wasm", module);
        let signed = self.json(&format!("claims sign unsigned.wasm --out {file} --name mine"), &[]).await.json();
        signed["public_key"].clone()
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        fs::read(self.home.path(file)).expect("the file is there")
    }

    /// Docker's directory with that file in it.
    fn docker(&self) -> String {
        let auth = json!({ "auths": { self.server(): { "auth": ENCODED } } });
        let file = self.home.file("docker/config.json", auth.to_string().as_bytes());
        file.trim_end_matches("/config.json").to_owned()
    }
}

#[tokio::test]
async fn a_module_is_pushed_to_a_registry_and_pulled_back() {
    let stage = Stage::new().await;
    stage.signed("signed.wasm", &guests::echo()).await;
    let (image, insecure) = (stage.image("hello:1"), format!("--insecure-registry {}", stage.server()));
    let push = format!("push signed.wasm {image} {insecure}");
    let login = stage.login(Registry::PASSWORD);

    // No lattice is needed for any of it.
    stage.json(&push, &[]).await.failed_json(4, "unauthorized");
    stage.json(&push, &stage.login("wrong-password")).await.failed_json(4, "unauthorized");
    let pushed = stage.json(&push, &login).await.json();
    let size = stage.bytes("signed.wasm").len();
    assert_eq!(
        (&pushed["reference"], &pushed["size"], &pushed["outcome"]),
        (&json!(image), &json!(size), &json!("done"))
    );
    let told = stage.run(&push, &login).await;
    let version = pushed["version"].as_str().expect("it is the manifest's digest");
    assert!(told.done().starts_with(&format!("{image} is pushed as {version} (")), "{told:?}");

    let docker = stage.docker();
    let docker = [("DOCKER_CONFIG", &*docker)];
    let pull = |image: &str, file: &str| format!("pull {image} --out {file} {insecure}");
    for (number, variables) in [&login[..], &docker].into_iter().enumerate() {
        let file = format!("back-{number}.wasm");
        let pulled = stage.json(&pull(&image, &file), variables).await.json();
        let names = ["reference", "digest", "size", "version"];
        assert_eq!(names.map(|name| &pulled[name]), names.map(|name| &pushed[name]), "{pulled}");
        assert_eq!((&pulled["kind"], &pulled["file"]), (&json!("module"), &json!(file)), "{pulled}");
        assert_eq!(stage.bytes(&file), stage.bytes("signed.wasm"));
    }
    let by_digest = format!("{}@{version}", stage.image("hello"));
    stage.run(&pull(&by_digest, "again.wasm"), &docker).await.done();
    assert_eq!(stage.bytes("again.wasm"), stage.bytes("signed.wasm"));

    stage.json(&pull(&image, "none.wasm"), &[]).await.failed_json(4, "unauthorized");
    stage.json(&pull(&stage.image("none:1"), "none.wasm"), &docker).await.failed_json(3, "not_found");
    let untagged = stage.json(&pull(&stage.image("hello"), "none.wasm"), &docker).await.failed_json(2, "usage");
    assert!(untagged.to_string().contains("allow"), "{untagged}");
    stage.json(&format!("push signed.wasm {}", stage.image("hello")), &docker).await.failed_json(2, "usage");
    stage.json("pull builtin://httpserver --out none.wasm", &docker).await.failed_json(2, "usage");
    let silent = stage.json("pull 127.0.0.1:1/acme/hello:1 --out none.wasm", &docker).await;
    silent.failed_json(3, "unreachable");
    for (flags, exit, code) in [("", 2, "usage"), (" --bindle-url https://127.0.0.1:1/v1/", 3, "unreachable")] {
        let bindle = format!("pull bindle://acme.com/hello/1.0.0 --out none.wasm{flags}");
        stage.json(&bindle, &docker).await.failed_json(exit, code);
    }
    let unwritten = stage.json(&pull(&image, "no/such/directory.wasm"), &docker).await;
    unwritten.failed_json(1, "failed");
    assert!(!stage.home.path("none.wasm").exists());

    archive(&stage.home, "mute", MUTE);
    let provider = stage.image("mute:0.1");
    stage.run(&format!("push mute.par.gz {provider} {insecure}"), &docker).await.done();
    let pulled = stage.json(&pull(&provider, "back.par.gz"), &docker).await.json();
    assert_eq!(pulled["kind"], "provider", "{pulled}");
    assert_eq!(stage.bytes("back.par.gz"), stage.bytes("mute.par.gz"));
    let printed = stage.printed.lock().expect("nobody panics with it").clone();
    for secret in [Registry::PASSWORD, ENCODED, "wrong-password"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[tokio::test]
async fn a_provider_is_started_from_a_registry() {
    let stage = Stage::new().await;
    let key = archive(&stage.home, "mute", MUTE);
    let (image, login) = (stage.image("mute:0.1"), stage.login(Registry::PASSWORD));
    let push = format!("push mute.par.gz {image} --insecure-registry {}", stage.server());
    let pushed = stage.json(&push, &login).await.json();
    let _host = stage.host(&["--insecure-registry", stage.server()], &login).await;
    let started = stage.json(&format!("start provider {image} --pull if-not-present"), &[]).await.json();
    assert_eq!((&started["outcome"], &started["provider_id"]), (&json!("done"), &json!(key)), "{started}");
    let inventory = stage.json("get inventory", &[]).await.json();
    let provider = &inventory["inventories"][0]["providers"][0];
    assert_eq!((&provider["image_ref"], &provider["digest"]), (&json!(image), &pushed["digest"]), "{inventory}");
    let id = started["operation_id"].as_str().expect("it has an id");
    let record = stage.json(&format!("operation watch {id}"), &[]).await.json();
    assert_eq!(record["fetch"]["digest"], pushed["digest"], "{record}");
    stage.json(&format!("start actor {image}"), &[]).await.failed_json(1, "failed");
    stage.told_no_secret(&[Registry::PASSWORD, ENCODED]);
}

#[tokio::test]
async fn hosts_start_what_lies_in_a_registry() {
    const TOKEN: &str = "token-of-another-registry";
    let stage = Stage::new().await;
    let key = stage.signed("signed.wasm", &guests::echo()).await;
    let (image, login) = (stage.image("hello:1"), stage.login(Registry::PASSWORD));
    let insecure = format!("--insecure-registry {}", stage.server());
    let pushed = stage.json(&format!("push signed.wasm {image} {insecure}"), &login).await.json();
    stage.run(&format!("push signed.wasm {} {insecure}", stage.image("other:1")), &login).await.done();

    let _host = stage.host(&["--insecure-registry", stage.server()], &[]).await;
    let mut events = stage.home.command(&["events", "-o", "json"]);
    events.env("LATTICE_NATS_URL", stage.nats.url());
    let mut events = Daemon::start(events);
    let unknown = stage.json(&format!("start actor {image}"), &[]).await.failed_json(1, "failed");
    assert!(unknown.to_string().contains(stage.server()) && unknown.to_string().contains("credential"), "{unknown}");

    let secrets = [("PASSWORD_OF_TESTS", Registry::PASSWORD), ("TOKEN_OF_TESTS", TOKEN)];
    let set = format!("registry set {} --user tester --password-env PASSWORD_OF_TESTS", stage.server());
    stage.run(&set, &secrets).await.done();
    stage.run("registry set other.example/acme --token-env TOKEN_OF_TESTS", &secrets).await.done();
    assert!(stage.run("registry list", &[]).await.done().contains("other.example/acme"));

    let missing = stage.json(&format!("start actor {image} --pull never"), &[]).await.failed_json(1, "failed");
    let said = format!("`{image}` is not in the cache, and the pull policy `never` forbids to fetch it");
    assert!(missing.to_string().contains(&said), "{missing}");

    let started = stage.json(&format!("start actor {image}"), &[]).await.json();
    assert_eq!((&started["outcome"], &started["actor_id"]), (&json!("done"), &key), "{started}");
    let inventory = stage.json("get inventory", &[]).await.json();
    let actor = &inventory["inventories"][0]["actors"][0];
    assert_eq!(
        (&actor["image_ref"], &actor["instances"][0]["digest"]),
        (&json!(image), &pushed["digest"]),
        "{inventory}"
    );

    let id = started["operation_id"].as_str().expect("it has an id");
    let record = stage.json(&format!("operation watch {id}"), &[]).await.json();
    let size = &pushed["size"];
    let fetch = json!({ "digest": pushed["digest"], "version": pushed["version"], "size": size, "fetched": size });
    assert_eq!(record["fetch"], fetch, "{record}");
    let sheet = stage.run(&format!("operation watch {id} -o wide"), &[]).await;
    let digest = pushed["digest"].as_str().expect("a text");
    assert!(sheet.done().contains(digest) && sheet.stdout.contains("fetching"), "{sheet:?}");

    // It is there already, and the other name is one for the same bytes.
    stage.run(&format!("start actor {image} --count 2 --pull never"), &[]).await.done();
    let prefetched = stage.json(&format!("artifact prefetch {}", stage.image("other:1")), &[]).await.json();
    let fetched = &prefetched["prefetches"][0];
    assert_eq!((&fetched["outcome"], &fetched["digest"], &fetched["size"]), (&json!("done"), &pushed["digest"], size));
    assert_eq!((&fetched["host_name"], &prefetched["complete"]), (&json!("prod"), &json!(true)), "{prefetched}");
    let table = stage.run(&format!("artifact prefetch {}", stage.image("other:1")), &[]).await;
    let titles: Vec<&str> = table.done().lines().next().expect("titles").split_whitespace().collect();
    assert_eq!(titles, ["host", "id", "outcome", "bytes", "digest"]);
    assert!(table.stdout.contains("prod") && table.stdout.contains("done"), "{table:?}");
    let on_one = stage.json(&format!("artifact prefetch {} --host prod", stage.image("other:1")), &[]).await.json();
    let without_id = |document: &Value| {
        let mut document = document.clone();
        document["prefetches"][0]["operation_id"].take();
        document
    };
    assert_eq!(without_id(&on_one), without_id(&prefetched), "one host is told of as many are");
    let none = stage.json(&format!("artifact prefetch {} --host prod", stage.image("none:1")), &[]).await;
    let told: Value = serde_json::from_str(&none.stdout).expect("a document");
    assert_eq!((none.code, &told["prefetches"][0]["outcome"]), (Some(1), &json!("failed")), "{none:?}");
    let none = stage.run(&format!("artifact prefetch {}", stage.image("none:1")), &[]).await;
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(none.stdout.contains("failed") && none.stderr.contains("1 of 1 hosts do not have it"), "{none:?}");
    stage.json(&format!("artifact prefetch {image} --constraint zone=none"), &[]).await.failed_json(3, "not_found");

    // The tag moves, which who looks is told.
    stage.signed("signed.wasm", &guests::say("new")).await;
    let moved = stage.json(&format!("push signed.wasm {image} {insecure}"), &login).await.json();
    let prefetched = stage.json(&format!("artifact prefetch {image}"), &[]).await.json();
    let id = prefetched["prefetches"][0]["operation_id"].as_str().expect("it has one");
    let record = stage.json(&format!("operation watch {id}"), &[]).await.json();
    let fetch = &record["fetch"];
    assert_eq!((&fetch["version"], &fetch["moved_from"]), (&moved["version"], &pushed["version"]), "{record}");
    assert!(stage.run(&format!("operation watch {id}"), &[]).await.done().contains("; the reference named "));

    for line in [
        "get inventory -o wide",
        "get operations",
        "get operations -o json",
        "get hosts -o json",
        "get claims",
        "registry list -o json",
    ] {
        stage.run(line, &[]).await.done();
    }
    stage.run("stop host prod", &[]).await.done();
    while let Some(line) = events.line().await {
        stage.print(&format!("{line}\n"));
        if line.contains("host_stopped") {
            break;
        }
    }
    events.signal(Signal::INT);
    assert!(stage.printed.lock().expect("nobody panics with it").contains("host_stopped"));
    stage.told_no_secret(&[Registry::PASSWORD, ENCODED, TOKEN]);
}

/// With TLS, the names of published hosts, and a file of docker's.
#[tokio::test]
async fn settings_say_how_registries_are_reached() {
    let stage = Stage::with(RegistryOptions { login: true, tls: true, ..RegistryOptions::default() }).await;
    stage.signed("signed.wasm", &guests::echo()).await;
    let (image, login) = (stage.image("hello:latest"), stage.login(Registry::PASSWORD));
    let unknown = stage.json(&format!("push signed.wasm {image}"), &login).await.failed_json(1, "failed");
    assert!(unknown.to_string().contains("certificate"), "{unknown}");
    let authority = support::shown(&stage.registry.authority().expect("it speaks TLS"));
    stage.run(&format!("push signed.wasm {image} --registry-ca {authority}"), &login).await.done();

    let config = stage.home.file("host.toml", format!("registry_cas = ['{authority}']").as_bytes());
    let docker = format!("{}/config.json", stage.docker());
    let variables = [("WASMCLOUD_OCI_ALLOW_LATEST", "true"), ("LATTICE_DOCKER_CONFIG", &docker)];
    let _host = stage.host(&["--config", &config], &variables).await;
    stage.run(&format!("start actor {}", stage.image("hello")), &[]).await.done();
    stage.run(&format!("artifact prefetch {image} --pull if-not-present"), &[]).await.done();
    stage.told_no_secret(&[Registry::PASSWORD, ENCODED]);
}

#[tokio::test]
async fn published_names_say_the_same() {
    let stage = Stage::new().await;
    stage.signed("signed.wasm", &guests::echo()).await;
    let image = stage.image("hello:latest");
    let push = format!("push signed.wasm {image} --insecure-registry {}", stage.server());
    stage.run(&push, &stage.login(Registry::PASSWORD)).await.done();
    let variables = [
        ("WASMCLOUD_OCI_ALLOW_LATEST", "true"),
        ("WASMCLOUD_OCI_ALLOWED_INSECURE", stage.server()),
        ("WASMCLOUD_OCI_REGISTRY", stage.server()),
        ("WASMCLOUD_OCI_REGISTRY_USER", Registry::USERNAME),
        ("WASMCLOUD_OCI_REGISTRY_PASSWORD", Registry::PASSWORD),
    ];
    let _host = stage.host(&[], &variables).await;
    stage.run(&format!("start actor {}", stage.image("hello")), &[]).await.done();
    stage.told_no_secret(&[Registry::PASSWORD, ENCODED]);
}

/// No broker is needed to hear of it, and nothing is started.
#[tokio::test]
async fn what_is_wrong_with_settings_is_told_at_once() {
    let home = Home::new().await;
    let empty = home.file("empty.pem", b"no certificate");
    let malformed = home.file("docker.json", br#"{"auths": {"r.example": {"auth": "hunter2!"}}}"#);
    let seed = home.run(&["keys", "gen", "account", "-o", "json"]).await.json()["seed"].clone();
    let seed = seed.as_str().expect("it is shown").to_owned();
    let registries = [
        ("--allow-latest=perhaps", "--allow-latest: `perhaps` is neither true nor false"),
        ("--insecure-registry=http://r.example", "--insecure-registry: expected a server"),
        ("--registry-ca=missing.pem", "the certificates in missing.pem cannot be read: "),
        (&format!("--registry-ca={empty}"), "empty.pem is no file with certificates (PEM)"),
        ("--registry-mirror=docker.io", "--registry-mirror: expected a registry and its mirror"),
        ("--token-server=a/b", "--token-server: expected a server"),
        ("--bindle-url=b.example", "does not say where a bindle server is"),
        (&format!("--docker-config={malformed}"), "`auths` of r.example has an `auth` that is not in base 64"),
    ];
    let images = [
        ("--pull=sometimes", "--pull: unknown pull policy `sometimes`"),
        (&*format!("--trusted-issuer={seed}"), "--trusted-issuer: a secret seed was given"),
        ("--trusted-issuer=A", "--trusted-issuer: `A` is not "),
        ("--unknown-issuers=shoot", "--unknown-issuers: unknown policy `shoot`"),
        ("--cache-size=2GiB", "--cache-size: `2GiB` is no whole number"),
    ];
    let all = [&registries[..], &images].concat();
    let fails = async |command: &[&str], about: &str, wrong: &[(&str, &str)]| {
        let flags = wrong.iter().map(|(flag, _)| *flag);
        let told = home.run(&command.iter().copied().chain(flags).collect::<Vec<_>>()).await;
        told.failed(64, &format!("are {} problems with the settings {about}:", wrong.len()));
        for (_, part) in wrong {
            assert!(told.stderr.contains(part), "no {part:?} in {told:?}");
        }
        for secret in [&seed[2..], "hunter2"] {
            assert!(!told.stderr.contains(secret), "{told:?}");
        }
    };
    fails(&["host", "--nats-url", "127.0.0.1:1"], "of the host", &all).await;
    let about = "about images and registries";
    fails(&["up"], about, &all).await;
    home.file("mine.wasm", &guests::echo());
    fails(&["push", "mine.wasm", "r.example/acme/mine:1"], about, &registries).await;
    fails(&["pull", "r.example/acme/mine:1", "--out", "back.wasm"], about, &registries).await;
    let half = ("LATTICE_OCI_USER", "ada");
    let incomplete = home.run_with(half, &["host", "-o", "json"]).await.failed_json(64, "configuration");
    assert!(incomplete.to_string().contains("they are of use together only"), "{incomplete}");
    assert!(!home.path("back.wasm").exists() && !home.data_dir().join("nats").exists());
}

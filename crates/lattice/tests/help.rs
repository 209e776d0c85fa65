//! What `lattice --help` promises: the keys of the documents, and completions for every shell.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use lattice_claims::ProviderSeed;
use lattice_testkit::guests;
use serde_json::Value;
use support::{CONTRACT, Daemon, Home, MUTE, Outcome, archive};

/// The column at which keys stand in the list.
const KEYS: usize = 22;

/// The keys that the help lists, by what it calls the command.
struct Listed(BTreeMap<String, BTreeSet<String>>);

impl Listed {
    async fn read(home: &Home) -> Self {
        let help = home.run(&["--help"]).await;
        let (_, list) = help.done().split_once("These keys stay:\n").expect("there is a list");
        let (list, _) = list.split_once("A command that fails").expect("it ends");
        let mut listed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut names = Vec::new();
        for line in list.lines() {
            // Keys stand at one column, names before them or, where there are several, on a line of their own.
            let (start, rest) = line.split_at(line.len().min(KEYS));
            let keys = if start.trim().is_empty() || start.ends_with("  ") {
                rest
            } else {
                names = line.trim().split(", ").flat_map(|names| names.split(" and ")).map(str::to_owned).collect();
                continue;
            };
            if !start.trim().is_empty() {
                names = vec![start.trim().to_owned()];
            }
            let keys = keys.split([',', ';', ':', ' ']).filter(|word| !word.is_empty());
            let keys: Vec<String> = keys.map(str::to_owned).collect();
            names.iter().for_each(|name| listed.entry(name.clone()).or_default().extend(keys.clone()));
        }
        Self(listed)
    }

    /// What `up` says has the keys of what `status` says, which are listed there, and some more.
    #[track_caller]
    fn check_up(&self, ready: &Value) {
        let more = &self.0["up"];
        let mut ready = ready.as_object().expect("it is an object").clone();
        for key in ["attached", "pages", "try"] {
            assert!(more.contains(key) && ready.remove(key).is_some(), "{key} in {more:?}");
        }
        self.check("status", &Value::Object(ready));
    }

    /// That a document has no key that is not listed.
    #[track_caller]
    fn check(&self, name: &str, document: &Value) {
        let listed = self.0.get(name).unwrap_or_else(|| panic!("no {name} among {:?}", self.0.keys()));
        let keys = document.as_object().expect("it is an object").keys();
        let unlisted: Vec<&String> = keys.filter(|key| !listed.contains(*key)).collect();
        assert!(unlisted.is_empty(), "{name} prints {unlisted:?}, which are not among {listed:?}");
    }
}

#[tokio::test]
async fn keys_are_listed() {
    let home = Home::new().await;
    let listed = Listed::read(&home).await;
    let (_up, ready) = Daemon::up(&home, &["--demo"]).await;
    let host = ready["host_name"].as_str().expect("it has a name");
    listed.check_up(&ready);
    home.file("mine.wasm", &guests::echo());
    home.file("secret.txt", b"secret");
    home.file("registries.json", br#"{"r.example": {"token": "secret"}}"#);
    let provider = ProviderSeed::generate().public().to_string();
    archive(&home, "mute", MUTE);
    home.file("script", MUTE.as_bytes());
    let label = format!("label put {host} a=b");
    let link = format!("link put hello {provider} wasmcloud:keyvalue");
    let to_mute = format!("link put hello mute {CONTRACT}");
    let lines = [
        ("get hosts", "get hosts"),
        ("get inventory", "get inventory"),
        ("get claims", "get claims"),
        ("start", "start actor mine.wasm"),
        ("scale", "scale actor mine --count 2"),
        ("update", "update actor hello --force mine.wasm"),
        ("update --all-hosts", "update actor mine mine.wasm --all-hosts"),
        ("start", "start provider mute.par.gz"),
        ("link", &to_mute),
        ("logs provider", "logs provider mute"),
        ("push", "push mine.wasm nats://mine"),
        ("push", "push mine.wasm nats://mine"),
        ("get artifacts", "get artifacts"),
        ("pull", "pull nats://mine --out back.wasm"),
        ("delete", "delete artifact nats://mine"),
        ("stop", "stop provider mute"),
        ("stop", "stop actor mine"),
        ("link", &link),
        ("label", &label),
        ("config", "config put hello a b"),
        ("get links", "get links"),
        ("get config", "get config hello"),
        ("get operations", "get operations"),
        ("registry set", "registry set r.example --token-file secret.txt"),
        ("registry list", "registry list"),
        ("registry remove", "registry remove r.example"),
        ("registry put", "registry put registries.json"),
        ("registry clear", "registry clear"),
        ("auction", "auction actor mine.wasm"),
        ("status", "status"),
        ("keys gen", "keys gen account"),
        ("keys list", "keys list"),
        ("claims sign", "claims sign mine.wasm --out signed.wasm --name mine"),
        ("claims inspect", "claims inspect signed.wasm"),
        ("claims verify", "claims verify signed.wasm"),
        ("par create", "par create script --target x86_64-linux --contract a:b --name script"),
        ("par insert", "par insert script.par.gz script --target aarch64-linux"),
        ("par inspect", "par inspect script.par.gz"),
        ("down", "down"),
    ];
    for (name, line) in lines {
        let mut arguments: Vec<&str> = line.split(' ').collect();
        arguments.extend(["-o", "json"]);
        let document = home.run(&arguments).await.document();
        if name == "get operations" {
            let record = &document["operations"][0];
            listed.check("operation watch", record);
        }
        // An update to another actor is refused, as any failure is told.
        match document.get("error") {
            None => listed.check(name, &document),
            Some(error) => assert!(name == "update" && error["code"] == "failed", "{line}: {document}"),
        }
    }
}

#[tokio::test]
async fn completions_are_made() {
    let home = Home::new().await;
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.run(&["completions", shell]).await;
        for word in ["all-hosts", "max-instances", "registry", "require-complete", "provider-key"] {
            assert!(script.done().contains(word), "no {word} for {shell}");
        }
    }
    let mut bash = home.shell_command("bash");
    let typed = r#"eval "$("$0" completions bash)" && complete -p lattice"#;
    bash.args(["-c", typed, env!("CARGO_BIN_EXE_lattice")]);
    assert!(Outcome::of(bash).await.done().contains("-F _lattice"));
}

/// Whoever asks for the help of a command finds how it is used, and all but the plainest show an example.
#[tokio::test]
async fn every_command_explains_itself() {
    let home = Home::new().await;
    let mut waiting = vec![Vec::new()];
    let mut without_example = Vec::new();
    while let Some(path) = waiting.pop() {
        let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = home.run(&arguments).await;
        assert!(help.done().contains("Usage: lattice"), "{help:?}");
        let commands =
            help.stdout.split_once("\nCommands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap_or_default());
        match commands {
            Some(commands) => {
                let names = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
                let names = names.filter(|name| !name.is_empty() && *name != "help");
                waiting.extend(names.map(|name| [path.as_slice(), &[name.to_owned()]].concat()));
            }
            None if help.stdout.contains("\nExample") => {}
            None => without_example.push(path.join(" ")),
        }
    }
    without_example.sort_unstable();
    assert_eq!(without_example, ["completions", "status"]);
}

use std::fs;

use super::*;

fn find(flags: cli::Host, global: Global, variables: &[(&str, &str)]) -> Result<HostSettings, Fault> {
    let home = [("HOME", "/home/ada")];
    HostSettings::find(&flags, &global, &home.into_iter().chain(variables.iter().copied()).collect())
}

fn with_file(text: &str, variables: &[(&str, &str)]) -> Result<HostSettings, Fault> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("host.toml");
    fs::write(&path, text).expect("the directory can be written");
    find(cli::Host { config: Some(path), ..cli::Host::default() }, Global::default(), variables)
}

#[test]
fn production_takes_no_files_and_nothing_unsigned() {
    let settings = find(cli::Host::default(), Global::default(), &[]).expect("nothing is needed");
    assert!(!settings.allow_file && !settings.allow_unsigned);
    assert_eq!(settings.control, Broker { url: DEFAULT_NATS_URL.to_owned(), credentials: Credentials::None });
    assert_eq!(settings.rpc, None);
    assert_eq!(settings.restore, None);
}

#[test]
fn flags_then_environment_then_published_names_then_the_file() {
    let file = "lattice = 'file'\nfriendly_name = 'file'\nmode = 'mixed'\ndrain_limit = '9s'\nmax_instances = 7
        [labels]\na = '1'\nb = 1";
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("host.toml");
    fs::write(&path, file).expect("the directory can be written");
    let flags = cli::Host { config: Some(path), labels: vec!["b=3".to_owned()], ..cli::Host::default() };
    let global = Global { lattice: "flag".parse().ok(), ..Global::default() };
    let variables = [
        ("LATTICE_LATTICE", "variable"),
        ("LATTICE_FRIENDLY_NAME", "variable"),
        ("LATTICE_LABEL_b", "2"),
        ("LATTICE_LABEL_c", "2"),
        ("WASMCLOUD_LATTICE", "published"),
        ("WASMCLOUD_RPC_TIMEOUT_MS", "1500"),
    ];
    let settings = find(flags, global, &variables).expect("everything is in order");
    assert_eq!(settings.lattice.as_str(), "flag");
    assert_eq!(settings.friendly_name.as_deref(), Some("variable"));
    assert_eq!(settings.mode, Mode::Mixed);
    assert_eq!(settings.drain_limit, Some(Duration::from_secs(9)));
    assert_eq!(settings.call_deadline, Some(Duration::from_millis(1500)));
    assert_eq!(settings.max_instances, Some(7));
    assert_eq!(settings.labels, [("a", "1"), ("b", "3"), ("c", "2")].into_iter().collect());
}

#[test]
fn published_names_are_honoured() {
    let cluster = lattice_claims::ClusterSeed::generate();
    let key = cluster.public();
    let variables = [
        ("WASMCLOUD_LATTICE", "lab"),
        ("WASMCLOUD_CLUSTER_SEED", &cluster.secret_text()),
        ("WASMCLOUD_CLUSTER_ISSUERS", key.as_str()),
        ("WASMCLOUD_CTL_TOPIC_PREFIX", "acme.ctl"),
        ("WASMCLOUD_ALLOW_FILE_LOAD", "true"),
        ("WASMCLOUD_LABEL_zone", "eu"),
        ("NATS_HOST", "nats.internal"),
        ("WASMCLOUD_NATS_JWT", "jwt"),
        ("WASMCLOUD_NATS_SEED", "seed"),
        ("WASMCLOUD_OCI_REGISTRY", "r"),
    ];
    let settings = find(cli::Host::default(), Global::default(), &variables).expect("everything is in order");
    assert_eq!((settings.lattice.as_str(), settings.prefix.as_str()), ("lab", "acme.ctl"));
    let seed: lattice_claims::ClusterSeed = settings.cluster_seed.expect("it is set").seed().expect("it is one");
    assert_eq!(seed.public(), cluster.public());
    assert_eq!(settings.cluster_issuers, [cluster.public()]);
    assert!(settings.allow_file);
    assert_eq!(settings.control.url, "nats://nats.internal:4222");
    assert_eq!(settings.control.credentials, Credentials::Jwt { jwt: "jwt".to_owned(), seed: "seed".to_owned() });
    assert_eq!(settings.ignored, ["WASMCLOUD_OCI_REGISTRY"]);
}

#[test]
fn all_problems_are_told_together() {
    let file = "lattice = 'a b'\nlatice = 'x'\nheartbeat = 'soon'\nallow_file = [true, false]\nlabels = 3
        max_instances = -1";
    let fault =
        with_file(file, &[("LATTICE_MODE", "neither"), ("WASMCLOUD_POLICY_TOPIC", "p"), ("LATTICE_RESTORE", "si")])
            .expect_err("nearly everything is wrong");
    assert_eq!(fault.code, Code::Configuration);
    let expected = [
        "are 9 problems",
        "unknown key `latice`",
        "the lattice name `a b`",
        "heartbeat in ",
        "allow_file in ",
        "labels in ",
        "`-1` is no whole number from 0 to 4294967295",
        "LATTICE_MODE",
        "WASMCLOUD_POLICY_TOPIC",
        "LATTICE_RESTORE",
    ];
    for part in expected {
        assert!(fault.message.contains(part), "no {part:?} in {}", fault.message);
    }
}

#[test]
fn a_number_comes_from_wherever_it_is_given() {
    let check = |flag: Option<&str>, variable: &str, expect| {
        let flags = cli::Host { max_instances: flag.map(str::to_owned), ..cli::Host::default() };
        let settings = find(flags, Global::default(), &[("LATTICE_MAX_INSTANCES", variable)]);
        assert_eq!(settings.map(|settings| settings.max_instances).ok(), expect, "{flag:?} {variable}");
    };
    check(None, "0", Some(Some(0)));
    check(None, "many", None);
    check(Some("3"), "many", Some(Some(3)));
}

#[test]
fn no_problem_repeats_a_seed() {
    let seed = lattice_claims::HostSeed::generate().secret_text();
    let settings =
        find(cli::Host::default(), Global::default(), &[("LATTICE_CLUSTER_SEED", &seed)]).expect("read later");
    let fault = settings.cluster_seed.expect("it is set").seed::<lattice_claims::ClusterSeed>();
    let fault = fault.expect_err("it is a host's seed");
    assert!(!format!("{fault:?} {fault}").contains(&seed));
}

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
        ("WASMCLOUD_ENABLE_IPV6", "true"),
    ];
    let settings = find(cli::Host::default(), Global::default(), &variables).expect("everything is in order");
    assert_eq!((settings.lattice.as_str(), settings.prefix.as_str()), ("lab", "acme.ctl"));
    let seed: lattice_claims::ClusterSeed = settings.cluster_seed.expect("it is set").seed().expect("it is one");
    assert_eq!(seed.public(), cluster.public());
    assert_eq!(settings.cluster_issuers, [cluster.public()]);
    assert!(settings.allow_file);
    assert_eq!(settings.control.url, "nats://nats.internal:4222");
    assert_eq!(settings.control.credentials, Credentials::Jwt { jwt: "jwt".to_owned(), seed: "seed".to_owned() });
    assert_eq!(settings.ignored, ["WASMCLOUD_ENABLE_IPV6"]);
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

/// Flags that say where images come from; those that are not here as they are by default.
fn image_flags() -> cli::Images {
    let text = |text: &str| Some(text.to_owned());
    let registries = cli::Registries {
        allow_latest: text("true"),
        insecure_registries: vec!["localhost:5000".to_owned(), "Plain.internal".to_owned()],
        registry_mirrors: vec!["docker.io=mirror.internal:5000/hub".to_owned()],
        token_servers: vec!["tokens.internal".to_owned()],
        bindle_url: text("https://bindle.internal/v1/"),
        ..cli::Registries::default()
    };
    cli::Images {
        pull: text("if-not-present"),
        trusted_issuers: vec![ACCOUNT.to_owned()],
        unknown_issuers: text("warn"),
        cache_size: text("7"),
        registries,
    }
}

const ACCOUNT: &str = "ABRK5MP6QRTH7HXOVP2PR2TLDW6DPLBAF3LTGVWQRFVEF7W5VOUMACXB";

fn shown(settings: Result<HostSettings, Fault>) -> String {
    format!("{:?}", settings.expect("everything is in order").images)
}

#[test]
fn where_images_come_from_is_told_alike_by_flags_variables_and_files() {
    let settings = find(cli::Host { images: image_flags(), ..cli::Host::default() }, Global::default(), &[]);
    let images = settings.expect("everything is in order").images;
    assert_eq!(images.pull, lattice_protocol::PullPolicy::IfNotPresent);
    let issuers = [ACCOUNT.parse().expect("an account")];
    assert_eq!(images.trust, lattice_artifact::Trust::new(issuers, "warn".parse().ok()));
    assert_eq!(images.store.cache_capacity, 7 << 20);
    let sources = &images.store.sources;
    assert!(sources.web.insecure.iter().eq(["localhost:5000", "plain.internal"]), "{sources:?}");
    assert_eq!(sources.oci.mirrors["docker.io"], ["mirror.internal:5000/hub"]);
    assert!(sources.oci.allow_latest && sources.oci.token_servers.contains("tokens.internal"), "{sources:?}");
    assert_eq!(sources.bindle.url.as_deref(), Some("https://bindle.internal/v1/"));

    let told = format!("{images:?}");
    let variables = [
        ("LATTICE_PULL", "if-not-present"),
        ("LATTICE_ALLOW_LATEST", "yes"),
        ("LATTICE_INSECURE_REGISTRIES", "localhost:5000, plain.internal"),
        ("LATTICE_REGISTRY_MIRRORS", "docker.io=mirror.internal:5000/hub"),
        ("LATTICE_TOKEN_SERVERS", "tokens.internal"),
        ("LATTICE_BINDLE_URL", "https://bindle.internal/v1/"),
        ("LATTICE_TRUSTED_ISSUERS", ACCOUNT),
        ("LATTICE_UNKNOWN_ISSUERS", "warn"),
        ("LATTICE_CACHE_SIZE", "7"),
    ];
    assert_eq!(shown(find(cli::Host::default(), Global::default(), &variables)), told);
    let file = format!(
        "pull = 'if-not-present'\nallow_latest = true\ninsecure_registries = ['localhost:5000', 'plain.internal']
        registry_mirrors = ['docker.io=mirror.internal:5000/hub']\ntoken_servers = 'tokens.internal'
        bindle_url = 'https://bindle.internal/v1/'\ntrusted_issuers = ['{ACCOUNT}']\nunknown_issuers = 'warn'
        cache_size = 7"
    );
    assert_eq!(shown(with_file(&file, &[])), told);
    let up = of_up(&image_flags(), &Environment::default());
    assert_eq!(format!("{:?}", up.expect("everything is in order")), told);
}

#[test]
fn published_names_say_where_images_come_from() {
    let variables = [
        ("WASMCLOUD_OCI_ALLOW_LATEST", "true"),
        ("WASMCLOUD_OCI_ALLOWED_INSECURE", "localhost:5000,plain.internal"),
        ("BINDLE_URL", "https://bindle.internal/v1/"),
    ];
    let same = [
        ("LATTICE_ALLOW_LATEST", "true"),
        ("LATTICE_INSECURE_REGISTRIES", "localhost:5000,plain.internal"),
        ("LATTICE_BINDLE_URL", "https://bindle.internal/v1/"),
    ];
    let told = |variables| shown(find(cli::Host::default(), Global::default(), variables));
    assert_eq!(told(&variables), told(&same));
    assert_ne!(told(&variables), told(&[]));
    let both = [&same[..1], &[("WASMCLOUD_OCI_ALLOW_LATEST", "false")]].concat();
    assert_eq!(told(&both), told(&same[..1]), "the own name counts");
}

/// Each as a value of a flag, and what is said of it.
#[test]
fn what_is_wrong_with_where_images_come_from() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("the directory can be written");
        path.display().to_string()
    };
    let (empty, half) = (file("empty.pem", "no certificate"), file("docker.json", "{\"auths\": "));
    let broken = file("broken.pem", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n");
    let seed = lattice_claims::AccountSeed::generate().secret_text();
    let check = |variables: &[(&str, &str)], expected: &[&str]| {
        let told =
            find(cli::Host::default(), Global::default(), variables).map(|_| ()).expect_err("something is wrong");
        assert_eq!(told.code, Code::Configuration);
        for part in expected {
            assert!(told.message.contains(part), "no {part:?} in {}", told.message);
        }
        for secret in ["hunter2", &seed[2..]] {
            assert!(!told.message.contains(secret), "{secret} in {}", told.message);
        }
    };
    let cases = [
        ("LATTICE_PULL", "sometimes", "LATTICE_PULL: "),
        ("LATTICE_ALLOW_LATEST", "perhaps", "LATTICE_ALLOW_LATEST: `perhaps` is neither true nor false"),
        ("LATTICE_INSECURE_REGISTRIES", "http://localhost:5000", "LATTICE_INSECURE_REGISTRIES: expected a server"),
        ("LATTICE_INSECURE_REGISTRIES", "ada:hunter2@localhost", "LATTICE_INSECURE_REGISTRIES: expected a server"),
        ("LATTICE_TOKEN_SERVERS", "a b", "LATTICE_TOKEN_SERVERS: expected a server"),
        ("LATTICE_REGISTRY_CAS", "/does/not/exist.pem", "the certificates in /does/not/exist.pem cannot be read: "),
        ("LATTICE_REGISTRY_CAS", &empty, "empty.pem is no file with certificates (PEM)"),
        ("LATTICE_REGISTRY_CAS", &broken, "a certificate in "),
        ("LATTICE_REGISTRY_MIRRORS", "mirror.internal", "LATTICE_REGISTRY_MIRRORS: expected a registry and its mirror"),
        ("LATTICE_REGISTRY_MIRRORS", "docker.io=https://m", "LATTICE_REGISTRY_MIRRORS: expected a registry and"),
        ("LATTICE_REGISTRY_MIRRORS", "docker.io=ada:hunter2@m", "LATTICE_REGISTRY_MIRRORS: expected a registry and"),
        ("LATTICE_BINDLE_URL", "bindle.internal", "does not say where a bindle server is"),
        ("LATTICE_BINDLE_URL", "https://ada:hunter2@b/v1/", "does not say where a bindle server is"),
        ("LATTICE_DOCKER_CONFIG", "/does/not/exist", "the file with credentials /does/not/exist cannot be read: "),
        ("LATTICE_DOCKER_CONFIG", &half, "docker.json is no JSON, see line 1"),
        ("LATTICE_TRUSTED_ISSUERS", "MBOTH", "LATTICE_TRUSTED_ISSUERS: `MBOTH` is not "),
        ("LATTICE_TRUSTED_ISSUERS", &seed, "LATTICE_TRUSTED_ISSUERS: "),
        ("LATTICE_UNKNOWN_ISSUERS", "shoot", "unknown policy `shoot`"),
        ("LATTICE_CACHE_SIZE", "-1", "LATTICE_CACHE_SIZE: `-1` is no whole number"),
        ("LATTICE_CACHE_SIZE", "2GiB", "LATTICE_CACHE_SIZE: `2GiB` is no whole number"),
    ];
    for (name, value, expected) in cases {
        check(&[(name, value)], &["is a problem", expected]);
    }
    // The last of each, all at once.
    let all: std::collections::BTreeMap<&str, &str> = cases.iter().map(|(name, value, _)| (*name, *value)).collect();
    let all: Vec<(&str, &str)> = all.into_iter().collect();
    check(&all, &["are 11 problems"]);
}

use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;

/// A home directory with a context `lab`, and variables that point to it.
struct Home {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn new(context: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let contexts = directory.path().join(".config/lattice/contexts");
        fs::create_dir_all(&contexts).expect("the directory can be written");
        fs::write(contexts.join("lab.toml"), context).expect("the directory can be written");
        let path = |below: &str| directory.path().join(below).display().to_string();
        let variables = vec![
            ("HOME".to_owned(), path("")),
            ("XDG_CONFIG_HOME".to_owned(), path(".config")),
            ("XDG_DATA_HOME".to_owned(), path(".data")),
        ];
        Self { directory, variables }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn find(&self, flags: &Global) -> Result<Target, Fault> {
        let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Target::find(flags, &variables.collect())
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

fn in_lab() -> Global {
    Global { context: Some("lab".to_owned()), ..Global::default() }
}

#[test]
fn the_flag_wins_over_the_environment_over_the_context_over_the_default() {
    let home = Home::new("nats_url = 'nats://c'\nlattice = 'c'").with("LATTICE_NATS_URL", "nats://e");
    let home = home.with("LATTICE_LATTICE", "e");
    let flags = Global { nats_url: Some("nats://f".to_owned()), lattice: "f".parse().ok(), ..in_lab() };
    let found = home.find(&flags).expect("everything is in order");
    assert_eq!((found.broker.url.as_str(), found.lattice.as_str()), ("nats://f", "f"));

    let found = home.find(&in_lab()).expect("everything is in order");
    assert_eq!((found.broker.url.as_str(), found.lattice.as_str()), ("nats://e", "e"));

    let home = Home::new("nats_url = 'nats://c'\nlattice = 'c'");
    let found = home.find(&in_lab()).expect("everything is in order");
    assert_eq!((found.broker.url.as_str(), found.lattice.as_str()), ("nats://c", "c"));

    let found = home.find(&Global::default()).expect("everything is in order");
    assert_eq!((found.broker.url.as_str(), found.lattice.as_str()), (DEFAULT_NATS_URL, "default"));
}

#[test]
fn all_that_was_looked_at_is_told() {
    let home = Home::new("");
    let found = home.find(&in_lab()).expect("everything is in order");
    let context = home.path().join(".config/lattice/contexts/lab.toml");
    let data = home.path().join(".data/lattice");
    assert_eq!(
        found.looked_at,
        [
            "no --nats-url".to_owned(),
            "no LATTICE_NATS_URL".to_owned(),
            format!("no nats_url in {}", context.display()),
            format!("no running `lattice up` in {}", data.display()),
            DEFAULT_NATS_URL.to_owned(),
        ]
    );
}

#[test]
fn a_password_is_not_told() {
    let flags = Global { nats_url: Some("nats://ada:secret@a:4222".to_owned()), ..Global::default() };
    let found = Home::new("").find(&flags).expect("everything is in order");
    assert_eq!(found.looked_at, ["--nats-url nats://a:4222"]);
}

#[test]
fn paths_in_a_context_are_relative_to_it() {
    let home = Home::new("creds = 'lab.creds'\ncluster_seed_file = '/run/cluster.nk'");
    let found = home.find(&in_lab()).expect("everything is in order");
    let creds = home.path().join(".config/lattice/contexts/lab.creds");
    assert_eq!(found.broker.credentials, Credentials::File(creds));
    assert_eq!(found.cluster_seed, Some(SeedSource::File("/run/cluster.nk".into())));
}

#[test]
fn wrong_settings_are_configuration_errors_that_name_where() {
    let check = |home: Home, flags: Global, expect: &str| {
        let fault = home.find(&flags).expect_err("a setting is wrong");
        assert_eq!(fault.code, Code::Configuration);
        assert!(fault.message.contains(expect), "{}", fault.message);
    };
    check(Home::new("").with("LATTICE_LATTICE", "a.b"), Global::default(), "LATTICE_LATTICE");
    check(Home::new("").with("LATTICE_TIMEOUT", "soon"), Global::default(), "LATTICE_TIMEOUT");
    check(Home::new("lattice = 'v1'"), in_lab(), "lab.toml");
    check(Home::new("natsurl = 'x'"), in_lab(), "lab.toml");
    check(Home::new(""), Global { context: Some("gone".to_owned()), ..Global::default() }, "gone.toml");
    check(Home::new(""), Global { context: Some("../lab".to_owned()), ..Global::default() }, "`../lab`");
}

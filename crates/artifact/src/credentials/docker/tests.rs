use tempfile::TempDir;

use super::*;

const SECRET: &str = "hunter2";

fn parsed(text: &str) -> Result<DockerConfig, DockerError> {
    read::parse(Path::new("/home/me/config.json"), text.as_bytes())
}

fn encoded(text: &str) -> String {
    data_encoding::BASE64.encode(text.as_bytes())
}

async fn found(config: &DockerConfig, server: &str, path: &str) -> Option<String> {
    config.find(server, path).await.as_ref().map(|credential| match credential {
        Credential::Basic { username, password } => format!("{username}:{password}"),
        Credential::Token(token) => format!("bearer {token}"),
        Credential::Identity(token) => format!("identity {token}"),
    })
}

#[tokio::test]
async fn credentials_stand_in_the_file() {
    let text = serde_json::json!({
        "auths": {
            "https://index.docker.io/v1/": {"auth": encoded("ada:pass:word")},
            "https://index.docker.io/v1/access-token": {},
            "quay.io/acme": {"auth": encoded("team:pw").trim_end_matches('=')},
            "quay.io": {"auth": encoded("all:pw")},
            "https://r.example/v2/": {"auth": encoded("scheme:pw")},
            "r.example": {"auth": encoded("plain:pw\0\0")},
            "azure.example": {"auth": encoded("0000:"), "identitytoken": "refresh"},
            "bearer.example": {"registrytoken": "bear"},
            "old.example": {"username": "a", "password": "b", "email": "c"},
            "kept.example": {},
            "nothing.example": null,
        },
        "HttpHeaders": {"User-Agent": "x"},
    });
    let config = parsed(&text.to_string()).expect("a file");
    let check = async |server: &str, path: &str, expect: Option<&str>| {
        assert_eq!(found(&config, server, path).await.as_deref(), expect, "{server}/{path}");
    };
    check("docker.io", "library/nginx", Some("ada:pass:word")).await;
    check("quay.io", "acme/x", Some("team:pw")).await;
    check("quay.io", "acmeevil/x", Some("all:pw")).await;
    check("r.example", "x", Some("plain:pw")).await;
    check("azure.example", "x", Some("identity refresh")).await;
    check("bearer.example", "x", Some("bearer bear")).await;
    check("old.example", "x", Some("a:b")).await;
    check("kept.example", "x", None).await;
    check("nothing.example", "x", None).await;
    check("ghcr.io", "x", None).await;
}

#[test]
fn what_is_wrong_is_named_and_never_shown() {
    let check = |text: &str, expect: &str| {
        let error = parsed(text).expect_err("it is malformed");
        assert!(error.to_string().ends_with(expect), "{error}");
        let shown = lattice_protocol::error_chain(&error);
        assert!(shown.contains("/home/me/config.json") && !shown.contains(SECRET), "{shown}");
        assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
    };
    check("{\n\"hunter2\": hunter2}", "is no JSON, see line 2");
    check(r#"["hunter2"]"#, "its content is no map");
    check(r#"{"auths": "hunter2"}"#, "`auths` is no map");
    check(r#"{"auths": {"a.b": "hunter2"}}"#, "`auths` of a.b is no map");
    check(r#"{"auths": {"a.b": {"auth": "hunter2!"}}}"#, "`auths` of a.b has an `auth` that is not in base 64");
    let no_colon = format!(r#"{{"auths": {{"a.b": {{"auth": "{}"}}}}}}"#, encoded(SECRET));
    check(&no_colon, "`auths` of a.b has an `auth` without a colon after the user's name");
    check(r#"{"auths": {"a.b": {"auth": "gP8="}}}"#, "`auths` of a.b has an `auth` that is no text");
    check(r#"{"auths": {"a.b": {"identitytoken": ["hunter2"]}}}"#, "no text where a text has to be");
    check(
        r#"{"auths": {"me:hunter2/x@a.b": {}}}"#,
        "may hold a password, does not begin with a host or host:port) is no registry",
    );
    check(r#"{"credHelpers": {"a.b": 1}}"#, "`credHelpers` of a.b is no text");
    check(r#"{"credHelpers": {"a.b": "../x"}}"#, "`credHelpers` of a.b is no name of a program that keeps credentials");
    check(r#"{"credsStore": "a b"}"#, "`credsStore` is no name of a program that keeps credentials");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let missing = DockerConfig::read(&dir.path().join("none.json")).expect_err("it is not there");
    assert!(matches!(missing, DockerError::Unreadable { .. }), "{missing}");
    let large = dir.path().join("large.json");
    fs::write(&large, " ".repeat(MAX_DOCKER_CONFIG as usize + 1)).expect("written");
    assert!(matches!(DockerConfig::read(&large), Err(DockerError::TooLarge { .. })));
    let good = dir.path().join("good.json");
    fs::write(&good, "{}").expect("written");
    assert_eq!(DockerConfig::read(&good).expect("it is empty").path(), good);
}

/// A program that keeps credentials, made for a test.
struct Keeper {
    dir: TempDir,
}

impl Keeper {
    fn new(script: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (text, program) = (dir.path().join("text"), dir.path().join("helper"));
        fs::write(&text, format!("#!/bin/sh\n{script}\n")).expect("written");
        // By another process: what this one has open for writing, one that it starts meanwhile has too, and cannot be run.
        let installed = std::process::Command::new("install").args(["-m", "700"]).args([&text, &program]).status();
        assert!(installed.expect("it can be run").success());
        Self { dir }
    }

    /// As if it were found on the path.
    fn helper(&self) -> Helper {
        Helper::at(&self.dir.path().join("helper"))
    }

    fn config(&self) -> DockerConfig {
        let own = ("own.example/acme".parse().expect("a place"), self.helper());
        let places = Places::default().with(
            RegistryKind::Oci,
            "quay.io".parse().expect("a place"),
            Credential::Token("file".to_owned()),
        );
        DockerConfig { path: PathBuf::from("x"), places, helpers: vec![own], store: Some(self.helper()) }
    }

    fn noted(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.dir.path().join(name)).ok()
    }
}

#[tokio::test]
async fn programs_are_asked_for_what_they_keep() {
    let keeper = Keeper::new(
        r#"read -r server; [ "$1" = get ] || exit 1
case "$server" in
  quay.io) echo 'credentials not found in native keychain'; exit 1;;
  token.example) printf '{"ServerURL":"%s","Username":"<token>","Secret":"refresh"}' "$server";;
  *) printf '{"ServerURL":"x","Username":"%s","Secret":"pw"}' "$server";;
esac"#,
    );
    let config = keeper.config();
    let check = async |server: &str, expect: Option<&str>| {
        assert_eq!(found(&config, server, "acme/x").await.as_deref(), expect, "{server}");
    };
    check("docker.io", Some("https://index.docker.io/v1/:pw")).await;
    check("r.example:5000", Some("r.example:5000:pw")).await;
    check("token.example", Some("identity refresh")).await;
    check("own.example", Some("own.example:pw")).await;
    // What the program does not have may stand in the file.
    check("quay.io", Some("bearer file")).await;
}

#[tokio::test]
async fn programs_that_fail_have_no_credential() {
    for script in [
        "exit 3",
        "cat >/dev/null; echo '{\"Username\":\"a\"}'",
        "echo hunter2",
        "head -c 100000 /dev/zero",
        "kill -9 $$",
    ] {
        assert_eq!(found(&Keeper::new(script).config(), "r.example", "x").await, None, "{script}");
    }
    let missing = Helper::new("there-is-no-such-program").expect("a name");
    assert!(missing.get("r.example").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn programs_that_do_not_end_are_ended_with_what_they_started() {
    let keeper = Keeper::new("cd \"$(dirname \"$0\")\"; sleep 600 & echo $! > child; wait");
    let asked = tokio::spawn({
        let helper = keeper.helper();
        async move { helper.get("r.example").await }
    });
    let child = eventually(|| keeper.noted("child").filter(|pid| pid.ends_with('\n'))).await;
    tokio::time::advance(crate::defaults::HELPER_TIMEOUT).await;
    assert_eq!(asked.await.expect("no panic"), None);
    let gone = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        state.is_none_or(|state| state == 'Z').then_some(())
    };
    eventually(gone).await;
}

/// Waits in real time, for the clock of tokio stands still.
async fn eventually<T: Send + 'static>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(std::time::Instant::now() < until, "it did not come about in time");
        tokio::task::yield_now().await;
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

use super::*;

fn basic(password: &str) -> Credential {
    Credential::Basic { username: "me".to_owned(), password: password.to_owned() }
}

fn places(entries: &[(&str, &str)]) -> Places {
    let add = |places: Places, (place, password): &(&str, &str)| {
        places.with(RegistryKind::Oci, place.parse().expect("a place"), basic(password))
    };
    entries.iter().fold(Places::default(), add)
}

async fn found(credentials: &Credentials, server: &str, path: &str) -> Option<String> {
    match credentials.find(RegistryKind::Oci, server, path).await.as_ref() {
        Some(Credential::Basic { password, .. }) => Some(password.clone()),
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

#[tokio::test]
async fn the_longest_path_wins() {
    let credentials = Credentials::default();
    let known = [("ghcr.io", "all"), ("ghcr.io/acme", "team"), ("ghcr.io/acme/x", "one"), ("r.example:5000/a", "a")];
    credentials.replace(Layer::Lattice, places(&known));
    let check = async |server: &str, path: &str, expect: Option<&str>| {
        assert_eq!(found(&credentials, server, path).await.as_deref(), expect, "{server}/{path}");
    };
    check("ghcr.io", "other/x", Some("all")).await;
    check("ghcr.io", "acme/y", Some("team")).await;
    check("ghcr.io", "acme/x", Some("one")).await;
    check("ghcr.io", "acme/x/y", Some("one")).await;
    check("ghcr.io", "acme/xy", Some("team")).await;
    check("ghcr.io", "acmeevil/x", Some("all")).await;
    check("r.example:5000", "a/x", Some("a")).await;
    check("r.example:5000", "ab", None).await;
    check("r.example", "a/x", None).await;
    check("ghcr.io.evil.example", "acme/x", None).await;
}

#[tokio::test]
async fn what_the_lattice_was_told_comes_first() {
    let mut sources = CredentialSources::default();
    sources.add(RegistryKind::Oci, "ghcr.io/acme".parse().expect("a place"), basic("host"));
    sources.add(RegistryKind::Oci, "ghcr.io/acme".parse().expect("a place"), basic("later"));
    sources.add(RegistryKind::Oci, "r.example".parse().expect("a place"), basic("other"));
    let credentials = Credentials::new(sources);
    assert_eq!(found(&credentials, "ghcr.io", "acme/x").await.as_deref(), Some("host"));
    // Also where it is for more than what the host was told.
    credentials.clone().replace(Layer::Lattice, places(&[("ghcr.io", "lattice")]));
    assert_eq!(found(&credentials, "ghcr.io", "acme/x").await.as_deref(), Some("lattice"));
    assert_eq!(found(&credentials, "r.example", "x").await.as_deref(), Some("other"));
    credentials.replace(Layer::Lattice, Places::default());
    credentials.replace(Layer::Host, Places::default());
    assert_eq!(found(&credentials, "ghcr.io", "acme/x").await, None);
}

#[tokio::test]
async fn a_credential_is_for_one_kind_of_server() {
    let credentials = Credentials::default();
    credentials.replace(Layer::Lattice, places(&[("r.example", "oci")]));
    assert!(credentials.find(RegistryKind::Bindle, "r.example", "x").await.is_none());
}

#[test]
fn debug_shows_no_credential() {
    let places = places(&[("ghcr.io", "hunter2")]);
    let credentials = Credentials::default();
    credentials.replace(Layer::Host, places.clone());
    let mut sources = CredentialSources::default();
    sources.add(RegistryKind::Oci, "ghcr.io".parse().expect("a place"), Credential::Token("hunter2".to_owned()));
    let shown = format!("{places:?} {credentials:?} {:?} {sources:?}", basic("hunter2"));
    assert!(shown.contains("ghcr.io") && !shown.contains("hunter2") && !shown.contains("\"me\""), "{shown}");
}

//! What a link says: [`Wanted`].

use lattice_protocol::ControlPrefix;
use lattice_provider::{Failure, Link, NatsAccess, Settings};

use crate::subject::Scope;

/// The link values that mean something here.
pub(crate) const KNOWN: &[&str] = &[
    "subscription",
    "subscriptions",
    "uri",
    "cluster_uris",
    "auth_jwt",
    "client_jwt",
    "auth_seed",
    "client_seed",
    "allow_lattice_subjects",
];

/// How URLs of NATS may begin; without any of it, they are `nats://`.
const SCHEMES: &[&str] = &["nats", "tls"];

/// What a link wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) subscriptions: Vec<Wish>,
    /// Another NATS than the lattice's.
    pub(crate) elsewhere: Option<NatsAccess>,
    pub(crate) scope: Scope,
}

/// Messages that an actor is to be handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) subject: String,
    /// Each message goes to one of the queue.
    pub(crate) queue: Option<String>,
}

impl Wanted {
    /// Reads what a link says and checks it.
    pub(crate) fn read(settings: &Settings, link: &Link, control: &ControlPrefix) -> Result<Self, Failure> {
        let elsewhere = elsewhere(settings, link)?;
        let allowed = settings.flag("allow_lattice_subjects")?.unwrap_or(false);
        let scope = match elsewhere.is_some() || allowed {
            true => Scope::All,
            false => Scope::OutsideTheLattice(control.clone()),
        };
        let mut subscriptions: Vec<Wish> = Vec::new();
        for entry in settings.list(&["subscriptions", "subscription"]) {
            let wish = Wish::read(entry, &scope)?;
            if !subscriptions.contains(&wish) {
                subscriptions.push(wish);
            }
        }
        Ok(Self { subscriptions, elsewhere, scope })
    }
}

impl Wish {
    fn read(entry: &str, scope: &Scope) -> Result<Self, Failure> {
        let (subject, queue) = match entry.split_once('|') {
            Some((subject, queue)) => (subject.trim(), Some(queue.trim())),
            None => (entry, None),
        };
        scope.require_subscribable(subject)?;
        let is_queue = |queue: &str| !queue.is_empty() && !queue.chars().any(|c| c.is_whitespace() || c.is_control());
        match queue {
            Some(queue) if !is_queue(queue) => Err(Failure::new(format!("`{entry}` has no name of a queue"))),
            _ => Ok(Self { subject: subject.to_owned(), queue: queue.map(str::to_owned) }),
        }
    }
}

fn elsewhere(settings: &Settings, link: &Link) -> Result<Option<NatsAccess>, Failure> {
    let text = |names: &[&str]| settings.first(names).unwrap_or_default().to_owned();
    let urls = text(&["cluster_uris", "uri"]);
    let (jwt, seed) = (text(&["auth_jwt", "client_jwt"]), text(&["auth_seed", "client_seed"]));
    match (urls.is_empty(), jwt.is_empty() && seed.is_empty()) {
        (true, true) => Ok(None),
        (true, false) => {
            Err(Failure::new("there are credentials, and neither `uri` nor `cluster_uris` says for where"))
        }
        (false, _) => {
            urls.split(',').try_for_each(|url| require_scheme(url.trim()))?;
            Ok(Some(NatsAccess { urls, jwt, seed, name: format!("messaging for {}", link.actor_id) }))
        }
    }
}

/// The rest of the URL may hold a password, and is not repeated.
fn require_scheme(url: &str) -> Result<(), Failure> {
    match url.split_once("://") {
        Some((scheme, _)) if !SCHEMES.contains(&scheme) => {
            Err(Failure::new("a URL of `uri` or `cluster_uris` does not begin with `nats://` or `tls://`"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use lattice_provider::Defaults;

    use super::*;

    const LINK: &str = r#"{"actor_id":"MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR",
        "provider_id":"VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW","contract_id":"wasmcloud:messaging"}"#;

    fn wanted(configuration: &str, values: &[(&str, &str)]) -> Result<Wanted, String> {
        let defaults = Defaults::read(Some(configuration)).expect("a configuration");
        let link: Link = lattice_protocol::decode(LINK.as_bytes()).expect("a link");
        let settings = Settings::new(&values.iter().copied().collect(), &defaults);
        Wanted::read(&settings, &link, &ControlPrefix::default()).map_err(|failure| failure.to_string())
    }

    fn wish(subject: &str, queue: Option<&str>) -> Wish {
        Wish { subject: subject.to_owned(), queue: queue.map(str::to_owned) }
    }

    #[test]
    fn links_say_it_as_published_ones_do() {
        let values = [("SUBSCRIPTION", "a.>, b|q ,,a.>"), ("URI", "127.0.0.1:4222"), ("CLIENT_SEED", "SU")];
        let read = wanted("", &values).expect("a link of a published provider");
        assert_eq!(read.subscriptions, [wish("a.>", None), wish("b", Some("q"))]);
        let elsewhere = read.elsewhere.expect("another NATS");
        assert_eq!((elsewhere.urls.as_str(), elsewhere.seed.as_str()), ("127.0.0.1:4222", "SU"));
        assert_eq!(read.scope, Scope::All);
        let configuration = r#"{"subscriptions":["x","y|q"],"cluster_uris":["nats://a","tls://b"]}"#;
        let read = wanted(configuration, &[("subscription", "z")]).expect("a configuration of a published provider");
        assert_eq!(read.subscriptions, [wish("z", None)]);
        assert_eq!(read.elsewhere.expect("another NATS").urls, "nats://a,tls://b");
        let read = wanted(configuration, &[("uri", "c")]).expect("a link that says it otherwise");
        assert_eq!(read.subscriptions, [wish("x", None), wish("y", Some("q"))]);
        assert_eq!(read.elsewhere.expect("another NATS").urls, "c");
        assert_eq!(wanted("", &[]).expect("nothing").scope, Scope::OutsideTheLattice(ControlPrefix::default()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let check = |values: &[(&str, &str)], expect: &str| {
            let reason = wanted("", values).expect_err("refused");
            assert!(reason.contains(expect) && !reason.contains("hunter2"), "{reason}");
        };
        check(&[("subscription", "a,wasmbus.>")], "`wasmbus.>` is for the lattice");
        check(&[("subscription", "a b")], "`a b` is no subject");
        check(&[("subscription", "a|")], "`a|` has no name of a queue");
        check(&[("uri", "http://u:hunter2@x")], "does not begin with `nats://`");
        check(&[("auth_seed", "hunter2")], "there are credentials, and neither `uri`");
        check(&[("allow_lattice_subjects", "perhaps")], "neither true nor false");
        assert!(wanted("", &[("subscription", "wasmbus.>"), ("allow_lattice_subjects", "true")]).is_ok());
    }
}

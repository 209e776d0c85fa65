//! What a link says: [`Wanted`].

use std::time::Duration;

use humantime::{format_duration, parse_duration};
use lattice_protocol::ControlPrefix;
use lattice_provider::{Failure, Link, NatsAccess, Settings};

use crate::{
    defaults::{LONGEST_INTERVAL, SHORTEST_INTERVAL},
    subject::Scope,
};

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
    "every",
    "every_body",
];

/// How URLs of NATS may begin; without any of it, they are `nats://`.
const SCHEMES: &[&str] = &["nats", "tls"];

/// What a link wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) subscriptions: Vec<Wish>,
    pub(crate) timer: Option<Ticks>,
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

/// What an actor is to be handed again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    pub(crate) every: Duration,
    pub(crate) body: String,
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
        Ok(Self { subscriptions, timer: Ticks::read(settings)?, elsewhere, scope })
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

impl Ticks {
    fn read(settings: &Settings) -> Result<Option<Self>, Failure> {
        let Some(every) = settings.get("every") else { return Ok(None) };
        let body = settings.get("every_body").unwrap_or_default().to_owned();
        Ok(Some(Self { every: interval(every)?, body }))
    }
}

fn interval(text: &str) -> Result<Duration, Failure> {
    let refused = |what: &str| Failure::new(format!("the link value `every` {what} such as 500ms, 2s, 5m or 1h"));
    if text.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(refused("is a number without a unit; it is to be an interval"));
    }
    let every = parse_duration(text).map_err(|_| refused("is no interval"))?;
    match (SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&every) {
        true => Ok(every),
        false => Err(out_of_range(every)),
    }
}

fn out_of_range(every: Duration) -> Failure {
    let [every, shortest, longest] = [every, SHORTEST_INTERVAL, LONGEST_INTERVAL].map(format_duration);
    Failure::new(format!("the link value `every` is {every}; at least {shortest} and at most {longest} are possible"))
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

    fn ticks(milliseconds: u64, body: &str) -> Option<Ticks> {
        Some(Ticks { every: Duration::from_millis(milliseconds), body: body.to_owned() })
    }

    #[test]
    fn a_timer_has_an_interval_and_a_body() {
        let check = |configuration: &str, values: &[(&str, &str)], expect: Option<Ticks>| {
            assert_eq!(wanted(configuration, values).expect("a link").timer, expect, "{configuration} {values:?}");
        };
        check("", &[], None);
        check("", &[("every_body", "x")], None);
        check("", &[("every", " ")], None);
        for (every, milliseconds) in
            [("100ms", 100), ("2s", 2000), (" 1.5s ", 1500), ("5m", 300_000), ("1h30m", 5_400_000), ("24h", 86_400_000)]
        {
            check("", &[("every", every)], ticks(milliseconds, ""));
        }
        check("", &[("EVERY", "2s"), ("Every_Body", " a, b "), ("subscription", "c")], ticks(2000, "a, b"));
        let configuration = r#"{"every":"1m","every_body":"default"}"#;
        check(configuration, &[], ticks(60_000, "default"));
        check(configuration, &[("every", "1s")], ticks(1000, "default"));
        check(configuration, &[("every_body", "own")], ticks(60_000, "own"));
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        let check = |configuration: &str, every: &str, expect: &str| {
            let reason = wanted(configuration, &[("every", every)]).expect_err("refused");
            assert!(reason.starts_with(&format!("the link value `every` {expect}")), "{every}: {reason}");
        };
        for every in ["0", "5", "1.5", "."] {
            check("", every, "is a number without a unit; it is to be an interval such as 500ms, 2s, 5m or 1h");
        }
        for every in ["s", "-5s", "2x", "2s,3s", "often", "1e3s", "99999999999999999999h", "18446744073709551615h"] {
            check("", every, "is no interval such as 500ms, 2s, 5m or 1h");
        }
        for (every, is) in [("99ms", "99ms"), ("0s", "0s"), ("24h1s", "1day 1s"), ("86400001ms", "1day 1ms")] {
            check("", every, &format!("is {is}; at least 100ms and at most 1day are possible"));
        }
        check(r#"{"every":5}"#, "", "is a number without a unit");
        check(r#"{"every":["1s","2s"]}"#, "", "is no interval");
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

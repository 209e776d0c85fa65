//! Which actor answers a path: [`Prefix`], [`Route`] and [`Routes`].

use std::{sync::Arc, time::Duration};

use hyper::header::{HeaderName, HeaderValue};
use lattice_provider::{ActorKey, Link};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    defaults::{BODIES, LAST_WORDS},
    error::SettingsError,
    settings::Settings,
};

/// A path and everything below it. Without a slash at its end; the whole tree is the empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefix(String);

impl Prefix {
    pub(crate) fn parse(text: &str) -> Result<Self, SettingsError> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#');
        let is_path = path.is_empty() || path.starts_with('/');
        if text.is_empty() || !is_path || path.contains("//") || path.ends_with('/') || !path.chars().all(is_plain) {
            return Err(SettingsError::Path(text.to_owned()));
        }
        Ok(Self(path.to_owned()))
    }

    pub(crate) fn covers(&self, path: &str) -> bool {
        path.strip_prefix(self.0.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || self.is_all())
    }

    fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// As people write it.
    pub(crate) fn shown(&self) -> &str {
        if self.is_all() { "/" } else { &self.0 }
    }
}

/// The requests of one link.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) link: Arc<Link>,
    pub(crate) prefix: Prefix,
    /// What is answered without the actor.
    pub(crate) health_path: Option<String>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) max_content: usize,
    pub(crate) timeout: Option<Duration>,
    /// A place for each request that may be worked on.
    pub(crate) places: Semaphore,
    max_requests: u32,
    /// A permit for each byte of a body that may be held.
    pub(crate) bodies: Semaphore,
    /// Ends what still waits for the actor.
    pub(crate) ended: CancellationToken,
}

impl Route {
    pub(crate) fn new(link: Arc<Link>, settings: &Settings) -> Self {
        Self {
            link,
            prefix: settings.path.clone(),
            health_path: settings.health_path.clone(),
            headers: settings.headers.clone(),
            max_content: settings.max_content,
            timeout: settings.timeout,
            places: Semaphore::new(settings.max_requests),
            max_requests: u32::try_from(settings.max_requests).unwrap_or(u32::MAX),
            bodies: Semaphore::new(BODIES.max(settings.max_content)),
            ended: CancellationToken::new(),
        }
    }

    pub(crate) fn actor(&self) -> &ActorKey {
        &self.link.actor_id
    }

    /// Waits until its requests are answered; those that take longer than `limit` are ended.
    pub(crate) async fn drain(&self, limit: Duration) {
        if timeout(limit, self.places.acquire_many(self.max_requests)).await.is_err() {
            self.ended.cancel();
            let _ = timeout(LAST_WORDS, self.places.acquire_many(self.max_requests)).await;
        }
    }
}

/// The routes of one address, the longest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes(Vec<Arc<Route>>);

impl Routes {
    pub(crate) fn find(&self, path: &str) -> Option<&Arc<Route>> {
        self.0.iter().find(|route| route.prefix.covers(path))
    }

    /// Another actor's route with this prefix.
    pub(crate) fn rival(&self, prefix: &Prefix, actor: &ActorKey) -> Option<&Arc<Route>> {
        self.0.iter().find(|route| route.prefix == *prefix && route.actor() != actor)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a route of anybody else.
    pub(crate) fn has_others(&self, actor: &ActorKey) -> bool {
        self.0.iter().any(|route| route.actor() != actor)
    }

    /// These with `route` instead of what its actor had.
    pub(crate) fn with(&self, route: Arc<Route>) -> Self {
        let mut routes = self.without(route.actor());
        let at = routes.0.partition_point(|other| other.prefix.0.len() > route.prefix.0.len());
        routes.0.insert(at, route);
        routes
    }

    pub(crate) fn without(&self, actor: &ActorKey) -> Self {
        Self(self.0.iter().filter(|route| route.actor() != actor).cloned().collect())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use lattice_provider::LinkValues;

    use super::*;

    const ACTORS: [&str; 3] = [
        "MDNX3CB6VBXG55GOJ6UYON7AMK6SLYPB6GLPRZGTEE6625EFLJDQKWWR",
        "MDJ5BWS6JXSWOZL2ZENW2D4FBSHQ5ZMFGEGJB33TLKYKMXTLLAXINU36",
        "MB4OLDIC3TCZ4Q4TGGOVAZC43VXFE2JQVRAXQMQFXUCREOOFEKOKZTY2",
    ];

    pub(crate) fn route(actor: &str, path: &str) -> Arc<Route> {
        let link = Link {
            actor_id: actor.parse().expect("a key"),
            provider_id: "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW".parse().expect("a key"),
            link_name: "default".parse().expect("a name"),
            contract_id: "wasmcloud:httpserver".parse().expect("a contract"),
            values: LinkValues::new(),
        };
        let settings = Settings::read(&[("path", path)].into_iter().collect()).expect("settings");
        Arc::new(Route::new(Arc::new(link), &settings))
    }

    #[test]
    fn prefixes_end_where_segments_end() {
        let check = |prefix: &str, path: &str, expect: bool| {
            let prefix = Prefix::parse(prefix).expect("a prefix");
            assert_eq!(prefix.covers(path), expect, "{prefix:?} {path}");
        };
        for path in ["/", "/api", "*", ""] {
            check("/", path, true);
        }
        for prefix in ["/api", "/api/"] {
            for (path, expect) in [("/api", true), ("/api/", true), ("/api/x", true), ("/apix", false), ("/", false)] {
                check(prefix, path, expect);
            }
        }
        check("/a/b", "/a/b/c", true);
        check("/a/b", "/a", false);
        for bad in ["", "api", "//", "/a//b", "/a?b", "/a#b", "/a b", "/ä", "/a//"] {
            assert!(Prefix::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_longest_prefix_wins_whatever_the_order() {
        let [first, second, third] = ACTORS;
        let paths = [(first, "/"), (second, "/api"), (third, "/api/v2")];
        for turn in 0..3 {
            let ordered = paths.iter().cycle().skip(turn).take(3);
            let routes = ordered.fold(Routes::default(), |routes, (actor, path)| routes.with(route(actor, path)));
            let check = |path: &str, expect: &str| {
                assert_eq!(routes.find(path).map(|route| route.actor().as_str()), Some(expect), "{path}");
            };
            check("/x", first);
            check("/api", second);
            check("/api/v1", second);
            check("/api/v2/x", third);
            assert!(routes.without(&first.parse().expect("a key")).find("/x").is_none());
        }
    }

    #[test]
    fn an_actor_has_one_route_and_no_rival_in_itself() {
        let [first, second, _] = ACTORS;
        let routes = Routes::default().with(route(first, "/a")).with(route(first, "/b"));
        assert!(routes.find("/a").is_none() && routes.find("/b").is_some());
        let prefix = Prefix::parse("/b/").expect("a prefix");
        let (first, second) = (first.parse().expect("a key"), second.parse().expect("a key"));
        assert!(routes.rival(&prefix, &first).is_none());
        assert!(routes.rival(&prefix, &second).is_some() && routes.has_others(&second));
        assert!(!routes.has_others(&first) && routes.without(&first).is_empty());
    }
}

//! Where a registry sends for tokens, and whether its credentials may be shown there.

use std::collections::BTreeSet;

use reqwest::Url;

use super::site::{Site, authority, is_insecure};
use crate::{docker_hub, web::Web};

/// Where a registry sends for tokens.
#[derive(Clone, Debug)]
pub(super) struct Realm(Url);

impl Realm {
    /// None for what is no URL of the web, or brings a user's name along.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_web = matches!(url.scheme(), "https" | "http") && url.has_host();
        (is_web && url.username().is_empty() && url.password().is_none()).then_some(Self(url))
    }

    /// Host and port.
    pub(super) fn server(&self) -> String {
        authority(&self.0)
    }

    /// Whether it is reached by TLS, or may do without.
    pub(super) fn is_allowed(&self, web: &Web) -> bool {
        self.is_https() || is_insecure(&self.0, web)
    }

    /// Whether the server's credentials may be shown there: it is that server, one of the domain above or below it, or named in the
    /// settings. A certificate, or who named the server insecure, vouches for the name.
    pub(super) fn belongs_to(&self, site: &Site, token_servers: &BTreeSet<String>) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let is_same = if self.is_https() { host == site.host() } else { self.server() == site.authority() };
        let is_named = token_servers.contains(host) || token_servers.contains(&self.server());
        let is_hub = site.is_docker_hub() && host == docker_hub::TOKENS;
        is_same || is_named || is_hub || is_above(host, site.host()) || is_above(site.host(), host)
    }

    /// The URL that gives a token for this much.
    pub(super) fn url(&self, service: Option<&str>, scope: &str) -> Url {
        let mut url = self.0.clone();
        url.set_fragment(None);
        // What is asked for is this client's to say, and who asks.
        let ours = |name: &str| matches!(name, "scope" | "service" | "account");
        let theirs: Vec<_> = self.0.query_pairs().filter(|(name, _)| !ours(name)).collect();
        let mut query = url.query_pairs_mut();
        query
            .clear()
            .extend_pairs(theirs)
            .extend_pairs(service.map(|service| ("service", service)))
            .append_pair("scope", scope);
        drop(query);
        url
    }

    fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Whether `domain` is one of at least two labels, and `host` a name in it.
fn is_above(domain: &str, host: &str) -> bool {
    let is_domain = domain.trim_end_matches('.').contains('.') && domain.parse::<std::net::Ipv4Addr>().is_err();
    is_domain && host.strip_suffix(domain).is_some_and(|below| below.ends_with('.') && below.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        reference::{Reference, Target},
        web::WebSettings,
    };

    fn web() -> Web {
        let settings =
            WebSettings::default().insecure("localhost:5000").insecure("localhost:5001").insecure("plain.example:80");
        Web::new(&settings).expect("there are certificates")
    }

    fn site(registry: &str) -> Site {
        let reference: Reference = format!("{registry}/acme/hello:1").parse().expect("the reference is one");
        let Target::Oci(reference) = reference.target() else { panic!("{registry} is no registry") };
        Site::registry(reference, &web()).expect("it is a server")
    }

    #[test]
    fn who_may_be_shown_credentials() {
        let named = BTreeSet::from(["tokens.example.org".to_owned(), "other.example.org:8443".to_owned()]);
        let check = |registry: &str, realm: &str, expect: bool| {
            let realm = Realm::parse(realm).expect("the realm is a URL");
            assert_eq!(realm.belongs_to(&site(registry), &named), expect, "{registry} {realm:?}");
        };
        check("ghcr.io", "https://ghcr.io/token", true);
        check("registry.example:5000", "https://registry.example:5001/token", true);
        check("registry.example", "https://REGISTRY.example/token", true);
        check("registry.gitlab.com", "https://gitlab.com/jwt/auth", true);
        check("example.org", "https://auth.example.org/token", true);
        check("docker.io", "https://auth.docker.io/token", true);
        check("registry-1.docker.io", "https://auth.docker.io/token", true);
        check("registry.example", "https://tokens.example.org/token", true);
        check("registry.example", "https://other.example.org:8443/token", true);
        check("localhost:5000", "http://localhost:5000/token", true);

        check("registry.example", "https://other.example.org/token", false);
        check("localhost:5000", "http://localhost:5001/token", false);
        check("registry.example", "http://registry.example:81/token", false);
        check("ghcr.io", "https://evil.example/token", false);
        check("ghcr.io", "https://ghcr.io.evil.example/token", false);
        check("ghcr.io", "https://evilghcr.io/token", false);
        check("registry.one.org", "https://tokens.two.org/token", false);
        check("registry.org", "https://org/token", false);
        check("docker.example", "https://auth.docker.io/token", false);
        check("a.example.org", "https://b.example.org/token", false);
    }

    #[test]
    fn which_realms_are_ones() {
        for bad in ["", "/token", "ftp://a/token", "https://user@a/token", "https://user:word@a/token", "https://"] {
            assert!(Realm::parse(bad).is_none(), "{bad}");
        }
        let check = |text: &str, expect: bool| {
            let realm = Realm::parse(text).expect("the realm is a URL");
            assert_eq!(realm.is_allowed(&web()), expect, "{text}");
        };
        check("https://a/token", true);
        check("http://localhost:5000/token", true);
        check("http://plain.example/token", true);
        check("http://localhost/token", false);
        check("http://a/token", false);
    }

    #[test]
    fn questions_for_tokens() {
        let check = |realm: &str, service, expect: &str| {
            let realm = Realm::parse(realm).expect("the realm is a URL");
            assert_eq!(realm.url(service, "repository:a/b:pull").as_str(), expect);
        };
        check("https://a/t", Some("s&x"), "https://a/t?service=s%26x&scope=repository%3Aa%2Fb%3Apull");
        let theirs = "https://a/t?scope=repository:x:push&k=v&service=x&account=y";
        check(theirs, Some("s"), "https://a/t?k=v&service=s&scope=repository%3Aa%2Fb%3Apull");
        check("https://a/t?k=v#f", None, "https://a/t?k=v&scope=repository%3Aa%2Fb%3Apull");
    }
}

//! One server that may have what a reference names, the registry or a mirror of it, and the URLs there.

use reqwest::Url;
use tokio::sync::OnceCell;

use super::{error::OciError, place::OciPlace, settings::OciSettings};
use crate::{
    credentials::{Credential, Credentials, RegistryKind},
    docker_hub,
    reference::OciReference,
    web::Web,
};

/// One server that may have what a reference names, asked about one repository.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) place: OciPlace,
    /// The server as references and settings name it.
    pub(super) server: String,
    /// The repository on that server.
    pub(super) repository: String,
    pub(super) is_mirror: bool,
    /// Ends with a slash; what is asked for is below it.
    base: Url,
    /// What is known by which to authenticate there, once somebody asked for it.
    credential: OnceCell<Option<Credential>>,
}

impl Site {
    /// The registry that the reference names.
    pub(super) fn registry(reference: &OciReference, web: &Web) -> Result<Self, OciError> {
        Self::new(OciPlace::new(reference), reference.registry(), reference.repository(), web)
    }

    /// The mirrors of that registry, in order.
    pub(super) fn mirrors(reference: &OciReference, settings: &OciSettings, web: &Web) -> Vec<Result<Self, OciError>> {
        let mirrors = settings.mirrors.iter().filter(|(registry, _)| is_same(registry, reference.registry()));
        mirrors.flat_map(|(_, mirrors)| mirrors).map(|mirror| Self::mirror(reference, mirror, web)).collect()
    }

    fn mirror(reference: &OciReference, mirror: &str, web: &Web) -> Result<Self, OciError> {
        let mirror = mirror.trim_end_matches('/');
        let (server, repository) = match mirror.split_once('/') {
            Some((server, prefix)) => (server, format!("{prefix}/{}", reference.repository())),
            None => (mirror, reference.repository().to_owned()),
        };
        let server = server.to_ascii_lowercase();
        let site = Self::new(OciPlace::new(reference).at(&server), &server, &repository, web)?;
        Ok(Self { is_mirror: true, ..site })
    }

    fn new(place: OciPlace, server: &str, repository: &str, web: &Web) -> Result<Self, OciError> {
        let host = if docker_hub::is(server) { docker_hub::REGISTRY } else { server };
        let path = format!("/v2/{repository}/");
        let base = Url::parse(&format!("{}://{host}{path}", web.scheme(host)));
        match base.ok().filter(|url| url.path() == path && has_path_alone(url) && names(url, host)) {
            Some(base) => Ok(Self {
                place,
                server: server.to_owned(),
                repository: repository.to_owned(),
                is_mirror: false,
                base,
                credential: OnceCell::new(),
            }),
            None => Err(OciError::BadServer { place, name: server.to_owned() }),
        }
    }

    /// The URL of something of the repository.
    pub(super) fn url(&self, rest: &str) -> Url {
        self.base.join(rest).expect("digests, tags and `uploads` are paths")
    }

    /// What names this server and repository, and the scheme by which they are reached.
    pub(super) fn key(&self) -> &str {
        self.base.as_str()
    }

    /// Whether the URL is one of this server, reached in the same way.
    pub(super) fn has(&self, url: &Url) -> bool {
        self.base.origin() == url.origin()
    }

    /// What is asked for, of the server of that URL.
    pub(super) fn place_of(&self, url: &Url) -> OciPlace {
        match self.has(url) {
            true => self.place.clone(),
            false => self.place.at(&authority(url)),
        }
    }

    /// The host of the server, as a URL has it.
    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Host and port.
    pub(super) fn authority(&self) -> String {
        authority(&self.base)
    }

    /// Whether the server is a name of Docker Hub.
    pub(super) fn is_docker_hub(&self) -> bool {
        docker_hub::is(&self.server)
    }

    /// Where the server's interface begins.
    pub(super) fn root(&self) -> Url {
        self.base.join("/v2/").expect("a path can stand behind a server's name")
    }

    /// What is known by which to authenticate there. It is looked up once, for programs may have to run.
    pub(super) async fn credential(&self, credentials: &Credentials) -> Option<Credential> {
        let find = || credentials.find(RegistryKind::Oci, &self.server, &self.repository);
        self.credential.get_or_init(find).await.clone()
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one == other || docker_hub::is(one) && docker_hub::is(other)
}

/// Neither a user's name nor a query nor a fragment.
fn has_path_alone(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none()
}

/// Whether that is the server of the URL as it is: no other way of writing an address, no empty port.
fn names(url: &Url, server: &str) -> bool {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    server == host || server == format!("{host}:{port}")
}

/// `host`, or `host:port` where the port is not that of the scheme.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether the URL is one without TLS, of a server that may be asked so.
pub(super) fn is_insecure(url: &Url, web: &Web) -> bool {
    let with_port =
        format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    url.scheme() == "http" && [authority(url), with_port].iter().any(|server| web.scheme(server) == "http")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reference::Reference, reference::Target, web::WebSettings};

    fn reference(text: &str) -> OciReference {
        let reference: Reference = text.parse().expect("the reference is one");
        let Target::Oci(reference) = reference.target() else { panic!("{text} is in no registry") };
        reference.clone()
    }

    fn web() -> Web {
        Web::new(&WebSettings::default().insecure("localhost:5000")).expect("there are certificates")
    }

    #[test]
    fn urls_of_registries() {
        let check = |text: &str, expect: &str| {
            let site = Site::registry(&reference(text), &web()).expect("it is a server");
            assert_eq!(site.url("manifests/1").as_str(), expect);
        };
        check("ghcr.io/acme/hello:1", "https://ghcr.io/v2/acme/hello/manifests/1");
        check("registry.example:8443/hello:1", "https://registry.example:8443/v2/hello/manifests/1");
        check("localhost:5000/hello:1", "http://localhost:5000/v2/hello/manifests/1");
        check("localhost:5001/hello:1", "https://localhost:5001/v2/hello/manifests/1");
        check("docker.io/library/hello:1", "https://registry-1.docker.io/v2/library/hello/manifests/1");
        check("index.docker.io/acme/hello:1", "https://registry-1.docker.io/v2/acme/hello/manifests/1");
    }

    #[test]
    fn urls_of_mirrors() {
        let check = |mirror: &str, expect: Option<&str>| {
            let settings = OciSettings::default().mirror("Docker.io", mirror);
            let sites = Site::mirrors(&reference("docker.io/acme/hello:1"), &settings, &web());
            let [site] = &sites[..] else { panic!("{sites:?}") };
            let url = site.as_ref().ok().map(|site| site.url("manifests/1").to_string());
            assert_eq!(url.as_deref(), expect, "{mirror}");
        };
        check("Mirror.example", Some("https://mirror.example/v2/acme/hello/manifests/1"));
        check("mirror.example/", Some("https://mirror.example/v2/acme/hello/manifests/1"));
        check("localhost:5000/hub/", Some("http://localhost:5000/v2/hub/acme/hello/manifests/1"));
        check("mirror.example/a/b", Some("https://mirror.example/v2/a/b/acme/hello/manifests/1"));
        for bad in [
            "https://mirror.example",
            "mirror.example:",
            "1.2.3",
            "user@mirror.example",
            "mirror.example/../x",
            "mirror.example/a?b",
            "a b",
            "",
        ] {
            check(bad, None);
        }
        let others = OciSettings::default().mirror("docker.example", "mirror.example");
        assert!(Site::mirrors(&reference("docker.io/acme/hello:1"), &others, &web()).is_empty());
    }
}

//! What the tests of this module have in common: an artifact, whoever serves it, and clients that are quick to give up.

use std::time::Duration;

use bytes::Bytes;
use lattice_protocol::error_chain;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::fake::{Asked, Fake, Reply};
use crate::{
    credentials::{Credential, Credentials, Layer, Places, RegistryKind},
    digest::Digest,
    kind::Kind,
    oci::{OciError, OciSettings, Registries, patience::Patience},
    progress::Progress,
    reference::{OciReference, Reference, Target},
    web::{Web, WebSettings, WebTimes},
};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const MODULE: &str = "application/vnd.module.wasm.content.layer.v1+wasm";
/// The most bytes that downloads may have.
pub(super) const MAX: u64 = 1 << 20;

/// An artifact as a registry has it.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) content: Vec<u8>,
    pub(super) manifest: Vec<u8>,
}

impl Stored {
    pub(super) fn new() -> Self {
        Self::of((0..200_000_u32).flat_map(u32::to_le_bytes).collect())
    }

    pub(super) fn of(content: Vec<u8>) -> Self {
        let layers = json!([layer(MODULE, &content)]);
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": {}, "layers": layers });
        Self { content, manifest: manifest.to_string().into_bytes() }
    }

    pub(super) fn with_manifest(&self, manifest: &Value) -> Self {
        Self { manifest: manifest.to_string().into_bytes(), ..self.clone() }
    }

    /// Answers as a registry does that asks nobody who he is.
    pub(super) fn serve(&self, asked: &Asked) -> Reply {
        let digest = Digest::of(&self.manifest).to_string();
        match asked.path.rsplit_once('/') {
            Some((_, name)) if asked.is_about("/manifests/") && (name == "1" || name == digest) => {
                Reply::ok(MANIFEST, self.manifest.clone()).with("docker-content-digest", &digest)
            }
            Some((_, name)) if asked.is_about("/blobs/") && name == Digest::of(&self.content).to_string() => {
                Reply::ok("application/octet-stream", self.content.clone())
            }
            _ => Reply::status(404),
        }
    }
}

pub(super) fn layer(media_type: &str, content: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(content), "size": content.len() })
}

/// A server with one artifact, `acme/hello:1`.
pub(super) async fn serving(stored: Stored) -> Fake {
    Fake::start(move |asked| stored.serve(asked)).await
}

/// A client, about to be made.
#[derive(Default)]
pub(super) struct Client {
    web: WebSettings,
    settings: OciSettings,
    places: Places,
    silence: Option<Duration>,
    files: Vec<NamedTempFile>,
}

impl Client {
    /// One that may ask these servers without TLS.
    pub(super) fn of<'a>(fakes: impl IntoIterator<Item = &'a Fake>) -> Self {
        fakes.into_iter().fold(Self::default(), |client, fake| client.insecure(&fake.server))
    }

    pub(super) fn insecure(mut self, server: &str) -> Self {
        self.web = self.web.insecure(server);
        self
    }

    pub(super) fn trusting(mut self, pem: &str) -> Self {
        let file = NamedTempFile::new().expect("a file can be made");
        std::fs::write(file.path(), pem).expect("the file can be written");
        self.web = self.web.extra_root(file.path());
        self.files.push(file);
        self
    }

    pub(super) fn settings(mut self, settings: OciSettings) -> Self {
        self.settings = settings;
        self
    }

    pub(super) fn login(self, server: &str, username: &str, password: &str) -> Self {
        let (username, password) = (username.to_owned(), password.to_owned());
        self.credential(server, Credential::Basic { username, password })
    }

    pub(super) fn credential(mut self, server: &str, credential: Credential) -> Self {
        self.places.insert(RegistryKind::Oci, server.parse().expect("a place"), credential);
        self
    }

    /// One that takes silence as an answer soon.
    pub(super) fn hasty(self) -> Self {
        self.silent_for(Duration::from_millis(200))
    }

    /// One that takes so long a silence as an answer.
    pub(super) fn silent_for(mut self, silence: Duration) -> Self {
        self.silence = Some(silence);
        self
    }

    pub(super) fn build(self) -> Registries {
        let credentials = Credentials::default();
        credentials.replace(Layer::Host, self.places.clone());
        self.build_with(credentials)
    }

    pub(super) fn build_with(self, credentials: Credentials) -> Registries {
        let mut times = WebTimes::default();
        times.silence = self.silence.unwrap_or(times.silence);
        let web = Web::with_times(&self.web, times).expect("the certificates can be read");
        let pause = Duration::from_millis(1);
        let patience = Patience { first: pause, longest: pause, ..Patience::default() };
        Registries::with_patience(web, credentials, self.settings, patience)
    }
}

pub(super) fn reference(text: &str) -> OciReference {
    let reference: Reference = text.parse().expect("the reference is one");
    let Target::Oci(reference) = reference.target() else { panic!("{text} is in no registry") };
    reference.clone()
}

/// `acme/hello:1` on that server.
pub(super) fn hello(server: &str) -> OciReference {
    reference(&format!("{server}/acme/hello:1"))
}

/// Finds and downloads `acme/hello:1` on that server, on a thread of the runtime as a host does.
pub(super) async fn pull(registries: &Registries, server: &str) -> Result<Bytes, OciError> {
    pull_as(registries, server, Kind::Module).await
}

pub(super) async fn pull_as(registries: &Registries, server: &str, kind: Kind) -> Result<Bytes, OciError> {
    let (registries, reference) = (registries.clone(), hello(server));
    let pulled = tokio::spawn(async move {
        let image = registries.find(&reference, kind).await?;
        registries.download(&reference, &image, MAX, &Progress::default()).await
    });
    pulled.await.expect("pulling does not panic")
}

/// The error, which must name the registry and the repository.
pub(super) fn refused<T>(result: Result<T, OciError>, server: &str) -> OciError {
    let error = result.err().expect("it is refused");
    let text = error_chain(&error);
    assert!(text.contains(&format!("{server}/acme/hello")), "{text}");
    error
}

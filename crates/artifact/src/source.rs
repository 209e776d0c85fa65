//! Where bytes come from. Each scheme is one arm here, so that a new source changes no caller.

mod file;

use std::sync::Arc;

use bytes::Bytes;

pub use self::file::FileError;
use crate::{
    archive::this_target,
    artifact::{Fetched, Policy},
    bindle::{BindleImage, BindleSettings, Bindles},
    blocking::blocking,
    cache::Cache,
    credentials::Credentials,
    digest::Digest,
    error::{FetchError, SourceError},
    kind::Kind,
    objects::{ObjectImage, Objects},
    oci::{OciImage, OciSettings, Push, Registries},
    progress::Progress,
    pull::Pull,
    reference::{FileReference, OciReference, Reference, Target},
    remote::{Fetch, Image, Named, Remote},
    web::{Web, WebSettings},
};

/// Where artifacts may come from, and how that is reached.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SourceSettings {
    /// How servers are reached.
    pub web: WebSettings,
    /// What holds for OCI registries.
    pub oci: OciSettings,
    /// What holds for bindle servers.
    pub bindle: BindleSettings,
    /// Who is told what; what is changed there later counts, too.
    pub credentials: Credentials,
}

impl SourceSettings {
    /// Sets how servers are reached.
    #[must_use]
    pub fn web(mut self, web: WebSettings) -> Self {
        self.web = web;
        self
    }

    /// Sets what holds for OCI registries.
    #[must_use]
    pub fn oci(mut self, oci: OciSettings) -> Self {
        self.oci = oci;
        self
    }

    /// Sets what holds for bindle servers.
    #[must_use]
    pub fn bindle(mut self, bindle: BindleSettings) -> Self {
        self.bindle = bindle;
        self
    }

    /// Sets who is told what.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Everything that keeps a store with these settings from being opened; [`Store::open`](crate::Store::open) itself tells the
    /// first of it.
    ///
    /// Blocks for a few file operations.
    pub fn problems(&self) -> Vec<SourceError> {
        let web = self.web.problems().map(SourceError::from);
        web.chain(self.bindle.server().err().map(SourceError::from)).collect()
    }
}

/// The sources of artifacts; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    registries: Registries,
    bindles: Bindles,
    /// The lattice's own store and what tells it apart from others, where there is a lattice.
    objects: Option<(Objects, String)>,
}

/// What a download needs to know of an image.
#[derive(Clone, Debug)]
pub(crate) enum Detail {
    Oci(OciImage),
    Bindle(BindleImage),
    Object(ObjectImage),
}

impl Sources {
    /// Reads the certificates that are named; blocks for a few file operations.
    pub(crate) fn new(settings: SourceSettings) -> Result<Self, SourceError> {
        let SourceSettings { web, oci, bindle, credentials } = settings;
        let web = Web::new(&web)?;
        let bindles = Bindles::new(web.clone(), credentials.clone(), bindle)?;
        Ok(Self { registries: Registries::new(web, credentials, oci), bindles, objects: None })
    }

    /// With the artifacts of a lattice.
    pub(crate) fn with_objects(self, objects: Objects, lattice: String) -> Self {
        Self { objects: Some((objects, lattice)), ..self }
    }

    /// Whether a reference may be fetched at all, which can be told without fetching it.
    pub(crate) fn admit(&self, reference: &Reference, policy: &Policy) -> Result<(), FetchError> {
        let what = match reference.target() {
            Target::File(_) if policy.allow_file => return Ok(()),
            Target::File(_) => return Err(FetchError::FileNotAllowed { reference: reference.to_string() }),
            Target::Oci(oci) => return self.registries.admit(oci).map_err(FetchError::oci),
            Target::Bindle(bindle) => {
                return self.bindles.admit(bindle).map_err(|error| FetchError::bindle(reference, error));
            }
            Target::Object(_) if self.objects.is_some() => return Ok(()),
            Target::Object(_) => "an artifact in a lattice's own store",
            Target::Builtin(_) => "a builtin capability provider",
        };
        Err(FetchError::Unsupported { reference: reference.to_string(), what })
    }

    /// What `reference` names elsewhere, of at most `max` bytes.
    pub(crate) async fn fetch(
        &self,
        cache: &Arc<Cache>,
        reference: &Reference,
        pull: &Pull,
        max: u64,
    ) -> Result<Fetched, FetchError> {
        let named = self.named(reference);
        Fetch { cache, remote: self, reference, named, pull, max }.run().await
    }

    /// Pushes to the registry that the reference names; the digest is that of the manifest.
    pub(crate) async fn push(
        &self,
        reference: &OciReference,
        push: &Push,
        progress: &Progress,
    ) -> Result<Digest, crate::oci::OciError> {
        self.registries.push(reference, push, progress).await
    }

    fn named(&self, reference: &Reference) -> Named {
        match reference.target() {
            Target::Oci(oci) => {
                Named { place: Some(format!("{oci} for {}", this_target())), is_fixed: oci.digest().is_some() }
            }
            Target::Bindle(bindle) => Named { place: self.bindles.place(bindle), is_fixed: false },
            Target::Object(object) => {
                let place = self.objects.as_ref().map(|(_, lattice)| format!("{object} in {lattice}"));
                Named { place, is_fixed: false }
            }
            Target::File(_) | Target::Builtin(_) => Named { place: None, is_fixed: false },
        }
    }

    fn unsupported(&self, reference: &Reference) -> FetchError {
        self.admit(reference, &Policy::default()).expect_err("nothing but what has an arm of its own is admitted")
    }
}

impl Remote for Sources {
    type Detail = Detail;

    async fn find(&self, reference: &Reference, kind: Kind) -> Result<Image<Detail>, FetchError> {
        match reference.target() {
            Target::Oci(oci) => {
                let image = self.registries.find(oci, kind).await.map_err(FetchError::oci)?;
                let (version, content, size) = (image.version(), Some(image.content()), image.size());
                tracing::debug!(%reference, server = image.server(), %version, size, "found");
                Ok(Image { version, content, size, detail: Detail::Oci(image) })
            }
            Target::Bindle(bindle) => {
                let image = self.bindles.find(bindle, kind).await;
                let image = image.map_err(|error| FetchError::bindle(reference, error))?;
                let (version, content, size) = (image.version(), image.content(), image.size());
                Ok(Image { version, content, size, detail: Detail::Bindle(image) })
            }
            Target::Object(object) => {
                let (objects, _) = self.objects.as_ref().ok_or_else(|| self.unsupported(reference))?;
                let image = objects.find(object).await.map_err(FetchError::object)?;
                let (version, content, size) = (image.version(), image.content(), image.size());
                Ok(Image { version, content, size, detail: Detail::Object(image) })
            }
            Target::File(_) | Target::Builtin(_) => Err(self.unsupported(reference)),
        }
    }

    async fn download(
        &self,
        reference: &Reference,
        image: &Image<Detail>,
        max: u64,
        progress: &Progress,
    ) -> Result<Bytes, FetchError> {
        match (reference.target(), &image.detail) {
            (Target::Oci(oci), Detail::Oci(image)) => {
                let bytes = self.registries.download(oci, image, max, progress).await;
                bytes.map_err(FetchError::oci)
            }
            (Target::Bindle(bindle), Detail::Bindle(image)) => {
                let bytes = self.bindles.download(bindle, image, max, progress).await;
                bytes.map_err(|error| FetchError::bindle(reference, error))
            }
            (Target::Object(object), Detail::Object(image)) => {
                let (objects, _) = self.objects.as_ref().ok_or_else(|| self.unsupported(reference))?;
                let bytes = objects.download(object, image, max, progress).await;
                bytes.map_err(FetchError::object)
            }
            _ => Err(self.unsupported(reference)),
        }
    }
}

/// The file at that place, of at most `max` bytes.
pub(crate) async fn read_file(reference: Reference, file: FileReference, max: u64) -> Result<Fetched, FetchError> {
    blocking(move || match file::read(file.path(), max) {
        Ok(bytes) => {
            let digest = Digest::of(&bytes);
            Ok(Fetched {
                reference,
                digest,
                bytes,
                version: None,
                moved_from: None,
                is_cached: false,
                unkept: None,
                place: None,
            })
        }
        Err(source) => Err(FetchError::File { reference: reference.to_string(), source }),
    })
    .await
}

//! Finding an artifact: from the reference to the one layer that holds its bytes.

use reqwest::{Response, header::CONTENT_TYPE};

use super::{
    ask::Ask,
    body,
    error::OciError,
    manifest::{self, Descriptor, Manifest, only_layer},
    platform::{Platform, choose},
    session::Session,
    site::Site,
    told::shown,
};
use crate::{defaults::MAX_MANIFEST, digest::Digest, kind::Kind, reference::OciReference};

/// The header in which registries say what digest a manifest has (distribution-spec v1.1, "Pulling manifests").
const CONTENT_DIGEST: &str = "docker-content-digest";
const THE_MANIFEST: &str = "the manifest";

/// What an artifact is: known, not yet downloaded.
#[derive(Clone, Debug)]
pub(crate) struct OciImage {
    version: Digest,
    pub(super) digest: Digest,
    size: u64,
    pub(super) site: Site,
}

impl OciImage {
    /// The digest of the manifest that the reference names; of the index, if it is one.
    pub(crate) fn version(&self) -> Digest {
        self.version
    }

    /// The digest of the bytes.
    pub(crate) fn content(&self) -> Digest {
        self.digest
    }

    /// How many bytes there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The server that told: the registry, or one of its mirrors.
    pub(crate) fn server(&self) -> &str {
        self.site.place.server()
    }
}

impl Session<'_> {
    /// What the reference names on this server.
    pub(super) async fn find(&self, reference: &OciReference, kind: Kind) -> Result<OciImage, OciError> {
        let name = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.unwrap_or(super::LATEST).to_owned(),
        };
        let (version, manifest) = self.manifest(&name, Expected { digest: reference.digest(), size: None }).await?;
        let layers = match manifest {
            Manifest::Image(layers) => layers,
            Manifest::Index(entries) => self.choose(&entries, kind).await?,
        };
        let place = &self.site.place;
        let layer = only_layer(place, &layers, kind)?;
        Ok(OciImage { version, digest: layer.digest(place)?, size: layer.size, site: self.site.clone() })
    }

    /// The layers of the manifest that is for this machine.
    async fn choose(&self, entries: &[Descriptor], kind: Kind) -> Result<Vec<Descriptor>, OciError> {
        let (place, here) = (&self.site.place, Platform::here());
        let platforms: Vec<_> = entries.iter().map(|entry| entry.platform.clone()).collect();
        let Some(chosen) = choose(&platforms, &here, kind).map(|chosen| &entries[chosen]) else {
            let there = listed(&platforms);
            return Err(OciError::NoPlatform { place: place.clone(), wanted: here.to_string(), there });
        };
        let digest = chosen.digest(place)?;
        let expected = Expected { digest: Some(digest), size: Some(chosen.size) };
        match self.manifest(&digest.to_string(), expected).await?.1 {
            Manifest::Image(layers) => Ok(layers),
            Manifest::Index(_) => Err(OciError::NestedIndex { place: place.clone(), digest }),
        }
    }

    /// The manifest of that name, a tag or a digest, and its digest.
    async fn manifest(&self, name: &str, expected: Expected) -> Result<(Digest, Manifest), OciError> {
        let ask = Ask::manifest(self.site.url(&format!("manifests/{name}")));
        let mut tries = self.tries();
        loop {
            match self.manifest_once(&ask, expected).await {
                Ok(found) => return Ok(found),
                Err(error) => tries.after(error).await?,
            }
        }
    }

    async fn manifest_once(&self, ask: &Ask, expected: Expected) -> Result<(Digest, Manifest), OciError> {
        let response = self.ask(ask).await?;
        let place = &self.site.place_of(response.url());
        let content_type = header(&response, CONTENT_TYPE.as_str());
        manifest::check_type(place, &content_type)?;
        let told = header(&response, CONTENT_DIGEST);
        let body = body::read(&self.shared.web, place, response, MAX_MANIFEST, THE_MANIFEST).await?;
        let digest = self.verify(&body, expected, &told)?;
        Ok((digest, manifest::read(place, &content_type, &body)?))
    }

    /// The digest of a manifest, which is the one that was asked for and the one that the server tells, as far as these are known.
    fn verify(&self, body: &[u8], expected: Expected, told: &str) -> Result<Digest, OciError> {
        let (place, digest) = (|| self.site.place.clone(), Digest::of(body));
        let told = match told {
            "" => None,
            told => Some(told.parse().map_err(|_| OciError::UnknownDigest { place: place(), digest: shown(told) })?),
        };
        if let Some(expected) = expected.size.filter(|size| *size != body.len() as u64) {
            return Err(OciError::WrongSize { place: place(), what: THE_MANIFEST, size: body.len() as u64, expected });
        }
        match expected.digest.into_iter().chain(told).find(|expected| *expected != digest) {
            Some(expected) => Err(OciError::WrongDigest { place: place(), what: THE_MANIFEST, digest, expected }),
            None => Ok(digest),
        }
    }
}

/// What is known of a manifest before it is here.
#[derive(Clone, Copy)]
struct Expected {
    digest: Option<Digest>,
    size: Option<u64>,
}

/// A header as text; empty, if there is none.
fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

fn listed(platforms: &[Option<Platform>]) -> String {
    let names = platforms.iter().map(|platform| platform.as_ref().map_or("none".to_owned(), Platform::to_string));
    match platforms {
        [] => "nothing".to_owned(),
        _ => shown(&names.collect::<Vec<_>>().join(", ")),
    }
}

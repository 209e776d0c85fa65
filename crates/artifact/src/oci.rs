//! Artifacts in OCI registries: found by tag or digest, downloaded and checked, pushed.
//!
//! The client of the distribution specification 1.1, as much of it as artifacts need. What it does not: keep anything on disk,
//! unpack layers, read configurations, list, delete. Two things are done otherwise than by the published hosts, on purpose: an
//! artifact has exactly one layer (see `manifest`), and a reference without a tag is one to `latest`, so it is allowed where that
//! is.
//!
//! - **Credentials** are shown to the registry that they are for and to the token server that belongs to it (`realm`), when one of
//!   them asks, over the scheme by which the registry is reached. Nobody else sees them, whoever sends where.
//! - **Mirrors** are asked before the registry, with credentials of their own. One that fails in whatever way is passed over.
//! - **What passes** (`patience`) is tried again, a few times; a download goes on where it broke off.

mod ask;
mod body;
mod challenge;
mod download;
mod error;
mod exchange;
mod image;
mod manifest;
mod media;
mod patience;
mod place;
mod platform;
mod push;
mod realm;
mod refusal;
mod session;
mod settings;
mod site;
#[cfg(test)]
mod tests;
mod tokens;
mod told;
mod transport;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use lattice_protocol::error_chain;

pub use self::{error::OciError, place::OciPlace, settings::OciSettings, told::OciTold};
pub(crate) use self::{image::OciImage, push::Push};
use self::{
    patience::Patience,
    session::Session,
    site::Site,
    tokens::{Access, Tokens},
};
use crate::{
    credentials::Credentials, digest::Digest, kind::Kind, progress::Progress, reference::OciReference, web::Web,
};

/// The tag that is meant where none is named.
const LATEST: &str = "latest";

/// All OCI registries; cheap to clone.
#[derive(Clone)]
pub(crate) struct Registries {
    shared: Arc<Shared>,
}

struct Shared {
    web: Web,
    credentials: Credentials,
    settings: OciSettings,
    patience: Patience,
    tokens: Tokens,
}

impl Registries {
    pub(crate) fn new(web: Web, credentials: Credentials, settings: OciSettings) -> Self {
        Self::with_patience(web, credentials, settings, Patience::default())
    }

    fn with_patience(web: Web, credentials: Credentials, settings: OciSettings, patience: Patience) -> Self {
        Self { shared: Arc::new(Shared { web, credentials, settings, patience, tokens: Tokens::default() }) }
    }

    /// Whether the reference may be fetched at all, which is told without asking anybody.
    ///
    /// # Errors
    /// It names `latest`, or neither a tag nor a digest, and that is not allowed.
    pub(crate) fn admit(&self, reference: &OciReference) -> Result<(), OciError> {
        let place = || OciPlace::new(reference);
        match (reference.digest(), reference.tag()) {
            _ if self.shared.settings.allow_latest => Ok(()),
            (Some(_), _) => Ok(()),
            (None, Some(LATEST)) => Err(OciError::Latest { place: place() }),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(OciError::Untagged { place: place() }),
        }
    }

    /// What the reference names; where that is an index, what is for this machine.
    ///
    /// # Errors
    /// Neither a mirror nor the registry has it, or can be asked; or it is not what an artifact of that kind is.
    pub(crate) async fn find(&self, reference: &OciReference, kind: Kind) -> Result<OciImage, OciError> {
        self.admit(reference)?;
        for site in self.mirrors(reference) {
            match self.session(&site).find(reference, kind).await {
                Ok(found) => return Ok(found),
                Err(error) => passed_over(&error),
            }
        }
        let registry = Site::registry(reference, &self.shared.web)?;
        self.session(&registry).find(reference, kind).await
    }

    /// The bytes of what was found, from the same server if it still has them.
    ///
    /// # Errors
    /// There are more than `max`, which is known before one is fetched; or no server has them as they were described.
    pub(crate) async fn download(
        &self,
        reference: &OciReference,
        image: &OciImage,
        max: u64,
        progress: &Progress,
    ) -> Result<Bytes, OciError> {
        if image.size() > max {
            return Err(OciError::TooLarge { place: image.site.place.clone(), size: image.size(), max });
        }
        let found_at = image.site.is_mirror.then(|| image.site.clone());
        let others = self.mirrors(reference).into_iter().filter(|site| site.key() != image.site.key());
        for site in found_at.into_iter().chain(others.take_while(|_| image.site.is_mirror)) {
            match self.session(&site).download(image, progress).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => passed_over(&error),
            }
        }
        let registry = Site::registry(reference, &self.shared.web)?;
        self.session(&registry).download(image, progress).await
    }

    /// Pushes under the tag that the reference names, to the registry itself; returns the digest of the manifest.
    ///
    /// # Errors
    /// The reference names no tag, or a digest; or the registry does not take it.
    pub(crate) async fn push(
        &self,
        reference: &OciReference,
        push: &Push,
        progress: &Progress,
    ) -> Result<Digest, OciError> {
        let tag = reference.tag().filter(|_| reference.digest().is_none());
        let tag = tag.ok_or_else(|| OciError::NoTag { place: OciPlace::new(reference) })?;
        let registry = Site::registry(reference, &self.shared.web)?;
        let session = Session { access: Access::Push, ..self.session(&registry) };
        session.push(tag, push, progress).await
    }

    /// The mirrors that can be asked.
    fn mirrors(&self, reference: &OciReference) -> Vec<Site> {
        let mirrors = Site::mirrors(reference, &self.shared.settings, &self.shared.web);
        mirrors.into_iter().filter_map(|site| site.inspect_err(passed_over).ok()).collect()
    }

    fn session<'a>(&'a self, site: &'a Site) -> Session<'a> {
        Session { shared: &self.shared, site, access: Access::Pull }
    }
}

fn passed_over(error: &OciError) {
    tracing::warn!(error = error_chain(error), "a mirror is passed over");
}

impl fmt::Debug for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registries").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

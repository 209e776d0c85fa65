//! Bindles: artifacts on a bindle server, each an invoice and the parcels that it lists.
//!
//! A small client that reads and never writes. It does not check the signatures of invoices, nor does it know keyrings: what
//! counts is the claims that are signed within the module or the provider, which the store verifies of whatever was fetched.
//!
//! Source: crate `bindle` 0.9.1, and the published hosts that used it (wasmCloud 0.80, `crates/host/src/bindle.rs`).

mod ask;
mod error;
mod invoice;

use std::fmt;

use bytes::Bytes;

pub use self::error::BindleError;
use self::{
    ask::{Arrived, Asking, Body, Patience, Wanted},
    invoice::{Invoice, Machine, Part, Parts},
};
use crate::{
    archive,
    credentials::{Credentials, RegistryKind},
    digest::Digest,
    kind::Kind,
    progress::Progress,
    reference::{BindleReference, BindleServer},
    web::Web,
};

/// Where bindles come from.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct BindleSettings {
    /// The URL of the server of references that name none, `https://bindle.example/v1/` for instance. Without it they are
    /// refused.
    pub url: Option<String>,
}

impl BindleSettings {
    /// Sets the URL of the server of references that name none.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// The server that they name, if any.
    ///
    /// # Errors
    /// [`BindleError::Url`]
    pub(crate) fn server(&self) -> Result<Option<BindleServer>, BindleError> {
        let server = self.url.as_ref().map(|url| BindleServer::parse(url, url)).transpose();
        server.map_err(|source| BindleError::Url { source })
    }
}

/// Without a user name and a password that may stand in the URL, though it is refused then.
impl fmt::Debug for BindleSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.as_ref().map(|url| BindleServer::parse(url, url).map(|server| server.to_string()));
        f.debug_struct("BindleSettings").field("url", &url).finish()
    }
}

/// The client of bindle servers; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Bindles {
    web: Web,
    credentials: Credentials,
    /// The server of references that name none.
    server: Option<BindleServer>,
    patience: Patience,
}

/// What an invoice says there is to fetch.
#[derive(Clone, Debug)]
pub(crate) struct BindleImage {
    version: Digest,
    parts: Parts,
}

impl BindleImage {
    /// The digest of the invoice: whether the bindle is still the same.
    pub(crate) fn version(&self) -> Digest {
        self.version
    }

    /// The digest of the artifact, if it can be told before it is fetched: that of a provider is packed here.
    pub(crate) fn content(&self) -> Option<Digest> {
        match &self.parts {
            Parts::Module(part) => Some(part.digest),
            Parts::Provider { .. } => None,
        }
    }

    /// The bytes to fetch.
    pub(crate) fn size(&self) -> u64 {
        match &self.parts {
            Parts::Module(part) => part.size,
            Parts::Provider { claims, executable, .. } => claims.size.saturating_add(executable.size),
        }
    }
}

impl Bindles {
    /// A client with these ways, credentials and settings. Nothing is asked yet.
    ///
    /// # Errors
    /// [`BindleError::Url`]
    pub(crate) fn new(web: Web, credentials: Credentials, settings: BindleSettings) -> Result<Self, BindleError> {
        Ok(Self { web, credentials, server: settings.server()?, patience: Patience::default() })
    }

    /// Whether the reference may be fetched at all, which can be told without asking.
    ///
    /// # Errors
    /// [`BindleError::NotConfigured`] and [`BindleError::Insecure`]
    pub(crate) fn admit(&self, reference: &BindleReference) -> Result<(), BindleError> {
        self.server(reference).map(|_| ())
    }

    /// What there is for this machine under the reference.
    pub(crate) async fn find(&self, reference: &BindleReference, kind: Kind) -> Result<BindleImage, BindleError> {
        self.find_for(reference, kind, Machine::THIS).await
    }

    /// The module as it is, or the provider as an archive with the one executable.
    ///
    /// # Errors
    /// Besides what the server does wrong, [`BindleError::TooLarge`] if there are more than `max` bytes.
    pub(crate) async fn download(
        &self,
        reference: &BindleReference,
        image: &BindleImage,
        max: u64,
        progress: &Progress,
    ) -> Result<Bytes, BindleError> {
        let (asking, size) = (self.asking(reference).await?, image.size());
        if size > max {
            return Err(BindleError::TooLarge { size, max });
        }
        let after = |done: u64| move |arrived| progress.report(done + arrived, size);
        match &image.parts {
            Parts::Module(module) => parcel(&asking, *module, &after(0)).await,
            Parts::Provider { claims, executable, target } => {
                let token = parcel(&asking, *claims, &after(0)).await?;
                let program = parcel(&asking, *executable, &after(claims.size)).await?;
                Ok(archive::pack_signed(&token, target, &program).into())
            }
        }
    }

    async fn find_for(
        &self,
        reference: &BindleReference,
        kind: Kind,
        machine: Machine,
    ) -> Result<BindleImage, BindleError> {
        let asking = self.asking(reference).await?;
        let body = match asking.get(Wanted::Invoice, &|_| {}).await {
            Err(denied @ (BindleError::Denied { .. } | BindleError::AnonymousDenied { .. })) => {
                return Err(if is_yanked(&asking).await { yanked(&asking) } else { denied });
            }
            other => other?,
        };
        let invoice = Invoice::parse(&body.bytes, &asking.server(), reference)?;
        match invoice.is_yanked() {
            true => Err(yanked(&asking)),
            false => Ok(BindleImage { version: body.digest, parts: invoice.parts(kind, machine)? }),
        }
    }

    async fn asking<'a>(&'a self, reference: &'a BindleReference) -> Result<Asking<'a>, BindleError> {
        let server = self.server(reference)?;
        let credential = self.credentials.find(RegistryKind::Bindle, server.authority(), reference.name()).await;
        Ok(Asking { web: &self.web, server, reference, credential, patience: self.patience })
    }

    /// What a reference is called wherever it is used, if it names something here.
    pub(crate) fn place(&self, reference: &BindleReference) -> Option<String> {
        let server = self.server(reference).ok()?;
        Some(format!("bindle://{}/{}@{server}", reference.name(), reference.version()))
    }

    fn server<'a>(&'a self, reference: &'a BindleReference) -> Result<&'a BindleServer, BindleError> {
        let server = reference.server().or(self.server.as_ref()).ok_or(BindleError::NotConfigured)?;
        match server.is_secure() || self.web.scheme(server.authority()) == "http" {
            true => Ok(server),
            false => Err(BindleError::Insecure { server: server.authority().to_owned() }),
        }
    }
}

/// Whether the invoice is denied to everybody: servers say *forbidden* of what was withdrawn as of what is not for all, and
/// give it only to who asks for it as such.
async fn is_yanked(asking: &Asking<'_>) -> bool {
    let body = asking.get(Wanted::YankedInvoice, &|_| {}).await;
    let invoice = body.and_then(|body| Invoice::parse(&body.bytes, &asking.server(), asking.reference));
    invoice.is_ok_and(|invoice| invoice.is_yanked())
}

fn yanked(asking: &Asking<'_>) -> BindleError {
    BindleError::Yanked { server: asking.server(), bindle: asking.bindle() }
}

async fn parcel(asking: &Asking<'_>, part: Part, arrived: Arrived<'_>) -> Result<Bytes, BindleError> {
    let Body { digest: found, bytes } = asking.get(Wanted::Parcel(part), arrived).await?;
    let (server, Part { digest: parcel, size }) = (asking.server(), part);
    match bytes.len() as u64 {
        length if length != size => Err(BindleError::WrongSize { server, parcel, size, found: Some(length) }),
        _ if found != parcel => Err(BindleError::WrongDigest { server, parcel, found }),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests;

//! Asking a bindle server for one thing: the request, what its answer means, and how often it is worth trying.
//!
//! Source of paths and headers: crate `bindle` 0.9.1, `src/client/mod.rs` and `src/server/routes.rs`.

use std::{error::Error, io, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{
    RequestBuilder, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION},
};
use tokio::time;

use super::{error::BindleError, invoice::Part};
use crate::{
    credentials::Credential,
    digest::{Digest, RunningDigest},
    reference::{BindleReference, BindleServer},
    web::{Web, retry_after},
};

/// The most bytes of an invoice. Published ones have some kilobytes, a few hundred for each parcel.
const MAX_INVOICE: u64 = 1 << 20;

/// How often and how fast a server is asked again that fails in passing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How often it is asked at most.
    pub(super) attempts: u32,
    /// The first pause; each is twice the one before.
    pub(super) pause: Duration,
    /// The longest pause that a server may ask for: longer is for people to wait.
    pub(super) longest: Duration,
}

/// Four seconds in all, within which a server has restarted or somebody else has taken over its address.
impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 5, pause: Duration::from_millis(250), longest: Duration::from_secs(10) }
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// The invoice, if it was not withdrawn.
    Invoice,
    /// The invoice in any case.
    YankedInvoice,
    /// A parcel.
    Parcel(Part),
}

impl Wanted {
    /// The bytes that it can have.
    fn max(self) -> u64 {
        match self {
            Self::Parcel(part) => part.size,
            Self::Invoice | Self::YankedInvoice => MAX_INVOICE,
        }
    }
}

/// All of an answer's body.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) digest: Digest,
    pub(super) bytes: Bytes,
}

/// Hears how many bytes of a body are here.
pub(super) type Arrived<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// A bindle on a server, and who asks for it.
pub(super) struct Asking<'a> {
    pub(super) web: &'a Web,
    pub(super) server: &'a BindleServer,
    pub(super) reference: &'a BindleReference,
    /// Which must be for this server.
    pub(super) credential: Option<Credential>,
    pub(super) patience: Patience,
}

impl Asking<'_> {
    /// The server, as errors name it.
    pub(super) fn server(&self) -> String {
        self.server.authority().to_owned()
    }

    /// Name and version, as errors and paths have them.
    pub(super) fn bindle(&self) -> String {
        format!("{}/{}", self.reference.name(), self.reference.version())
    }

    /// All of what is wanted, tried as often as it is worth it. `arrived` hears how many bytes are here, again from
    /// the start where it is fetched again.
    pub(super) async fn get(&self, wanted: Wanted, arrived: Arrived<'_>) -> Result<Body, BindleError> {
        let Patience { attempts, mut pause, longest } = self.patience;
        for _ in 1..attempts {
            let error = match self.get_once(wanted, arrived).await {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            match error.passes_after() {
                Some(wait) if wait <= longest => {
                    tracing::debug!(%error, "the bindle server is asked again");
                    time::sleep(wait.max(pause)).await;
                }
                _ => return Err(error),
            }
            pause *= 2;
        }
        self.get_once(wanted, arrived).await
    }

    async fn get_once(&self, wanted: Wanted, arrived: Arrived<'_>) -> Result<Body, BindleError> {
        let request = self.request(wanted)?;
        let response = request.send().await.map_err(|error| self.failed(error))?;
        match response.status() {
            StatusCode::OK => self.body(response, wanted, arrived).await,
            _ => Err(self.refused(&response, wanted)),
        }
    }

    fn request(&self, wanted: Wanted) -> Result<RequestBuilder, BindleError> {
        let (end, accept) = match wanted {
            Wanted::Invoice => (String::new(), "application/toml"),
            Wanted::YankedInvoice => ("?yanked=true".to_owned(), "application/toml"),
            Wanted::Parcel(part) => (format!("@{}", part.digest.to_hex()), "*/*"),
        };
        let url = format!("{}_i/{}{end}", self.server, self.bindle());
        let request = self.web.client().get(url).header(ACCEPT, accept);
        match &self.credential {
            Some(Credential::Basic { username, password }) => Ok(request.basic_auth(username, Some(password))),
            Some(Credential::Token(token) | Credential::Identity(token)) => {
                Ok(request.header(AUTHORIZATION, self.bearer(token)?))
            }
            None => Ok(request),
        }
    }

    fn bearer(&self, token: &str) -> Result<HeaderValue, BindleError> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| BindleError::Credentials { server: self.server() })?;
        value.set_sensitive(true);
        Ok(value)
    }

    async fn body(&self, mut response: Response, wanted: Wanted, arrived: Arrived<'_>) -> Result<Body, BindleError> {
        let max = wanted.max();
        let announced = response.content_length().unwrap_or_default();
        if announced > max {
            return Err(self.too_long(wanted));
        }
        let mut bytes = BytesMut::with_capacity(usize::try_from(announced).unwrap_or_default());
        let mut digesting = RunningDigest::default();
        arrived(0);
        let mut pace = self.web.pace();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            if (bytes.len() + chunk.len()) as u64 > max {
                return Err(self.too_long(wanted));
            }
            digesting.update(&chunk);
            bytes.extend_from_slice(&chunk);
            arrived(bytes.len() as u64);
            if !pace.keeps(chunk.len()) {
                return Err(BindleError::TooSlow { server: self.server() });
            }
        }
        Ok(Body { digest: digesting.finish(), bytes: bytes.freeze() })
    }

    fn too_long(&self, wanted: Wanted) -> BindleError {
        let server = self.server();
        match wanted {
            Wanted::Parcel(Part { digest: parcel, size }) => {
                BindleError::WrongSize { server, parcel, size, found: None }
            }
            Wanted::Invoice | Wanted::YankedInvoice => BindleError::InvoiceTooLarge { server, max: MAX_INVOICE },
        }
    }

    /// What a status other than 200 means.
    fn refused(&self, response: &Response, wanted: Wanted) -> BindleError {
        let (server, is_known) = (self.server(), self.credential.is_some());
        match response.status() {
            StatusCode::UNAUTHORIZED if is_known => BindleError::CredentialsRefused { server },
            StatusCode::UNAUTHORIZED => BindleError::CredentialsNeeded { server },
            StatusCode::FORBIDDEN if is_known => BindleError::Denied { server },
            StatusCode::FORBIDDEN => BindleError::AnonymousDenied { server },
            StatusCode::NOT_FOUND => self.missing(wanted),
            StatusCode::TOO_MANY_REQUESTS => {
                BindleError::TooManyRequests { server, retry_after: retry_after(response) }
            }
            status if status.is_server_error() => {
                BindleError::Failing { server, status: status.as_u16(), retry_after: retry_after(response) }
            }
            status if status.is_redirection() => BindleError::Redirect { server, target: target(response) },
            status => BindleError::Status { server, status: status.as_u16() },
        }
    }

    fn missing(&self, wanted: Wanted) -> BindleError {
        let (server, bindle) = (self.server(), self.bindle());
        match wanted {
            Wanted::Parcel(part) => BindleError::ParcelNotFound { server, bindle, parcel: part.digest },
            Wanted::Invoice | Wanted::YankedInvoice => BindleError::NotFound { server, bindle },
        }
    }

    /// Why there is no answer, or not all of it.
    fn failed(&self, error: reqwest::Error) -> BindleError {
        let (server, source) = (self.server(), error.without_url());
        match () {
            () if source.is_connect() && is_tls(&source) => BindleError::Tls { server, source },
            () if source.is_connect() => BindleError::Unreachable { server, source },
            () if source.is_timeout() => BindleError::Silent { server, source },
            () => BindleError::Broken { server, source },
        }
    }
}

/// The host that a redirect leads to. What else stands there may be a password.
fn target(response: &Response) -> Option<String> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    response.url().join(location).ok()?.host_str().map(str::to_owned)
}

/// Whether TLS is what went wrong, which is told somewhere among the causes.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<rustls::Error>() || inner.is_some_and(|inner| is_tls(inner)) || error.source().is_some_and(is_tls)
}

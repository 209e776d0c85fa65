//! What went wrong between here and a server, told apart by what can be done about it.

use std::{error::Error, io, time::Duration};

use reqwest::Url;
use rustls::CertificateError;

use super::{error::OciError, place::OciPlace, site::authority};

/// What `error` means for a question to the server of `url`. The URL itself may hold what nobody else is to know, so no error has
/// it.
pub(super) fn failure(error: reqwest::Error, place: &OciPlace, url: &Url, silence: Duration) -> OciError {
    let (source, place) = (error.without_url(), place.clone());
    let cause = Cause::of(&source);
    match cause {
        Cause::UnknownIssuer => OciError::UnknownIssuer { place, source },
        Cause::Certificate => OciError::BadCertificate { place, source },
        Cause::NotTls => OciError::NotTls { place, source },
        Cause::Tls => OciError::Tls { place, source },
        Cause::Name => OciError::Unresolved { place, source },
        Cause::Refused => OciError::Refused { place, source },
        Cause::Connection => OciError::Unreachable { place, source },
        Cause::Silence => OciError::Silent { place, silence },
        Cause::Url => OciError::BadServer { place, name: authority(url) },
        Cause::Other => OciError::BrokenOff { place, source },
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    UnknownIssuer,
    Certificate,
    NotTls,
    Tls,
    Name,
    Refused,
    Connection,
    Silence,
    Url,
    Other,
}

impl Cause {
    fn of(error: &reqwest::Error) -> Self {
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::of_tls(tls);
        }
        let is_refused = find::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        match () {
            () if error.is_builder() => Self::Url,
            () if error.is_dns() => Self::Name,
            () if error.is_connect() && is_refused => Self::Refused,
            () if error.is_connect() => Self::Connection,
            () if error.is_timeout() => Self::Silence,
            () => Self::Other,
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => Self::UnknownIssuer,
            rustls::Error::InvalidCertificate(_) => Self::Certificate,
            // What does not even look like TLS.
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            _ => Self::Tls,
        }
    }
}

/// The first of that type among the causes, looking into I/O errors, which do not tell all of theirs.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

//! What was asked for, and of whom: what every error of a registry begins with.

use std::{fmt, sync::Arc};

use crate::reference::OciReference;

/// A reference and the server that was asked about it; cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct OciPlace(Arc<Names>);

#[derive(PartialEq, Eq)]
struct Names {
    reference: String,
    registry: String,
    server: String,
}

impl OciPlace {
    pub(super) fn new(reference: &OciReference) -> Self {
        let registry = reference.registry().to_owned();
        Self(Arc::new(Names { reference: reference.to_string(), server: registry.clone(), registry }))
    }

    /// The same reference, asked of another server.
    pub(super) fn at(&self, server: &str) -> Self {
        let Names { reference, registry, .. } = &*self.0;
        let names = Names { reference: reference.clone(), registry: registry.clone(), server: server.to_owned() };
        Self(Arc::new(names))
    }

    /// The reference, without a scheme.
    pub fn reference(&self) -> &str {
        &self.0.reference
    }

    /// The server that was asked, `host` or `host:port`: the registry, a mirror, or whom one of the two sent to.
    pub fn server(&self) -> &str {
        &self.0.server
    }
}

impl fmt::Display for OciPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Names { reference, registry, server } = &*self.0;
        match server == registry {
            true => write!(f, "`{reference}`"),
            false => write!(f, "`{reference}` (asked of {server})"),
        }
    }
}

impl fmt::Debug for OciPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

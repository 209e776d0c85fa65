//! Docker Hub, the one registry that goes by several names.
//!
//! Source: moby v28 `registry/config.go` (`DefaultV2Registry`, `IndexName`), `registry/auth.go`; `WWW-Authenticate` of
//! registry-1.docker.io.

/// The name that references have, and credentials are kept under.
pub(crate) const NAME: &str = "docker.io";

/// Where its registry is.
pub(crate) const REGISTRY: &str = "registry-1.docker.io";

/// Its token server.
pub(crate) const TOKENS: &str = "auth.docker.io";

/// What files and helpers of docker call it.
pub(crate) const INDEX: &str = "https://index.docker.io/v1/";

/// Whether a server is one of its names.
pub(crate) fn is(server: &str) -> bool {
    matches!(server, NAME | REGISTRY | "index.docker.io")
}

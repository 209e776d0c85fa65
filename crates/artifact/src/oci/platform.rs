//! Which of the manifests in an index is for this machine.

use std::{
    env::consts::{ARCH, OS},
    fmt,
};

use serde::Deserialize;

use crate::kind::Kind;

/// The platform of a manifest in an index (image-spec v1.1 `image-index.md`), in the names of Go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Platform {
    #[serde(default)]
    pub(super) os: String,
    #[serde(default)]
    pub(super) architecture: String,
}

impl Platform {
    /// This machine.
    pub(super) fn here() -> Self {
        let os = match OS {
            "macos" => "darwin",
            other => other,
        };
        let architecture = match ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            other => other,
        };
        Self { os: os.to_owned(), architecture: architecture.to_owned() }
    }

    /// Modules run anywhere; those who put them into an index write `wasm` as their architecture, and one or the other system.
    fn is_any(&self) -> bool {
        self.architecture == "wasm"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// The index of the platform that suits `here`: of that very one, or, for a module, of any machine.
pub(super) fn choose(platforms: &[Option<Platform>], here: &Platform, kind: Kind) -> Option<usize> {
    let position =
        |suits: &dyn Fn(&Platform) -> bool| platforms.iter().position(|platform| platform.as_ref().is_some_and(suits));
    let exact = position(&|platform| platform == here);
    exact.or_else(|| position(&|platform| kind != Kind::Provider && platform.is_any()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Option<Platform> {
        let (os, architecture) = text.split_once('/')?;
        Some(Platform { os: os.to_owned(), architecture: architecture.to_owned() })
    }

    #[test]
    fn the_manifest_for_this_machine() {
        let here = platform("linux/arm64").expect("it is one");
        let check = |platforms: &[&str], kind, expect| {
            let platforms: Vec<_> = platforms.iter().map(|text| platform(text)).collect();
            assert_eq!(choose(&platforms, &here, kind), expect, "{platforms:?}");
        };
        check(&["linux/amd64", "linux/arm64", "linux/arm64"], Kind::Provider, Some(1));
        check(&["none", "linux/arm64"], Kind::Provider, Some(1));
        check(&["linux/amd64", "darwin/arm64", "unknown/unknown"], Kind::Provider, None);
        check(&["none"], Kind::Module, None);
        check(&[], Kind::Module, None);
        check(&["linux/amd64", "wasi/wasm"], Kind::Module, Some(1));
        check(&["wasip1/wasm", "linux/arm64"], Kind::Module, Some(1));
        check(&["wasi/wasm"], Kind::Provider, None);
    }

    #[test]
    fn this_machine_has_a_name_that_indexes_use() {
        let here = Platform::here();
        assert!(["linux", "darwin", "windows"].contains(&here.os.as_str()), "{here}");
        assert!(!["x86_64", "aarch64"].contains(&here.architecture.as_str()), "{here}");
    }
}

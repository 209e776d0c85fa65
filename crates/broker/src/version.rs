//! The version of a nats-server, as it prints or announces it.

use std::{fmt, str::FromStr};

/// A nats-server version. A pre-release counts as the release that it precedes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

/// The text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version such as 2.10.0")]
pub struct VersionError(String);

impl Version {
    /// The version `major.minor.patch`.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// The version in what `nats-server --version` prints, for instance `nats-server: v2.15.1`.
    ///
    /// # Errors
    /// The text announces no nats-server, or no version follows.
    pub fn from_banner(banner: &str) -> Result<Self, VersionError> {
        let unreadable = || VersionError(banner.trim().to_owned());
        let text = banner.trim().strip_prefix("nats-server").ok_or_else(unreadable)?;
        text.trim_start_matches(':').trim().parse().map_err(|_| unreadable())
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreadable = || VersionError(text.to_owned());
        let numbers = text.strip_prefix('v').unwrap_or(text);
        let release = numbers.split(['-', '+']).next().unwrap_or_default();
        let parts: Vec<u32> = release.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| unreadable())?;
        match parts[..] {
            [major, minor, patch] => Ok(Self::new(major, minor, patch)),
            _ => Err(unreadable()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_servers_print() {
        let read = |banner| Version::from_banner(banner).ok();
        assert_eq!(read("nats-server: v2.15.1\n"), Some(Version::new(2, 15, 1)));
        assert_eq!(read("nats-server: v2.11.0-RC.2\n"), Some(Version::new(2, 11, 0)));
        assert_eq!(read("nats-server version 2.9.10"), None);
        assert_eq!(read("nats-server: v2.9.10+dfsg"), Some(Version::new(2, 9, 10)));
        assert_eq!(read("nginx version: 1.22.1"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn orders_by_number_and_not_by_text() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert!(version("2.9.25") < version("2.10.0"));
        assert!(version("2.10.0-beta.1") >= crate::OLDEST_VERSION);
        assert!("2.10".parse::<Version>().is_err());
        assert!("2.10.x".parse::<Version>().is_err());
    }
}

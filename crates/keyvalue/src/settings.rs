//! What a link says: [`Place`].

use std::fmt;

use lattice_protocol::LatticeName;
use lattice_provider::{Failure, Settings};

use crate::defaults::{BUCKET_PREFIX, MOST_REPLICAS, RESERVED_BUCKETS};

/// The link values that mean something here.
pub(crate) const KNOWN: &[&str] = &["url", "bucket", "create", "replicas", "prefix"];

/// Where an actor's keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a bucket of JetStream.
    Bucket(BucketPlace),
    /// In Redis.
    Redis(RedisPlace),
}

/// A Redis server, and who connects to it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RedisPlace {
    /// `redis://user:password@host:port/database`.
    pub(crate) url: String,
}

/// A bucket, and what to do if it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BucketPlace {
    pub(crate) bucket: String,
    /// Whether it is made if it is missing.
    pub(crate) create: bool,
    /// On how many servers one that is made is kept.
    pub(crate) replicas: usize,
}

impl Place {
    /// Reads the settings of a link in this lattice.
    pub(crate) fn read(settings: &Settings, lattice: &LatticeName) -> Result<Self, Failure> {
        match settings.get("url") {
            Some(url) => RedisPlace::read(url).map(Place::Redis),
            None => BucketPlace::read(settings, lattice).map(Place::Bucket),
        }
    }
}

impl RedisPlace {
    /// What follows the scheme may hold a password, and is not repeated.
    fn read(url: &str) -> Result<Self, Failure> {
        match url.split_once("://") {
            Some(("redis", _)) => Ok(Self { url: url.to_owned() }),
            Some(("rediss", _)) => {
                Err(Failure::new("the link value `url` asks for TLS, which is not there; use `redis://`"))
            }
            _ => Err(Failure::new("the link value `url` does not begin with `redis://`")),
        }
    }
}

impl fmt::Debug for RedisPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisPlace").finish_non_exhaustive()
    }
}

impl BucketPlace {
    fn read(settings: &Settings, lattice: &LatticeName) -> Result<Self, Failure> {
        let bucket = settings.get("bucket").map_or_else(|| format!("{BUCKET_PREFIX}{lattice}"), str::to_owned);
        require_usable(&bucket)?;
        let create = settings.flag("create")?.unwrap_or(true);
        let replicas = settings.number("replicas")?.unwrap_or(1);
        if !(1..=MOST_REPLICAS).contains(&replicas) {
            return Err(Failure::new(format!("the link value `replicas` is not between 1 and {MOST_REPLICAS}")));
        }
        Ok(Self { bucket, create, replicas })
    }
}

fn require_usable(bucket: &str) -> Result<(), Failure> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !bucket.bytes().all(allowed) {
        let reason = "is no name of a bucket: letters, digits, `-` and `_`; the link value `bucket` can name one";
        return Err(Failure::new(format!("`{bucket}` {reason}")));
    }
    match RESERVED_BUCKETS.iter().any(|reserved| bucket.starts_with(reserved)) {
        true => Err(Failure::new(format!("the bucket `{bucket}` is the lattice's own, not for actors"))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use lattice_provider::Defaults;

    use super::*;

    fn place(values: &[(&str, &str)]) -> Result<Place, String> {
        let settings = Settings::new(&values.iter().copied().collect(), &Defaults::default());
        Place::read(&settings, &LatticeName::default()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_link_that_says_nothing_means_the_bucket_of_the_lattice() {
        let check = |values: &[(&str, &str)], (bucket, create, replicas): (&str, bool, usize)| {
            let expect = BucketPlace { bucket: bucket.to_owned(), create, replicas };
            assert_eq!(place(values), Ok(Place::Bucket(expect)), "{values:?}");
        };
        check(&[], ("LATTICEKV_default", true, 1));
        check(&[("BUCKET", "b-1"), ("create", "False"), ("replicas", "3")], ("b-1", false, 3));
    }

    #[test]
    fn an_url_means_redis() {
        let place = place(&[("URL", "redis://:hunter2@h"), ("prefix", "p")]).expect("a place");
        assert_eq!(place, Place::Redis(RedisPlace { url: "redis://:hunter2@h".to_owned() }));
        assert!(!format!("{place:?}").contains("hunter2"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let check = |values: &[(&str, &str)], expect: &str| {
            let reason = place(values).expect_err("refused");
            assert!(reason.contains(expect) && !reason.contains("hunter2"), "{reason}");
        };
        check(&[("bucket", "a b")], "`a b` is no name of a bucket");
        check(&[("bucket", "LATTICEDATA_default")], "the lattice's own");
        check(&[("create", "maybe")], "`create` is neither true nor false");
        check(&[("replicas", "0")], "not between 1 and 5");
        check(&[("replicas", "many")], "`replicas` is no number");
        check(&[("url", "http://u:hunter2@h")], "`url` does not begin with `redis://`");
        check(&[("url", "rediss://u:hunter2@h")], "asks for TLS");
    }
}

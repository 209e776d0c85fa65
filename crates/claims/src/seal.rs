//! Sealing what the hosts of a cluster keep for each other where others can read: only who has the cluster's seed opens it, and
//! nobody changes it unnoticed. And marks by which they know that they were told the same, from which nobody else learns it.
//!
//! The key stems from the seed by HKDF with SHA-256 (RFC 5869), the cipher is ChaCha20-Poly1305 (RFC 8439). What is sealed begins
//! with the version of the format and the cluster's public key, so that who cannot open it knows why; they and the context are
//! authenticated with the content. A mark is an HMAC with SHA-256 (RFC 2104), with a key of its own that stems from the seed in
//! the same way. Where either is kept is not known here.

use lattice_protocol::{ClusterKey, LinkName, ProviderKey};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Prk, Salt},
    hmac::{self, HMAC_SHA256},
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

use crate::{defaults::SEALED_VERSION, seed::ClusterSeed};

/// What the key is for: one for anything else that stems from the seed has another text.
const PURPOSE: &[u8] = b"lattice: what the hosts of a cluster seal";
/// What the key of marks is for.
const MARK_PURPOSE: &[u8] = b"lattice: by what the hosts of a cluster know that they were told the same";
/// What the seed of a provider's instances is for.
const INSTANCES_PURPOSE: &[u8] = b"lattice: by what the instances of a provider know each other";
/// Bytes of a public key's text.
const KEY_TEXT: usize = 56;
/// Bytes of a seed.
const SEED_LEN: usize = 32;
/// Where the nonce begins, and where the content.
const NONCE_AT: usize = 1 + KEY_TEXT;
const CONTENT_AT: usize = NONCE_AT + NONCE_LEN;

/// Why something could not be sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The system has no random numbers.
    #[error("nothing can be sealed, for the system gives no random numbers")]
    NoRandomNumbers,
}

/// Why something sealed cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// It was sealed with another cluster's seed.
    #[error("it was sealed with the seed of cluster {sealed_by}, and this is cluster {own}")]
    OtherCluster {
        /// The cluster that sealed it.
        sealed_by: ClusterKey,
        /// The cluster that was to open it.
        own: ClusterKey,
    },
    /// A later version of this program sealed it.
    #[error("it is sealed in format {version}, which this version does not know; it knows {SEALED_VERSION}")]
    Version {
        /// The format.
        version: u8,
    },
    /// It is nothing that was ever sealed.
    #[error("it is nothing that was sealed")]
    NotSealed,
    /// It was changed, or sealed for something else.
    #[error("it was tampered with, or sealed for something else")]
    Tampered,
}

impl ClusterSeed {
    /// Seals bytes for those who have this seed. The context, such as what it is and of which lattice, is to be the same when it
    /// is opened.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, context: &str, content: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::NoRandomNumbers)?;
        Ok(self.seal_with(nonce, context, content))
    }

    /// Opens what was sealed with this seed in the same context. Its memory is overwritten when it goes.
    ///
    /// # Errors
    /// [`UnsealError`] tells the first thing that is wrong.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let version = *sealed.first().ok_or(UnsealError::NotSealed)?;
        if version != SEALED_VERSION {
            return Err(UnsealError::Version { version });
        }
        let (head, content) = sealed.split_at_checked(CONTENT_AT).ok_or(UnsealError::NotSealed)?;
        let (head, nonce) = head.split_at(NONCE_AT);
        self.check_cluster(&head[1..])?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).expect("it has the length of a nonce");
        let mut content = Zeroizing::new(content.to_vec());
        let opened = self.sealing_key().open_in_place(nonce, authenticated(head, context), &mut content);
        let length = opened.map_err(|_| UnsealError::Tampered)?.len();
        content.truncate(length);
        Ok(content)
    }

    /// The seed by which the instances of a provider know each other, on whichever host of the cluster: what they seal for each
    /// other nobody else opens who does not have this seed. It signs nothing that anybody accepts.
    ///
    /// Anybody can issue claims of any provider's key. So those whose claims another account has issued are other instances;
    /// `issuer` is that account, and nothing where there are no claims.
    pub fn of_instances(&self, provider: &ProviderKey, issuer: &str, link: &LinkName) -> ClusterSeed {
        // Keys have one length and no slash in them, so that no two of these read alike.
        let parts = [provider.as_str(), issuer, "/", link.as_str()].map(str::as_bytes);
        let purpose = [INSTANCES_PURPOSE, parts[0], parts[1], parts[2], parts[3]];
        let extracted = self.extracted();
        let expanded = extracted.expand(&purpose, HKDF_SHA256).expect("a seed is shorter than what can be derived");
        let mut seed = Zeroizing::new([0; SEED_LEN]);
        expanded.fill(&mut *seed).expect("the hash has as many bytes as a seed");
        ClusterSeed::from_bytes(*seed)
    }

    /// A mark of what these parts hold together: the same for all who have this seed, and nothing by which anybody else could
    /// try what they hold.
    pub fn mark(&self, parts: &[&[u8]]) -> [u8; 32] {
        let extracted = self.extracted();
        let expanded = extracted.expand(&[MARK_PURPOSE], HMAC_SHA256);
        let key = hmac::Key::from(expanded.expect("a key is shorter than what can be derived"));
        let mut mark = hmac::Context::with_key(&key);
        parts.iter().for_each(|part| mark.update(part));
        mark.sign().as_ref().try_into().expect("a SHA-256 has 32 bytes")
    }

    /// A nonce is to be used once.
    fn seal_with(&self, nonce: [u8; NONCE_LEN], context: &str, content: &[u8]) -> Vec<u8> {
        let cluster = self.public();
        let head = [&[SEALED_VERSION], cluster.as_str().as_bytes()].concat();
        // As long as it will be: no copy of the content is left behind when it grows.
        let mut sealed = Vec::with_capacity(content.len() + CHACHA20_POLY1305.tag_len());
        sealed.extend_from_slice(content);
        let key = self.sealing_key();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), authenticated(&head, context), &mut sealed)
            .expect("it is shorter than what the cipher takes, hundreds of gigabytes");
        [&head[..], &nonce, &sealed].concat()
    }

    fn check_cluster(&self, sealed_by: &[u8]) -> Result<(), UnsealError> {
        let own = self.public();
        if sealed_by == own.as_str().as_bytes() {
            return Ok(());
        }
        let sealed_by = std::str::from_utf8(sealed_by).ok().and_then(|text| text.parse().ok());
        Err(sealed_by.map_or(UnsealError::NotSealed, |sealed_by| UnsealError::OtherCluster { sealed_by, own }))
    }

    fn sealing_key(&self) -> LessSafeKey {
        let extracted = self.extracted();
        let expanded = extracted.expand(&[PURPOSE], &CHACHA20_POLY1305);
        LessSafeKey::new(UnboundKey::from(expanded.expect("a key is shorter than what can be derived")))
    }

    /// That from which keys stem.
    fn extracted(&self) -> Prk {
        let text = Zeroizing::new(self.secret_text());
        let (_, seed) = nkeys::decode_seed(&text).expect("a seed's own text is that of a seed");
        let seed = Zeroizing::new(seed);
        Salt::new(HKDF_SHA256, &[]).extract(&*seed)
    }
}

/// What is authenticated beside the content, in a form that can be read in one way only.
fn authenticated(head: &[u8], context: &str) -> Aad<Vec<u8>> {
    Aad::from([head, context.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    const CLUSTER: &str = "SCAIYCZTW775GJYX3MVWLURALVC3PULW43PTEKGH72JBMA3A7LOLGLQ2JA";

    fn cluster() -> ClusterSeed {
        CLUSTER.parse().expect("a cluster seed")
    }

    #[test]
    fn who_has_the_seed_opens_it() {
        for content in [&b""[..], b"x", &[7; 100_000]] {
            let sealed = cluster().seal("here", content).expect("there are random numbers");
            assert_eq!(*cluster().open("here", &sealed).expect("it is our own"), content);
        }
    }

    #[test]
    fn nothing_of_the_content_is_seen_and_no_two_are_alike() {
        let (content, seed) = (b"hunter2 hunter2 hunter2", cluster());
        let sealed = [(); 2].map(|()| seed.seal("here", content).expect("there are random numbers"));
        assert_ne!(sealed[0], sealed[1]);
        assert!(sealed.iter().all(|sealed| !sealed.windows(7).any(|bytes| bytes == b"hunter2")));
    }

    #[test]
    fn who_has_another_seed_learns_whose_it_is() {
        let sealed = cluster().seal("here", b"x").expect("there are random numbers");
        let other = ClusterSeed::generate();
        let expected = UnsealError::OtherCluster { sealed_by: cluster().public(), own: other.public() };
        assert_eq!(other.open("here", &sealed), Err(expected));
        // Also with the right name on it.
        let renamed = [&[SEALED_VERSION], other.public().as_str().as_bytes(), &sealed[NONCE_AT..]].concat();
        assert_eq!(other.open("here", &renamed), Err(UnsealError::Tampered));
    }

    /// Who read the ledger could try passwords against a plain hash.
    #[test]
    fn regression_a_mark_says_nothing_to_who_has_not_the_seed() {
        let mark = cluster().mark(&[b"a", b"b"]);
        assert_eq!(mark, cluster().mark(&[b"ab"]));
        assert_ne!(mark, cluster().mark(&[b"ac"]));
        assert_ne!(mark, ClusterSeed::generate().mark(&[b"ab"]));
        assert_ne!(mark[..], *ring::digest::digest(&ring::digest::SHA256, b"ab").as_ref());
        // For ever: hosts of one cluster may be of several versions.
        let hex = HEXLOWER.encode(&mark);
        assert_eq!(hex, "74d8f9de912793e5811f759454530e2ba0e81ffba7bec579809776543d79223a");
    }

    #[test]
    fn instances_of_one_provider_share_a_seed_and_no_others_do() {
        let provider: ProviderKey =
            "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW".parse().expect("a provider key");
        let other = crate::ProviderSeed::generate().public();
        let backup: LinkName = "backup".parse().expect("a link name");
        let text = |seed: ClusterSeed| seed.secret_text();
        let seed = text(cluster().of_instances(&provider, "", &LinkName::default()));
        assert_eq!(seed, text(cluster().of_instances(&provider, "", &LinkName::default())));
        let issuer = crate::AccountSeed::generate().public();
        for different in [
            cluster().of_instances(&provider, issuer.as_str(), &LinkName::default()),
            cluster().of_instances(&provider, "", &backup),
            cluster().of_instances(&other, "", &LinkName::default()),
            ClusterSeed::generate().of_instances(&provider, "", &LinkName::default()),
            cluster(),
        ] {
            assert_ne!(seed, text(different));
        }
        assert_eq!(seed.parse::<ClusterSeed>().expect("a seed").secret_text(), seed);
        // For ever: instances of one provider may be of several versions. Made with Python's `hmac`.
        assert_eq!(
            HEXLOWER.encode(&sha2_of(&seed)),
            "95f658b533dd49d7b534f18b16d1dd07c6602d2aa4bfc927321adfe8997be116"
        );
    }

    fn sha2_of(text: &str) -> Vec<u8> {
        ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref().to_vec()
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let sealed = cluster().seal("here", b"content").expect("there are random numbers");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            cluster().open("here", &changed).expect_err("it was changed");
            cluster().open("here", &sealed[..place]).expect_err("it was cut");
        }
        assert_eq!(cluster().open("there", &sealed), Err(UnsealError::Tampered));
        assert_eq!(cluster().open("", &sealed), Err(UnsealError::Tampered));
        let later = [&[SEALED_VERSION + 1], &sealed[1..]].concat();
        assert_eq!(cluster().open("here", &later), Err(UnsealError::Version { version: SEALED_VERSION + 1 }));
        assert_eq!(cluster().open("here", b""), Err(UnsealError::NotSealed));
        assert_eq!(cluster().open("here", &[SEALED_VERSION; 200]), Err(UnsealError::NotSealed));
    }

    /// Made with Python's `cryptography` 48, so that what is kept can be opened by other means too.
    #[test]
    fn the_format_is_as_it_is_written_down() {
        let sealed = cluster().seal_with([9; NONCE_LEN], "registries of default", b"content");
        let expected = "c884533652a008d918b8364e2fd89fd70855e676980755";
        assert_eq!(HEXLOWER.encode(&sealed[CONTENT_AT..]), expected);
    }
}

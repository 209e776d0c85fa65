//! Pushing an artifact: its bytes, an empty configuration and the manifest that names both.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::Url;
use serde::Serialize;

use super::{ask::Ask, error::OciError, exchange::location, media::OCI_MANIFEST, session::Session, site::authority};
use crate::{digest::Digest, kind::Kind, progress::Progress};

/// The annotation of a layer in which push tools keep the name of the file (image-spec v1.1 `annotations.md`).
const TITLE: &str = "org.opencontainers.image.title";
/// The configuration of artifacts, which says nothing (wasmCloud v0.82 `crates/wash-lib/src/registry.rs`).
const CONFIG: &[u8] = b"{}";
const BLOB_TYPE: &str = "application/octet-stream";

/// What is pushed.
#[derive(Clone, Debug)]
pub(crate) struct Push {
    /// The artifact.
    pub(crate) bytes: Bytes,
    /// What it is.
    pub(crate) kind: Kind,
    /// The name of the file that it was.
    pub(crate) title: String,
    /// Annotations of the manifest.
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'a str,
    config: Descriptor<'a>,
    layers: [Descriptor<'a>; 1],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'a str,
    digest: Digest,
    size: usize,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'a str, &'a str>,
}

impl Push {
    /// The bytes of the manifest.
    fn manifest(&self) -> Bytes {
        let descriptor = |media_type, bytes: &[u8], annotations| Descriptor {
            media_type,
            digest: Digest::of(bytes),
            size: bytes.len(),
            annotations,
        };
        let manifest = Manifest {
            schema_version: 2,
            media_type: OCI_MANIFEST,
            config: descriptor(self.kind.config_type(), CONFIG, BTreeMap::new()),
            layers: [descriptor(
                self.kind.layer_types()[0],
                &self.bytes,
                BTreeMap::from([(TITLE, self.title.as_str())]),
            )],
            annotations: &self.annotations,
        };
        serde_json::to_vec(&manifest).expect("texts and numbers are JSON").into()
    }
}

impl Session<'_> {
    /// Pushes under that tag; returns the digest of the manifest.
    pub(super) async fn push(&self, tag: &str, push: &Push, progress: &Progress) -> Result<Digest, OciError> {
        self.put_blob(&push.bytes, progress).await?;
        self.put_blob(&Bytes::from_static(CONFIG), &Progress::default()).await?;
        let manifest = push.manifest();
        let url = self.site.url(&format!("manifests/{tag}"));
        let ask = Ask::put(url, OCI_MANIFEST, manifest.clone(), Progress::default());
        let mut tries = self.tries();
        while let Err(error) = self.ask(&ask).await {
            tries.after(error).await?;
        }
        Ok(Digest::of(&manifest))
    }

    async fn put_blob(&self, bytes: &Bytes, progress: &Progress) -> Result<(), OciError> {
        let digest = Digest::of(bytes);
        let mut tries = self.tries();
        while let Err(error) = self.put_blob_once(digest, bytes, progress).await {
            tries.after(error).await?;
        }
        progress.report(bytes.len() as u64, bytes.len() as u64);
        Ok(())
    }

    /// The upload in one piece of distribution-spec v1.1, "POST then PUT".
    async fn put_blob_once(&self, digest: Digest, bytes: &Bytes, progress: &Progress) -> Result<(), OciError> {
        if self.has_blob(digest).await? {
            return Ok(());
        }
        let response = self.ask(&Ask::upload(self.site.url("blobs/uploads/"))).await?;
        let mut url = location(&self.site.place, &response)?;
        self.check_upload(&url)?;
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        self.ask(&Ask::put(url, BLOB_TYPE, bytes.clone(), progress.clone())).await.map(drop)
    }

    async fn has_blob(&self, digest: Digest) -> Result<bool, OciError> {
        match self.ask(&Ask::has_blob(self.site.url(&format!("blobs/{digest}")), digest)).await {
            Ok(_) => Ok(true),
            // Who has no plain answer to that gets the blob once more.
            Err(OciError::NoBlob { .. } | OciError::Status { .. } | OciError::RedirectElsewhere { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What is pushed, and the right to push it, are for this server alone.
    fn check_upload(&self, url: &Url) -> Result<(), OciError> {
        match self.site.has(url) {
            true => Ok(()),
            false => {
                let place = self.site.place.clone();
                Err(OciError::RedirectElsewhere { place, what: "what is pushed", to: authority(url) })
            }
        }
    }
}

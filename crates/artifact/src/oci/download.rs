//! Downloading a layer: going on where it broke off, and believing nothing that has another size or digest.

use bytes::Bytes;
use reqwest::{Response, StatusCode, header::CONTENT_RANGE};

use super::{ask::Ask, error::OciError, image::OciImage, session::Session, transport};
use crate::{
    defaults::{MAX_ARTIFACT, TRANSFER_STEP},
    digest::{Digest, RunningDigest},
    progress::Progress,
};

const THE_LAYER: &str = "the layer";

impl Session<'_> {
    /// The bytes of the artifact.
    pub(super) async fn download(&self, image: &OciImage, progress: &Progress) -> Result<Bytes, OciError> {
        let mut download = Download::new(*self, image, progress);
        let mut tries = self.tries();
        while let Err(error) = download.go_on().await {
            tries.after(error).await?;
        }
        download.finish()
    }
}

struct Download<'a> {
    session: Session<'a>,
    digest: Digest,
    size: u64,
    progress: &'a Progress,
    /// What came, and its digest.
    have: Vec<u8>,
    running: RunningDigest,
    /// How much was there at the last report.
    reported: usize,
}

impl<'a> Download<'a> {
    fn new(session: Session<'a>, image: &OciImage, progress: &'a Progress) -> Self {
        let (digest, size) = (image.digest, image.size());
        // Memory that nothing is written to is not taken, so the size may be believed until the bytes are here.
        let have = Vec::with_capacity(size.min(MAX_ARTIFACT) as usize);
        Self { session, digest, size, progress, have, running: RunningDigest::default(), reported: 0 }
    }

    /// Fetches what is missing.
    async fn go_on(&mut self) -> Result<(), OciError> {
        if self.is_complete() && !self.have.is_empty() {
            return Ok(());
        }
        let mut response = self.start().await?;
        let missing = self.size - self.have.len() as u64;
        if let Some(length) = response.content_length().filter(|length| *length != missing) {
            return Err(self.wrong_size(self.have.len() as u64 + length));
        }
        self.report();
        let mut pace = self.session.shared.web.pace();
        while let Some(chunk) = self.next(&mut response).await? {
            self.take(&chunk)?;
            if !self.is_complete() && !pace.keeps(chunk.len()) {
                return Err(self.too_slow());
            }
        }
        self.report();
        match self.is_complete() {
            true => Ok(()),
            false => Err(self.wrong_size(self.have.len() as u64)),
        }
    }

    fn too_slow(&self) -> OciError {
        let Session { shared, site, .. } = self.session;
        OciError::Silent { place: site.place.clone(), silence: shared.web.silence() }
    }

    /// An answer that begins where the bytes end that are here; if need be, without them.
    async fn start(&mut self) -> Result<Response, OciError> {
        if !self.have.is_empty() {
            match self.ask().await {
                Ok(response) if self.goes_on(&response) => return Ok(response),
                Ok(response) if response.status() == StatusCode::OK => {
                    self.forget();
                    return Ok(response);
                }
                // Ranges are not understood there.
                Ok(_) | Err(OciError::Status { .. }) => self.forget(),
                Err(error) => return Err(error),
            }
        }
        self.ask().await
    }

    async fn ask(&self) -> Result<Response, OciError> {
        let url = self.session.site.url(&format!("blobs/{}", self.digest));
        self.session.ask(&Ask::blob(url, self.digest, self.have.len())).await
    }

    /// Whether it is a part, and the right one (RFC 9110, section 14.4).
    fn goes_on(&self, response: &Response) -> bool {
        let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
        let start = format!("bytes {}-{}/", self.have.len(), self.size - 1);
        let total = range.and_then(|range| range.strip_prefix(&start));
        response.status() == StatusCode::PARTIAL_CONTENT
            && total.is_some_and(|total| total == "*" || total == self.size.to_string())
    }

    async fn next(&self, response: &mut Response) -> Result<Option<Bytes>, OciError> {
        let Session { shared, site, .. } = self.session;
        let chunk = response.chunk().await;
        chunk.map_err(|error| {
            let url = response.url();
            transport::failure(error, &site.place_of(url), url, shared.web.silence())
        })
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), OciError> {
        let size = (self.have.len() + chunk.len()) as u64;
        if size > self.size {
            return Err(self.wrong_size(size));
        }
        self.have.extend_from_slice(chunk);
        self.running.update(chunk);
        if self.have.len() - self.reported >= TRANSFER_STEP {
            self.report();
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.have.len() as u64 == self.size
    }

    fn forget(&mut self) {
        self.have.clear();
        self.running = RunningDigest::default();
    }

    fn report(&mut self) {
        self.reported = self.have.len();
        self.progress.report(self.reported as u64, self.size);
    }

    fn finish(self) -> Result<Bytes, OciError> {
        let (digest, expected) = (self.running.finish(), self.digest);
        match digest == expected {
            true => Ok(self.have.into()),
            false => {
                let place = self.session.site.place.clone();
                Err(OciError::WrongDigest { place, what: THE_LAYER, digest, expected })
            }
        }
    }

    fn wrong_size(&self, size: u64) -> OciError {
        let place = self.session.site.place.clone();
        OciError::WrongSize { place, what: THE_LAYER, size, expected: self.size }
    }
}

//! Reading an answer that has an end.

use reqwest::Response;
use tokio::time;

use super::{error::OciError, place::OciPlace, transport};
use crate::web::Web;

/// The whole body, of at most `max` bytes. `what` it is stands in the error.
pub(super) async fn read(
    web: &Web,
    place: &OciPlace,
    mut response: Response,
    max: usize,
    what: &'static str,
) -> Result<Vec<u8>, OciError> {
    let reading = async {
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            let chunk = chunk.map_err(|error| transport::failure(error, place, response.url(), web.silence()))?;
            let Some(chunk) = chunk else { return Ok(body) };
            if body.len() + chunk.len() > max {
                return Err(OciError::TooLong { place: place.clone(), what, max });
            }
            body.extend_from_slice(&chunk);
        }
    };
    // It is small: who takes longer over all of it than a server may be silent says nothing either.
    let silence = web.silence();
    time::timeout(silence, reading).await.unwrap_or_else(|_| Err(OciError::Silent { place: place.clone(), silence }))
}

//! URLs without what may be secret in them.

/// The URL, or several between commas, with everything removed that could be user info, also where they are malformed.
///
/// ```
/// assert_eq!(lattice_protocol::without_user_info("nats://me:secret@a:4222, b"), "nats://a:4222, b");
/// ```
pub fn without_user_info(urls: &str) -> String {
    let bare = urls.split(',').map(|url| match (url.split_once("://"), url.rsplit_once('@')) {
        (_, None) => url.to_owned(),
        (Some((scheme, _)), Some((_, place))) if !scheme.contains('@') => format!("{scheme}://{place}"),
        (_, Some((_, place))) => place.to_owned(),
    });
    bare.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_is_cut_out() {
        for (urls, bare) in [
            ("nats://me:pw@a:1", "nats://a:1"),
            ("me:pw@a", "a"),
            ("nats://me:p@w@a", "nats://a"),
            ("me@you:p://w@a", "a"),
            ("nats://me:pw@a:1,b,nats://me@c", "nats://a:1,b,nats://c"),
            ("nats://a", "nats://a"),
            ("127.0.0.1:4222", "127.0.0.1:4222"),
            ("", ""),
        ] {
            assert_eq!(without_user_info(urls), bare);
        }
    }
}

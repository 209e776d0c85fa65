//! Pulling what is there, and refusing what is not what it should be.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{
    fake::{Fake, Reply},
    setup::{Client, INDEX, MANIFEST, MAX, MODULE, Stored, hello, layer, pull, pull_as, reference, refused, serving},
};
use crate::{
    digest::Digest,
    kind::Kind,
    oci::{OciError, OciSettings, platform::Platform},
    progress::Progress,
};

#[tokio::test]
async fn an_artifact_is_found_by_tag_and_by_digest_and_downloaded() {
    let stored = Stored::new();
    let fake = serving(stored.clone()).await;
    let registries = Client::of([&fake]).build();
    let version = Digest::of(&stored.manifest);
    for name in [":1".to_owned(), format!("@{version}"), format!(":2@{version}")] {
        let reference = reference(&format!("{}/acme/hello{name}", fake.server));
        let image = registries.find(&reference, Kind::Module).await.expect("it is there");
        assert_eq!((image.version(), image.content()), (version, Digest::of(&stored.content)));
        assert_eq!((image.size(), image.server()), (stored.content.len() as u64, fake.server.as_str()));
        let heard = Arc::<Mutex<Vec<_>>>::default();
        let hears = Arc::clone(&heard);
        let progress = Progress::new(move |done, total| hears.lock().expect("nobody panics").push((done, total)));
        let bytes = registries.download(&reference, &image, MAX, &progress).await.expect("it is there");
        assert_eq!(bytes, stored.content);
        let heard = heard.lock().expect("nobody panics");
        let total = image.size();
        assert_eq!((heard.first(), heard.last()), (Some(&(0, total)), Some(&(total, total))));
        assert!(heard.is_sorted() && heard.len() > 3 && heard.len() < 20, "{heard:?}");
    }
    assert!(fake.asked().iter().all(|asked| asked.authorization().is_none()));
    let accepts = fake.asked()[0].header("accept").map(str::to_owned).expect("the question says what is understood");
    assert!(accepts.contains(MANIFEST) && accepts.contains(INDEX), "{accepts}");
}

#[tokio::test]
async fn an_empty_artifact_is_one() {
    let fake = serving(Stored::of(Vec::new())).await;
    assert_eq!(pull(&Client::of([&fake]).build(), &fake.server).await.expect("it is there"), "");
}

#[test]
fn latest_is_refused_however_it_is_meant() {
    let check = |text: &str, allowed: bool| {
        let registries = Client::default().settings(OciSettings::default().allow_latest(allowed)).build();
        registries.admit(&reference(text))
    };
    let digest = Digest::of(b"");
    assert!(matches!(check("ghcr.io/acme/hello:latest", false), Err(OciError::Latest { .. })));
    assert!(matches!(check("ghcr.io/acme/hello", false), Err(OciError::Untagged { .. })));
    for admitted in ["ghcr.io/acme/hello:1", &format!("ghcr.io/acme/hello:latest@{digest}")] {
        check(admitted, false).expect("it names what it means");
    }
    for admitted in ["ghcr.io/acme/hello:latest", "ghcr.io/acme/hello"] {
        check(admitted, true).expect("it is allowed");
    }
}

#[tokio::test]
async fn without_a_tag_latest_is_asked_for_where_it_is_allowed() {
    let fake = serving(Stored::new()).await;
    let reference = reference(&format!("{}/acme/hello", fake.server));
    let refused_at_once = Client::of([&fake]).build().find(&reference, Kind::Module).await;
    assert!(matches!(refused_at_once, Err(OciError::Untagged { .. })));
    assert!(fake.asked().is_empty());
    let registries = Client::of([&fake]).settings(OciSettings::default().allow_latest(true)).build();
    assert!(matches!(registries.find(&reference, Kind::Module).await, Err(OciError::NoManifest { .. })));
    assert_eq!(fake.asked()[0].path, "/v2/acme/hello/manifests/latest");
}

/// A server whose manifest is this, whatever it is.
async fn with_manifest(content_type: &'static str, manifest: impl Into<Vec<u8>>) -> Fake {
    let manifest = manifest.into();
    Fake::start(move |_| Reply::ok(content_type, manifest.clone())).await
}

async fn manifest_error(content_type: &'static str, manifest: &str, kind: Kind) -> OciError {
    let fake = with_manifest(content_type, manifest).await;
    let error = refused(pull_as(&Client::of([&fake]).build(), &fake.server, kind).await, &fake.server);
    assert_eq!(fake.asked().len(), 1, "{error}");
    error
}

fn manifest(layers: &Value) -> String {
    json!({ "schemaVersion": 2, "layers": layers }).to_string()
}

#[tokio::test]
async fn what_is_no_manifest() {
    let check = |content_type, body: &'static str| manifest_error(content_type, body, Kind::Module);
    let page = "<!doctype html><title>Sign in</title>";
    for content_type in ["text/html; charset=utf-8", "text/plain", "application/json", "application/octet-stream"] {
        let error = check(content_type, page).await;
        assert!(matches!(error, OciError::NotAManifest { .. }), "{error}");
        assert!(error.to_string().contains(content_type), "{error}");
    }
    let error = check("application/vnd.cncf.helm.config.v1+json", "{}").await;
    assert!(matches!(error, OciError::NotAManifest { .. }), "{error}");
    for body in [page, "", "{", "[]", r#"{"layers":[{"digest":1}]}"#, r#"{"layers":[{"digest":"","size":-1}]}"#] {
        let error = check(MANIFEST, body).await;
        assert!(matches!(error, OciError::MalformedManifest { .. }), "{body}: {error}");
    }
    let error = check("application/json", r#"{"schemaVersion":2}"#).await;
    assert!(matches!(error, OciError::MalformedManifest { .. }), "{error}");
}

#[tokio::test]
async fn manifests_of_the_first_schema() {
    let schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    for (content_type, body) in [
        (schema1, r#"{"schemaVersion":1,"fsLayers":[]}"#),
        ("application/json", r#"{"schemaVersion":1,"fsLayers":[]}"#),
        (MANIFEST, r#"{"fsLayers":[]}"#),
    ] {
        let error = manifest_error(content_type, body, Kind::Module).await;
        assert!(matches!(error, OciError::Schema1 { .. }), "{error}");
    }
}

#[tokio::test]
async fn manifests_that_can_be_taken_for_two_things() {
    let both = json!({ "layers": [layer(MODULE, b"")], "manifests": [] }).to_string();
    let other = json!({ "mediaType": INDEX, "layers": [layer(MODULE, b"")] }).to_string();
    for body in [both, other] {
        let error = manifest_error(MANIFEST, &body, Kind::Module).await;
        assert!(matches!(error, OciError::AmbiguousManifest { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_manifest_without_end() {
    let fake = with_manifest(MANIFEST, vec![b' '; (4 << 20) + 1]).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::TooLong { max: 4_194_304, .. }), "{error}");
}

#[tokio::test]
async fn layers_are_one_and_of_a_type_of_their_kind() {
    let tar = "application/vnd.oci.image.layer.v1.tar";
    let archive = "application/vnd.wasmcloud.provider.archive.layer.v1+par";
    for (kind, media_type) in [
        (Kind::Module, MODULE),
        (Kind::Module, tar),
        (Kind::Module, "application/wasm"),
        (Kind::Provider, archive),
        (Kind::Provider, tar),
    ] {
        let stored = Stored::of(b"content".to_vec());
        let stored = stored.with_manifest(&json!({ "layers": [layer(media_type, b"content")] }));
        let fake = serving(stored).await;
        let bytes = pull_as(&Client::of([&fake]).build(), &fake.server, kind).await.expect("the type is accepted");
        assert_eq!(bytes, "content");
    }
    for (kind, media_type) in [
        (Kind::Module, archive),
        (Kind::Module, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        (Kind::Module, ""),
        (Kind::Provider, MODULE),
        (Kind::Provider, "application/wasm"),
    ] {
        let error = manifest_error(MANIFEST, &manifest(&json!([layer(media_type, b"")])), kind).await;
        let OciError::UnknownLayer { media_type: named, accepted, .. } = &error else { panic!("{error}") };
        assert_eq!(named, media_type);
        assert!(accepted.contains(kind.layer_types()[0]) && accepted.contains(tar), "{error}");
    }
}

#[tokio::test]
async fn other_numbers_of_layers() {
    for kind in [Kind::Module, Kind::Provider] {
        let error = manifest_error(MANIFEST, &manifest(&json!([])), kind).await;
        assert!(matches!(error, OciError::NoLayer { .. }), "{error}");
        let two = json!([layer(kind.layer_types()[0], b"one"), layer(kind.layer_types()[0], b"two")]);
        let error = manifest_error(MANIFEST, &manifest(&two), kind).await;
        assert!(matches!(error, OciError::ManyLayers { count: 2, .. }), "{error}");
    }
}

#[tokio::test]
async fn digests_of_other_algorithms() {
    let sha512 = format!("sha512:{}", "0".repeat(128));
    let layers = json!([{ "mediaType": MODULE, "digest": sha512, "size": 1 }]);
    let error = manifest_error(MANIFEST, &manifest(&layers), Kind::Module).await;
    assert!(matches!(error, OciError::UnknownDigest { .. }), "{error}");
    let fake = Fake::start(move |_| Reply::ok(MANIFEST, "{}").with("docker-content-digest", &sha512)).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::UnknownDigest { .. }), "{error}");
}

#[tokio::test]
async fn manifests_of_another_digest() {
    let stored = Stored::new();
    let (version, other) = (Digest::of(&stored.manifest), Digest::of(b"other"));
    let fake = Fake::start(move |_| Reply::ok(MANIFEST, stored.manifest.clone())).await;
    let registries = Client::of([&fake]).build();
    let forged = reference(&format!("{}/acme/hello@{other}", fake.server));
    let error = refused(registries.find(&forged, Kind::Module).await, &fake.server);
    assert!(matches!(error, OciError::WrongDigest { digest, expected, .. } if (digest, expected) == (version, other)));
    assert_eq!(fake.asked().len(), 1);

    let stored = Stored::new();
    let told =
        move |_: &_| Reply::ok(MANIFEST, stored.manifest.clone()).with("docker-content-digest", &other.to_string());
    let fake = Fake::start(told).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::WrongDigest { what: "the manifest", .. }), "{error}");
}

/// A server with an index whose entry for this machine is `inner`, described as it is said.
async fn with_index(inner: Value, entry: impl Fn(&[u8]) -> Value) -> Fake {
    let inner = inner.to_string().into_bytes();
    let other = json!({ "digest": Digest::of(b"x"), "size": 1, "platform": { "os": "plan9", "architecture": "mips" } });
    let index = json!({ "schemaVersion": 2, "manifests": [other, entry(&inner)] }).to_string();
    let stored = Stored::of(b"content".to_vec());
    Fake::start(move |asked| match asked.path.as_str() {
        "/v2/acme/hello/manifests/1" => Reply::ok(INDEX, index.clone()),
        path if path.ends_with(&Digest::of(&inner).to_string()) => Reply::ok("application/json", inner.clone()),
        _ => stored.serve(asked),
    })
    .await
}

fn here(inner: &[u8]) -> Value {
    let Platform { os, architecture } = Platform::here();
    let platform = json!({ "os": os, "architecture": architecture, "variant": "v8" });
    json!({ "digest": Digest::of(inner), "size": inner.len(), "platform": platform })
}

#[tokio::test]
async fn an_index_is_resolved_by_platform() {
    let inner = json!({ "layers": [layer(MODULE, b"content")] });
    let fake = with_index(inner, here).await;
    let registries = Client::of([&fake]).build();
    assert_eq!(pull(&registries, &fake.server).await.expect("it is there"), "content");
    let image = registries.find(&hello(&fake.server), Kind::Module).await.expect("it is there");
    assert_eq!(image.content(), Digest::of(b"content"));
    assert_ne!(image.version(), image.content());

    let elsewhere = |inner: &[u8]| json!({ "digest": Digest::of(inner), "size": 1, "platform": { "os": "plan9", "architecture": "arm" } });
    let fake = with_index(json!({}), elsewhere).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    let OciError::NoPlatform { wanted, there, .. } = &error else { panic!("{error}") };
    assert_eq!((wanted.as_str(), there.as_str()), (Platform::here().to_string().as_str(), "plan9/mips, plan9/arm"));

    let fake = with_index(json!({ "manifests": [] }), here).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::NestedIndex { .. }), "{error}");

    let fake = with_manifest(INDEX, r#"{"manifests":[]}"#).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::NoPlatform { .. }), "{error}");
}

#[tokio::test]
async fn an_index_is_held_to_what_it_says() {
    let inner = json!({ "layers": [layer(MODULE, b"content")] });
    let longer = |inner: &[u8]| {
        let mut entry = here(inner);
        entry["size"] = json!(inner.len() + 1);
        entry
    };
    let fake = with_index(inner, longer).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::WrongSize { what: "the manifest", .. }), "{error}");
}

#[tokio::test]
async fn a_layer_that_is_too_large_is_not_asked_for() {
    let stored = Stored::of(vec![0; MAX as usize + 1]);
    let fake = serving(stored).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::TooLarge { size, max: MAX, .. } if size == MAX + 1), "{error}");
    assert_eq!(fake.count("/blobs/"), 0);
}

/// A server whose layer is answered so.
async fn with_layer(layer: Reply) -> Fake {
    let stored = Stored::new();
    Fake::start(move |asked| if asked.is_about("/blobs/") { layer.clone() } else { stored.serve(asked) }).await
}

#[tokio::test]
async fn layers_of_another_size() {
    let content = Stored::new().content;
    let size = content.len() as u64;
    let longer = [content.as_slice(), b"!"].concat();
    let chunked = |content: &[u8]| {
        let body = [format!("{:x}\r\n", content.len()).as_bytes(), content, b"\r\n0\r\n\r\n"].concat();
        Reply::status(200).with("transfer-encoding", "chunked").body(body)
    };
    for (reply, expect) in [
        (Reply::status(200).body(&content[1..]), size - 1),
        (Reply::status(200).body(longer.clone()), size + 1),
        (chunked(&content[1..]), size - 1),
        (Reply::status(204), 0),
    ] {
        let fake = with_layer(reply).await;
        let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
        let OciError::WrongSize { size: got, expected, .. } = &error else { panic!("{error}") };
        assert_eq!((*got, *expected), (expect, size));
        assert_eq!(fake.count("/blobs/"), 1);
    }
    let fake = with_layer(chunked(&longer)).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::WrongSize { size: got, .. } if got > size), "{error}");
}

#[tokio::test]
async fn a_layer_of_another_digest_is_refused_at_once() {
    let mut content = Stored::new().content;
    content[77_777] ^= 1;
    let fake = with_layer(Reply::status(200).body(content)).await;
    let error = refused(pull(&Client::of([&fake]).build(), &fake.server).await, &fake.server);
    assert!(matches!(error, OciError::WrongDigest { what: "the layer", .. }), "{error}");
    assert_eq!(fake.count("/blobs/"), 1);
}

#[tokio::test]
async fn urls_of_layers_are_not_followed() {
    let elsewhere = Fake::start(|_| Reply::status(200)).await;
    let mut described = layer(MODULE, b"content");
    described["urls"] = json!([format!("http://{}/layer", elsewhere.server)]);
    let fake = with_manifest(MANIFEST, manifest(&json!([described]))).await;
    let registries = Client::of([&fake, &elsewhere]).build();
    let image = registries.find(&hello(&fake.server), Kind::Module).await.expect("it is described");
    let refused = registries.download(&hello(&fake.server), &image, MAX, &Progress::default()).await;
    assert!(refused.is_err());
    assert!(elsewhere.asked().is_empty());
}

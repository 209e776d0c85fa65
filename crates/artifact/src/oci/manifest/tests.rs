use serde_json::{Value, json};

use super::*;
use crate::{
    oci::media::OCI_MANIFEST,
    reference::{Reference, Target},
};

const INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const WASM: &str = "application/wasm";

fn place() -> OciPlace {
    let reference: Reference = "registry.example/acme/hello:1".parse().expect("the reference is one");
    let Target::Oci(reference) = reference.target() else { panic!("it is in no registry") };
    OciPlace::new(reference)
}

fn described(media_type: &str) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(b"x"), "size": 1 })
}

fn descriptor(media_type: &str) -> Descriptor {
    serde_json::from_value(described(media_type)).expect("it is a descriptor")
}

#[test]
fn what_a_document_is() {
    let check = |content_type: &str, document: Value, expect: Manifest| {
        let found = read(&place(), content_type, document.to_string().as_bytes());
        assert_eq!(found.expect("it is a manifest"), expect, "{content_type} {document}");
    };
    let image = || Manifest::Image(vec![descriptor(WASM)]);
    let index = || Manifest::Index(vec![descriptor(OCI_MANIFEST)]);
    let layers = json!([described(WASM)]);
    let manifests = json!([described(OCI_MANIFEST)]);
    check(OCI_MANIFEST, json!({ "layers": layers }), image());
    check("Application/Vnd.Oci.Image.Manifest.V1+json ; charset=utf-8", json!({ "layers": layers }), image());
    check("application/json", json!({ "layers": layers }), image());
    check("", json!({ "mediaType": OCI_MANIFEST, "layers": layers }), image());
    check(INDEX, json!({ "manifests": manifests }), index());
    check("text/plain", json!({ "manifests": manifests }), index());
    check("application/octet-stream", json!({ "mediaType": INDEX, "manifests": manifests }), index());
    // What a type promises and a document does not have, it has none of.
    check(OCI_MANIFEST, json!({ "schemaVersion": 2 }), Manifest::Image(Vec::new()));
    check(INDEX, json!({}), Manifest::Index(Vec::new()));
}

#[test]
fn the_only_layer() {
    let wasm = descriptor(WASM);
    let found = only_layer(&place(), std::slice::from_ref(&wasm), Kind::Module).expect("it is a module's");
    assert_eq!(found, wasm);
    let check = |layers: &[Descriptor], expect: &str| {
        let error = only_layer(&place(), layers, Kind::Provider).expect_err("it is not a provider's");
        assert_eq!(error.to_string(), format!("`registry.example/acme/hello:1` {expect}"));
    };
    check(&[], "has no layer, and so no content; push it again");
    check(&[wasm.clone(), wasm.clone()], "has 2 layers where one is allowed; is it a container image?");
    check(
        &[wasm],
        "is `application/wasm`; a provider is `application/vnd.wasmcloud.provider.archive.layer.v1+par` or \
         `application/vnd.oci.image.layer.v1.tar`",
    );
}

#[test]
fn errors_about_a_document_are_short() {
    let long = json!({ "layers": "x".repeat(100_000) }).to_string();
    let error = read(&place(), OCI_MANIFEST, long.as_bytes()).expect_err("layers are a list");
    assert!(matches!(error, OciError::MalformedManifest { .. }) && error.to_string().len() < 500, "{error}");
}

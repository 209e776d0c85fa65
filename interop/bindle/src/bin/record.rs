//! Writes what the published server answers, byte by byte, for the tests of the lattice's own client.
//!
//!     cargo run --bin record -- ../../crates/artifact/src/bindle/tests/recorded

use std::{env, fs, path::PathBuf};

use lattice_interop_bindle::{PASSWORD, Server, TOKEN, USER, module, provider};

/// The smallest module there is.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const HELLO: &str = "acme.com/hello/1.0.0";
const PROVIDER: &str = "acme.com/provider/1.2.3-rc.1+build.5";
const YANKED: &str = "acme.com/yanked/1.0.0";
const PARTIAL: &str = "acme.com/partial/1.0.0";
const TOML: (&str, &str) = ("accept", "application/toml");
const ANY: (&str, &str) = ("accept", "*/*");

#[tokio::main]
async fn main() {
    let folder = PathBuf::from(env::args_os().nth(1).expect("the argument is the folder to write to"));
    fs::create_dir_all(&folder).expect("the folder can be made");
    let keep = |name: &str, answer: Vec<u8>| {
        fs::write(folder.join(format!("{name}.http")), answer).expect("the folder can be written");
    };
    let server = Server::open().await;
    let invoice = |id: &str| format!("/v1/_i/{id}");

    let package = module(HELLO, MODULE);
    let of_module = package.parcels[0].0.sha256.clone();
    server.push(package).await;
    keep("invoice", server.answer(&invoice(HELLO), &[TOML]).await);
    keep("module", server.answer(&format!("/v1/_i/{HELLO}@{of_module}"), &[ANY]).await);
    keep("no-invoice", server.answer(&invoice("acme.com/none/1.0.0"), &[TOML]).await);
    keep("no-parcel", server.answer(&format!("/v1/_i/{HELLO}@{}", "0".repeat(64)), &[ANY]).await);

    let executables: [(&str, &str, &[u8]); 3] = [
        ("x86_64", "linux", b"#!/bin/sh\necho x86_64-linux\n"),
        ("aarch64", "linux", b"#!/bin/sh\necho aarch64-linux\n"),
        ("aarch64", "macos", b"#!/bin/sh\necho aarch64-macos\n"),
    ];
    let (package, _) = provider(PROVIDER, "acme:greeting", &executables);
    let digests: Vec<_> = package.parcels.iter().map(|parcel| parcel.0.sha256.clone()).collect();
    server.push(package).await;
    keep("provider-invoice", server.answer(&invoice(PROVIDER), &[TOML]).await);
    for (name, digest) in ["provider-claims", "provider-executable"].iter().zip(digests) {
        keep(name, server.answer(&format!("/v1/_i/{PROVIDER}@{digest}"), &[ANY]).await);
    }

    let package = module(PARTIAL, b"\0asm\x01\0\0\0 never pushed");
    let of_partial = package.parcels[0].0.sha256.clone();
    server.push_invoice(package).await;
    keep("partial-invoice", server.answer(&invoice(PARTIAL), &[TOML]).await);
    keep("partial-parcel", server.answer(&format!("/v1/_i/{PARTIAL}@{of_partial}"), &[ANY]).await);

    server.push(module(YANKED, MODULE)).await;
    server.yank(YANKED).await;
    keep("yanked", server.answer(&invoice(YANKED), &[TOML]).await);
    keep("yanked-invoice", server.answer(&format!("{}?yanked=true", invoice(YANKED)), &[TOML]).await);

    let server = Server::with_password().await;
    server.push(module(HELLO, MODULE)).await;
    let right = format!("Basic {}", base64::encode(format!("{USER}:{PASSWORD}")));
    let wrong = format!("Basic {}", base64::encode(format!("{USER}:wrong")));
    for (name, header) in [("password-right", Some(right)), ("password-wrong", Some(wrong)), ("password-none", None)] {
        let mut headers = vec![TOML];
        headers.extend(header.as_deref().map(|value| ("authorization", value)));
        keep(name, server.answer(&invoice(HELLO), &headers).await);
    }

    let server = Server::with_token().await;
    server.push(module(HELLO, MODULE)).await;
    let right = format!("Bearer {TOKEN}");
    for (name, header) in [("token-right", Some(&*right)), ("token-wrong", Some("Bearer x")), ("token-none", None)] {
        let mut headers = vec![TOML];
        headers.extend(header.map(|value| ("authorization", value)));
        keep(name, server.answer(&invoice(HELLO), &headers).await);
    }
}

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::digest::Digest;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn target(text: &str) -> Target {
    text.parse::<Reference>().unwrap_or_else(|error| panic!("{text}: {error}")).target().clone()
}

fn refused(text: &str) -> ReferenceError {
    match text.parse::<Reference>() {
        Ok(reference) => panic!("{reference} was accepted"),
        Err(error) => error,
    }
}

fn path(text: &str) -> String {
    match target(text) {
        Target::File(file) => file.path().to_str().expect("the paths here are text").to_owned(),
        other => panic!("{other:?}"),
    }
}

fn oci(text: &str) -> (String, String, Option<String>, Option<Digest>) {
    match target(text) {
        Target::Oci(oci) => {
            (oci.registry().into(), oci.repository().into(), oci.tag().map(str::to_owned), oci.digest())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn files() {
    assert_eq!(path("file:///srv/hello.wasm"), "/srv/hello.wasm");
    assert_eq!(path("file://localhost/srv/hello.wasm"), "/srv/hello.wasm");
    assert_eq!(path("FILE:///a b"), "/a b");
    assert_eq!(path("file:///a%20b%25%c3%a9"), "/a b%é");
    assert_eq!(path("file:///a@b:c+d"), "/a@b:c+d");
}

#[test]
fn registries() {
    let digest = DIGEST.parse().ok();
    let check = |text: &str, registry: &str, repository: &str, tag: Option<&str>, digest| {
        assert_eq!(oci(text), (registry.into(), repository.into(), tag.map(str::to_owned), digest));
    };
    check("ghcr.io/acme/hello:1.0", "ghcr.io", "acme/hello", Some("1.0"), None);
    check("oci://ghcr.io/acme/hello:1.0", "ghcr.io", "acme/hello", Some("1.0"), None);
    check("localhost/hello", "localhost", "hello", None, None);
    check("127.0.0.1:5000/hello:V1", "127.0.0.1:5000", "hello", Some("V1"), None);
    check("registry:5000/a/b_c/d-e", "registry:5000", "a/b_c/d-e", None, None);
    check("GHCR.io/hello:1", "ghcr.io", "hello", Some("1"), None);
    check(&format!("ghcr.io/hello@{DIGEST}"), "ghcr.io", "hello", None, digest);
    check(&format!("ghcr.io/hello:1@{DIGEST}"), "ghcr.io", "hello", Some("1"), digest);
}

#[test]
fn names() {
    let Target::Object(object) = target("nats://hello") else { panic!() };
    assert_eq!((object.name(), object.tag()), ("hello", None));
    let Target::Object(object) = target("nats://hello_a.b:1.0-x") else { panic!() };
    assert_eq!((object.name(), object.tag()), ("hello_a.b", Some("1.0-x")));
    let Target::Bindle(bindle) = target("bindle://acme.com/hello/1.0.0-beta.1+x") else { panic!() };
    assert_eq!((bindle.name(), bindle.version()), ("acme.com/hello", "1.0.0-beta.1+x"));
    assert_eq!(bindle.server(), None);
    let Target::Builtin(builtin) = target("builtin://http-server") else { panic!() };
    assert_eq!(builtin.name(), "http-server");
}

#[test]
fn bindle_servers() {
    let check = |server: &str, authority: &str, is_secure: bool, expect: &str| {
        let Target::Bindle(bindle) = target(&format!("bindle://acme.com/hello/1.0.0@{server}")) else { panic!() };
        assert_eq!((bindle.name(), bindle.version()), ("acme.com/hello", "1.0.0"));
        let found = bindle.server().expect("there is one");
        assert_eq!((found.authority(), found.is_secure(), &*found.to_string()), (authority, is_secure, expect));
    };
    check("https://bindle.example/v1/", "bindle.example", true, "https://bindle.example/v1/");
    check("https://Bindle.Example:8443/a/v1", "bindle.example:8443", true, "https://bindle.example:8443/a/v1/");
    check("http://localhost:8080/v1/", "localhost:8080", false, "http://localhost:8080/v1/");
    check("HTTP://127.0.0.1", "127.0.0.1", false, "http://127.0.0.1/");
    check("http://127.0.0.1/", "127.0.0.1", false, "http://127.0.0.1/");
    let parse = |text: &str| text.parse::<Reference>().expect(text);
    assert_eq!(parse("bindle://a/1.0.0@https://b.example/v1"), parse("bindle://a/1.0.0@https://B.example/v1/"));
    assert_ne!(parse("bindle://a/1.0.0@https://b.example/v1/"), parse("bindle://a/1.0.0@http://b.example/v1/"));
    assert_ne!(parse("bindle://a/1.0.0@https://b.example/v1/"), parse("bindle://a/1.0.0"));
}

#[test]
fn bindle_servers_that_are_none() {
    let check = |text: &str, shown: &str| {
        let expect = ReferenceError::Server { text: shown.into() };
        assert_eq!(refused(text), expect, "{text}");
    };
    check("bindle://a/1.0.0@", "bindle://…@");
    check("bindle://a/1.0.0@bindle.example", "bindle://…@bindle.example");
    check("bindle://a/1.0.0@ftp://bindle.example/", "bindle://…@ftp://bindle.example/");
    check("bindle://a/1.0.0@https://user:secret@bindle.example/v1/", "bindle://…@bindle.example/v1/");
    check("bindle://a/1.0.0@https://bindle.example/v1/?token=secret", "bindle://…@https://bindle.example/v1/");
    check("bindle://a/1.0.0@https://bindle.example/v1/#a", "bindle://…@https://bindle.example/v1/");
    check("bindle://a/1.0.0@https://1.2.3.999/v1/", "bindle://…@https://1.2.3.999/v1/");
    let check = |text: &str, part: &str, character: char| match refused(text) {
        ReferenceError::Character { what, found, .. } => assert_eq!((what, found), (part, character), "{text}"),
        other => panic!("{text}: {other}"),
    };
    check("bindle://a/1.0.0@https://b.example:70000/", "the registry", ':');
    check("bindle://a/1.0.0@https://b.example/../v1", "the path of the bindle server", '.');
    check("bindle://a/1.0.0@https://b.example/v1//", "the path of the bindle server", '/');
    check("bindle://a/1.0.0@https://b.example/v%31/", "the path of the bindle server", '%');
}

#[test]
fn shown_as_written_and_equal_by_what_is_named() {
    let parse = |text: &str| text.parse::<Reference>().unwrap();
    let same = [parse("oci://ghcr.io/a:1"), parse("ghcr.io/a:1"), parse("GHCR.IO/a:1")];
    assert_eq!(same.each_ref().map(Reference::as_str), ["oci://ghcr.io/a:1", "ghcr.io/a:1", "GHCR.IO/a:1"]);
    assert_eq!(same.iter().collect::<HashSet<_>>().len(), 1);
    assert_ne!(parse("ghcr.io/a:1"), parse("ghcr.io/a:2"));
    assert_ne!(parse("file:///a"), parse("file:///A"));
    assert_eq!(parse("file:///a%62"), parse("file:///ab"));
}

#[test]
fn from_paths() {
    let reference = Reference::from_path(Path::new("/srv/my actor#1?%.wasm")).unwrap();
    assert_eq!(reference.to_string(), "file:///srv/my%20actor%231%3F%25.wasm");
    assert_eq!(path(reference.as_str()), "/srv/my actor#1?%.wasm");
    let relative = Reference::from_path(Path::new("hello.wasm")).unwrap_err();
    assert_eq!(relative, ReferenceError::File { text: "hello.wasm".into() });
}

#[test]
fn one_text_per_mistake() {
    let check = |text: &str, expect: &str| assert_eq!(refused(text).to_string(), expect, "{text}");
    check("", "the reference is empty");
    check(&format!("file:///{}", "a".repeat(20_000)), "the reference has 20008 bytes, at most 12295 are allowed");
    check(
        "https://ghcr.io/a:1",
        "`https://` is not a scheme of references; there are `file://`, `oci://`, `nats://`, `bindle://` and \
         `builtin://`, and without a scheme `registry.host/name:tag`",
    );
    for text in ["./a.wasm", "/a.wasm", "../a", "~/a", "file:/a", "file:a", "file://a.wasm", "file://host/a", "file://"]
    {
        check(
            text,
            &format!(
                "`{text}` is not a reference to a file; write `file://` and the absolute path, `file:///srv/hello.wasm`"
            ),
        );
    }
    for text in ["file:///a%", "file:///a%2", "file:///a%zz", "file:///%00", "file:///a%2Fb", "file:///a%é"] {
        check(
            text,
            &format!(
                "`{text}` contains a `%` that is not part of an encoded byte; write `%25` for the character itself"
            ),
        );
    }
    check(
        "file:///c#/a",
        "`file:///c#/a` contains a `#`, which ends the path of a URL; write `%23` for the character itself",
    );
    check(
        "file:///a?",
        "`file:///a?` contains a `?`, which ends the path of a URL; write `%3F` for the character itself",
    );
    for text in ["hello.wasm", "target/hello.wasm", "oci://acme/hello:1", "hello:1"] {
        check(
            text,
            &format!(
                "`{text}` names no registry; write `registry.host/name:tag` (`docker.io/library/name:tag` for Docker \
                 Hub), or `file:///absolute/path` for a file"
            ),
        );
    }
    check("ghcr.io/a@sha256:12", "the digest in `ghcr.io/a@sha256:12` is malformed");
    check("bindle://hello", "`bindle://hello` has no version at its end; write `bindle://name/1.2.3`");
    check("bindle://hello/1.0", "`bindle://hello/1.0` has no version at its end; write `bindle://name/1.2.3`");
    check("nats://", "the object's name in `nats://` is empty");
    check("nats://hello:", "the tag in `nats://hello:` is empty");
    check("ghcr.io/", "the repository in `ghcr.io/` is empty");
    check("ghcr.io/a:", "the tag in `ghcr.io/a:` is empty");
}

#[test]
fn characters_out_of_place() {
    let check = |text: &str, part: &str, character: char| match refused(text) {
        ReferenceError::Character { what, found, .. } => assert_eq!((what, found), (part, character), "{text}"),
        other => panic!("{text}: {other}"),
    };
    check("file:///a\nb", "the reference", '\n');
    assert!(!refused("file:///a\nb").to_string().contains('\n'));
    check(" ghcr.io/a", "the registry", ' ');
    check("ghcr.io:/a", "the registry", ':');
    check("ghcr.io:+80/a", "the registry", ':');
    check("ghcr.io:70000/a", "the registry", ':');
    check("-a.io/a", "the registry", '-');
    check("ghcr.io/Hello:1", "the repository", 'H');
    check("ghcr.io/a//b", "the repository", '/');
    check("ghcr.io/a/", "the repository", '/');
    check("ghcr.io/../b", "the repository", '.');
    check("ghcr.io/a:1/b", "the tag", '/');
    check("ghcr.io/a:-1", "the tag", '-');
    check("nats://a/b", "the object's name", '/');
    check("nats://a:b:c", "the tag", ':');
    check("bindle://../a/1.0.0", "the bindle's name", '.');
    check("builtin://HTTP", "the builtin's name", 'H');
    check("builtin://http-server:1", "the builtin's name", ':');
}

#[test]
fn no_error_repeats_a_password() {
    let texts = [
        "oci://user:secret@ghcr.io/a:1",
        "user:secret@ghcr.io/a:1",
        "oci://user:se/secret@ghcr.io/a:1",
        "file://user:secret@host/a",
        "nats://user:secret@127.0.0.1:4222",
        "bindle://user:secret@bindle.example/a/1.0.0",
        "bindle://user:?secret@bindle.example/a/1.0.0",
        "bindle://a/1.0.0@https://user:secret@bindle.example/v1/",
        "bindle://a/1.0.0@https://user:?/#secret@bindle.example/v1/",
        "bindle://a/1.0.0@https://bindle.example/v1/?token=secret",
        "https://user:secret@ghcr.io/a:1",
        "./user:secret@ghcr.io",
        "oci://user:secret@ghcr.io/a@sha256:12",
    ];
    for text in texts {
        let error = refused(text);
        assert!(!format!("{error} {error:?}").contains("secret"), "{error} {error:?}");
    }
    assert_eq!(refused(texts[0]), ReferenceError::At { text: "oci://…@ghcr.io/a:1".into() });
    assert_eq!(refused("ghcr.io/a@latest"), ReferenceError::At { text: "…@latest".into() });
}

#[test]
fn long_texts_are_shortened_in_errors() {
    let error = refused(&format!("ghcr.io/{}!", "a".repeat(250))).to_string();
    assert!(error.contains("a…`") && error.len() < 350, "{error}");
}

#[test]
fn as_a_serde_value() {
    let reference: Reference = serde_json::from_str(r#""oci://ghcr.io/a:1""#).unwrap();
    assert_eq!(serde_json::to_string(&reference).unwrap(), r#""oci://ghcr.io/a:1""#);
    assert!(serde_json::from_str::<Reference>(r#""a""#).is_err());
}

proptest! {
    #[test]
    fn every_path_survives_its_reference(names in prop::collection::vec("[^/\0]{1,20}", 1..6)) {
        let path = Path::new("/").join(names.join("/"));
        let reference = Reference::from_path(&path).unwrap();
        prop_assert_eq!(target(reference.as_str()), reference.target().clone());
        prop_assert!(reference.as_str().is_ascii());
    }

    #[test]
    fn no_text_panics(scheme in "(file://|oci://|nats://|bindle://|builtin://|)", rest in "[a-z0-9/.:@%#?é -]{0,40}") {
        if let Ok(reference) = format!("{scheme}{rest}").parse::<Reference>() {
            prop_assert_eq!(reference.to_string(), scheme + &rest);
        }
    }
}

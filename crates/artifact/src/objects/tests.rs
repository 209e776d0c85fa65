use async_nats::jetstream::object_store::{self, ObjectMetadata, ObjectStore};
use lattice_claims::{AccountSeed, ModuleSeed, NewModuleClaims, NewProviderClaims, ProviderSeed, sign_module};
use lattice_protocol::ArtifactSubjects;
use lattice_testkit::NatsServer;

use super::*;
use crate::{
    archive::{Packing, pack, this_target},
    artifact::Policy,
    kind::Kind,
    reference::{Reference, Target},
    trust::Trust,
};

const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";
const ALL: u64 = 1 << 30;

struct Bench {
    nats: NatsServer,
    jetstream: jetstream::Context,
    objects: Objects,
    account: AccountSeed,
}

impl Bench {
    async fn new() -> Self {
        let nats = NatsServer::start().await;
        let jetstream = jetstream::new(nats.client().await);
        let objects = Objects::open(jetstream.clone(), &LatticeName::default()).await.expect("a name of a bucket");
        Self { nats, jetstream, objects, account: AccountSeed::generate() }
    }

    /// The bucket as other programs open it.
    async fn bucket(&self) -> ObjectStore {
        self.jetstream.get_object_store("LATTICEARTIFACTS_default").await.expect("the bucket is there")
    }

    /// A signed module of at least so many bytes.
    fn module(&self, name: &str, size: usize) -> Checked {
        let padding = [&[0][..], &leb(size + 1), b"\x00", &vec![7; size]].concat();
        let claims =
            NewModuleClaims { name: Some(name.into()), ..NewModuleClaims::new(ModuleSeed::generate().public(), now()) };
        let bytes = sign_module(&[EMPTY_MODULE, &padding].concat(), &claims, &self.account).expect("it can be signed");
        Checked::new(bytes.into(), &strict(), now()).expect("it is in order")
    }

    async fn download(&self, reference: &ObjectReference, max: u64) -> Result<Bytes, ObjectError> {
        let image = self.objects.find(reference).await?;
        self.objects.download(reference, &image, max, &Progress::default()).await
    }

    async fn put(&self, reference: &ObjectReference, checked: &Checked) -> Result<Stored, ObjectError> {
        self.objects.put(reference, checked.clone(), Replace::Never).await
    }

    /// Messages in the bucket's stream.
    async fn messages(&self) -> u64 {
        let stream = self.jetstream.get_stream("OBJ_LATTICEARTIFACTS_default").await.expect("the bucket is there");
        stream.cached_info().state.messages
    }
}

fn strict() -> Policy {
    Policy::default()
}

fn now() -> SystemTime {
    SystemTime::now()
}

/// A number as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn named(text: &str) -> ObjectReference {
    let reference: Reference = text.parse().expect("a reference");
    let Target::Object(object) = reference.target() else { panic!("{text}") };
    object.clone()
}

#[tokio::test]
async fn a_lattice_that_stored_nothing_has_no_bucket() {
    let bench = Bench::new().await;
    let hello = named("nats://hello:1");
    assert_eq!(bench.objects.list().await.expect("an answer"), []);
    let missing = bench.objects.get(&hello).await.expect_err("nothing is there");
    assert!(matches!(&missing, ObjectError::Missing { reference } if reference == "nats://hello:1"), "{missing:?}");
    assert!(matches!(bench.objects.delete(&hello).await, Err(ObjectError::Missing { .. })));
    let digest = Digest::of(b"");
    assert!(matches!(bench.objects.part(&hello, &digest, None, 1).await, Err(ObjectError::Missing { .. })));
    assert!(bench.jetstream.get_object_store("LATTICEARTIFACTS_default").await.is_err());
}

#[tokio::test]
async fn what_is_stored_is_found_listed_and_removed() {
    let bench = Bench::new().await;
    let (large, small) = (bench.module("Large", 700_000), bench.module("Small", 10));
    let (hello, other) = (named("nats://hello:1"), named("nats://a.b-c_D"));
    let stored = bench.put(&hello, &large).await.expect("it is stored");
    assert_eq!((stored.reference.as_str(), stored.digest), ("nats://hello:1", Some(large.digest())));
    assert_eq!((stored.size, stored.kind), (large.bytes().len() as u64, Some(Kind::Module)));
    assert_eq!((stored.key.as_ref(), stored.name.as_deref()), (Some(&large.about().key), Some("Large")));
    assert!(stored.pushed > now() - std::time::Duration::from_secs(3600), "{:?}", stored.pushed);
    bench.put(&other, &small).await.expect("it is stored");

    let image = bench.objects.find(&hello).await.expect("it is there");
    assert_eq!((image.version(), image.content()), (large.digest(), Some(large.digest())));
    assert_eq!(bench.download(&hello, ALL).await.expect("it is there"), large.bytes());
    assert_eq!(bench.download(&other, ALL).await.expect("it is there"), small.bytes());
    let listed = bench.objects.list().await.expect("an answer");
    let references: Vec<&str> = listed.iter().map(|stored| stored.reference.as_str()).collect();
    assert_eq!(references, ["nats://a.b-c_D", "nats://hello:1"]);
    assert_eq!(listed[1], bench.objects.get(&hello).await.expect("it is there"));

    let removed = bench.objects.delete(&hello).await.expect("it is removed");
    assert_eq!(removed.digest, Some(large.digest()));
    assert!(matches!(bench.objects.find(&hello).await, Err(ObjectError::Missing { .. })));
    assert_eq!(bench.objects.list().await.expect("an answer").len(), 1);
    assert_eq!(bench.messages().await, 2, "nothing is left of it");
    bench.put(&hello, &small).await.expect("the name is free again");
}

#[tokio::test]
async fn other_programs_read_what_is_stored_and_store_what_is_read() {
    use tokio::io::AsyncReadExt as _;

    let bench = Bench::new().await;
    let module = bench.module("Large", 300_000);
    bench.put(&named("nats://hello:1"), &module).await.expect("it is stored");
    let bucket = bench.bucket().await;
    let mut bytes = Vec::new();
    let mut object = bucket.get("hello:1").await.expect("it is found by its name and tag");
    object.read_to_end(&mut bytes).await.expect("its digest fits");
    assert_eq!(bytes, *module.bytes());

    let metadata = ObjectMetadata { name: "theirs".into(), chunk_size: Some(1000), ..ObjectMetadata::default() };
    bucket.put(metadata, &mut &module.bytes()[..]).await.expect("it is stored");
    bucket.put("no name of ours", &mut &b"x"[..]).await.expect("it is stored");
    let theirs = bench.objects.get(&named("nats://theirs")).await.expect("it is there");
    assert_eq!((theirs.kind, theirs.key, theirs.digest), (None, None, Some(module.digest())));
    assert_eq!(bench.download(&named("nats://theirs"), ALL).await.expect("it is there"), module.bytes());
    assert_eq!(bench.objects.list().await.expect("an answer").len(), 2);
    bucket.delete("theirs").await.expect("it is removed");
    assert!(matches!(bench.objects.get(&named("nats://theirs")).await, Err(ObjectError::Missing { .. })));
    assert_eq!(bench.objects.list().await.expect("an answer").len(), 1);
    bench.put(&named("nats://theirs"), &module).await.expect("the name is free again");
}

#[tokio::test]
async fn a_name_is_given_once_unless_it_is_forced() {
    let bench = Bench::new().await;
    let (first, second) = (bench.module("First", 200_000), bench.module("Second", 10));
    let hello = named("nats://hello");
    let stored = bench.put(&hello, &first).await.expect("it is stored");
    let before = bench.messages().await;
    assert_eq!(bench.put(&hello, &first).await.expect("the same is there"), stored);
    let taken = bench.put(&hello, &second).await.expect_err("the name is taken");
    assert!(matches!(&taken, ObjectError::Taken { digest, .. } if *digest == first.digest()), "{taken:?}");
    assert_eq!((bench.messages().await, bench.objects.list().await.expect("an answer").len()), (before, 1));
    assert_eq!(bench.download(&hello, ALL).await.expect("the first stands"), first.bytes());

    let image = bench.objects.find(&hello).await.expect("it is there");
    let forced = bench.objects.put(&hello, second.clone(), Replace::Always).await.expect("it is replaced");
    assert_eq!(forced.digest, Some(second.digest()));
    assert_eq!(bench.download(&hello, ALL).await.expect("the second stands"), second.bytes());
    assert_eq!(bench.messages().await, 2, "the bytes of the first are gone");
    let late = bench.objects.download(&hello, &image, ALL, &Progress::default()).await;
    assert!(matches!(late, Err(ObjectError::Changed { .. })), "{late:?}");
    let late = bench.objects.part(&hello, &first.digest(), None, 1).await;
    assert!(matches!(late, Err(ObjectError::Changed { .. })), "{late:?}");
}

#[tokio::test]
async fn of_those_who_want_one_name_at_once_one_gets_it() {
    let bench = Bench::new().await;
    let modules: Vec<Checked> = (0..6).map(|n| bench.module(&format!("M{n}"), 150_000)).collect();
    let hello = named("nats://hello");
    let outcomes = futures::future::join_all(modules.iter().map(|module| bench.put(&hello, module))).await;
    let won: Vec<&Stored> = outcomes.iter().flatten().collect();
    assert_eq!(won.len(), 1, "{outcomes:?}");
    assert!(
        outcomes
            .iter()
            .flat_map(|outcome| outcome.as_ref().err())
            .all(|error| matches!(error, ObjectError::Taken { .. }))
    );
    let bytes = bench.download(&hello, ALL).await.expect("it is there");
    assert_eq!(Some(Digest::of(&bytes)), won[0].digest);
    assert_eq!(bench.messages().await, 1 + bytes.len().div_ceil(bucket::CHUNK) as u64, "the others left nothing");
}

#[tokio::test]
async fn parts_make_the_whole() {
    let bench = Bench::new().await;
    let module = bench.module("Large", 300_000);
    let hello = named("nats://hello");
    bench.put(&hello, &module).await.expect("it is stored");
    for (limit, expect) in [(1, 3), (bucket::CHUNK, 3), (2 * bucket::CHUNK, 2), (usize::MAX, 1)] {
        let (mut whole, mut position, mut parts) = (Vec::new(), None, 0);
        while whole.len() < module.bytes().len() {
            let part = bench.objects.part(&hello, &module.digest(), position, limit).await.expect("there is more");
            whole.extend_from_slice(&part.bytes);
            (position, parts) = (Some(part.next), parts + 1);
        }
        assert_eq!((parts, whole == *module.bytes()), (expect, true), "{limit}");
    }
    let beyond = bench.objects.part(&hello, &module.digest(), Some(u64::MAX), 1).await;
    assert!(matches!(beyond, Err(ObjectError::Damaged { .. })), "{beyond:?}");
}

#[tokio::test]
async fn what_is_damaged_is_refused_and_mended_by_force() {
    let bench = Bench::new().await;
    let module = bench.module("Large", 300_000);
    let hello = named("nats://hello");
    let check = async |harm: &str, sequence: u64, instead: &[u8], expect: &str| {
        bench.objects.put(&hello, module.clone(), Replace::Always).await.expect("it is stored");
        let image = bench.objects.find(&hello).await.expect("it is there");
        let subject = format!("$O.LATTICEARTIFACTS_default.C.{}", image.nuid());
        let stream = bench.jetstream.get_stream("OBJ_LATTICEARTIFACTS_default").await.expect("the bucket is there");
        if sequence > 0 {
            let first = stream.direct_get_next_for_subject(subject.as_str(), Some(1)).await.expect("its first chunk");
            stream.delete_message(first.sequence + sequence - 1).await.expect("a chunk is removed");
        }
        if !instead.is_empty() {
            let sent = bench.jetstream.publish(subject, Bytes::copy_from_slice(instead)).await.expect("it is sent");
            sent.await.expect("it is stored");
        }
        let error = bench.download(&hello, ALL).await.expect_err(harm);
        assert!(error.to_string().contains(expect), "{harm}: {error}");
    };
    let last = module.bytes().len() % bucket::CHUNK;
    check("the first chunk is missing", 1, b"", "a part of it is missing").await;
    check("the last chunk is missing", 3, b"", "a part of it is missing").await;
    check("the last chunk is another", 3, &vec![1; last], "its digest differs").await;
    check("there is a chunk too many", 1, &vec![1; bucket::CHUNK + 1], "it is longer than it says").await;
    bench.objects.put(&hello, module.clone(), Replace::Always).await.expect("it is written anew");
    assert_eq!(bench.download(&hello, ALL).await.expect("it is whole"), module.bytes());
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_costs_no_other() {
    let bench = Bench::new().await;
    bench.put(&named("nats://good"), &bench.module("Good", 10)).await.expect("it is stored");
    let write = async |name: &str, text: &str| {
        let subject = ArtifactSubjects::new(&LatticeName::default()).info(name);
        bench
            .jetstream
            .publish(subject, text.to_owned().into())
            .await
            .expect("it is sent")
            .await
            .expect("it is stored");
    };
    write("junk", "no JSON").await;
    write("undigested", r#"{"name":"undigested","nuid":"x","size":1,"chunks":1}"#).await;
    write("wild", r#"{"name":"wild","nuid":">","size":1,"chunks":1,"digest":"SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="}"#)
        .await;
    let listed = bench.objects.list().await.expect("an answer");
    assert_eq!(listed.iter().map(|stored| stored.reference.as_str()).collect::<Vec<_>>(), ["nats://good"]);
    for name in ["junk", "undigested", "wild"] {
        let reference = named(&format!("nats://{name}"));
        assert!(matches!(bench.objects.find(&reference).await, Err(ObjectError::Damaged { .. })), "{name}");
        bench.objects.delete(&reference).await.expect("it can be removed all the same");
        assert!(matches!(bench.objects.find(&reference).await, Err(ObjectError::Missing { .. })), "{name}");
    }
    assert!(!bench.download(&named("nats://good"), ALL).await.expect("it stands").is_empty());
}

#[tokio::test]
async fn more_than_is_wanted_is_not_fetched() {
    let bench = Bench::new().await;
    let module = bench.module("Large", 1000);
    let (hello, size) = (named("nats://hello"), module.bytes().len() as u64);
    bench.put(&hello, &module).await.expect("it is stored");
    let error = bench.download(&hello, size - 1).await.expect_err("it is too large");
    assert!(
        matches!(error, ObjectError::TooLarge { size: told, max, .. } if told == size && max == size - 1),
        "{error:?}"
    );
    let heard = std::sync::Arc::new(std::sync::Mutex::new((0, 0)));
    let progress = Progress::new({
        let heard = std::sync::Arc::clone(&heard);
        move |done, total| *heard.lock().expect("not poisoned") = (done, total)
    });
    let image = bench.objects.find(&hello).await.expect("it is there");
    bench.objects.download(&hello, &image, size, &progress).await.expect("it is not too large");
    assert_eq!(*heard.lock().expect("not poisoned"), (size, size));
}

#[tokio::test]
async fn what_was_begun_and_not_finished_is_nothing_and_goes() {
    let bench = Bench::new().await;
    let module = bench.module("Large", 300_000);
    let hello = named("nats://hello");
    bench.objects.bucket.make_if_missing().await.expect("the bucket can be made");
    bench.objects.bucket.write("unfinished", module.bytes()).await.expect("the bytes can be written");
    assert!(matches!(bench.objects.find(&hello).await, Err(ObjectError::Missing { .. })));
    assert_eq!(bench.objects.list().await.expect("an answer"), []);
    bench.put(&hello, &module).await.expect("it is stored");
    assert_eq!(bench.objects.bucket.all_nuids().await.expect("an answer").len(), 2, "it may still be under way");
    bench.objects.remove_leftovers(now() + 2 * LEFTOVER_AGE).await.expect("leftovers can be removed");
    let image = bench.objects.find(&hello).await.expect("it is there");
    assert_eq!(bench.objects.bucket.all_nuids().await.expect("an answer"), [image.nuid()]);
    assert_eq!(bench.download(&hello, ALL).await.expect("it is whole"), module.bytes());
}

#[tokio::test]
async fn a_put_that_fails_leaves_nothing() {
    let bench = Bench::new().await;
    let bucket = "LATTICEARTIFACTS_default".to_owned();
    let made = object_store::Config { bucket, max_bytes: 1 << 20, ..object_store::Config::default() };
    bench.jetstream.create_object_store(made).await.expect("an operator makes it");
    let (small, large) = (bench.module("Small", 10), bench.module("Large", 3 << 20));
    bench.put(&named("nats://small"), &small).await.expect("it is stored");
    let before = bench.messages().await;
    let error = bench.put(&named("nats://large"), &large).await.expect_err("there is no room");
    assert!(matches!(error, ObjectError::Failed { .. }), "{error:?}");
    assert_eq!(bench.messages().await, before);
    assert_eq!(bench.objects.list().await.expect("an answer").len(), 1);
}

#[tokio::test]
async fn a_broker_that_is_gone_is_told() {
    let mut bench = Bench::new().await;
    bench.jetstream.set_timeout(std::time::Duration::from_millis(200));
    let objects = Objects::open(bench.jetstream.clone(), &LatticeName::default()).await.expect("a name of a bucket");
    bench.nats.kill();
    let error = objects.list().await.expect_err("nobody answers");
    assert!(matches!(error, ObjectError::NoAnswer { .. } | ObjectError::Failed { .. }), "{error:?}");
}

#[test]
fn what_is_stored_is_in_order() {
    let account = AccountSeed::generate();
    let key = ModuleSeed::generate().public();
    let signed =
        sign_module(EMPTY_MODULE, &NewModuleClaims::new(key.clone(), now()), &account).expect("it can be signed");
    let check = |bytes: &[u8], policy: Policy| Checked::new(Bytes::copy_from_slice(bytes), &policy, now());
    let others = Policy { trust: Trust::new([AccountSeed::generate().public()], None), ..strict() };
    let unsigned = Policy { allow_unsigned: true, ..strict() };
    let about = check(&signed, strict()).expect("it is in order");
    assert_eq!((about.about().kind, about.about().key.as_str()), (Kind::Module, key.as_str()));
    assert!(matches!(check(EMPTY_MODULE, strict()), Err(CheckError::Unsigned)));
    assert!(matches!(check(&signed, others.clone()), Err(CheckError::Untrusted(_))));
    let about = check(EMPTY_MODULE, unsigned.clone()).expect("it is allowed");
    assert_eq!(about.about().key, crate::unsigned_key(&Digest::of(EMPTY_MODULE)).as_str());
    let mut changed = signed.clone();
    changed.extend_from_slice(b"\0\x02\x01x");
    assert!(matches!(check(&changed, unsigned), Err(CheckError::Module(_))));
    check(b"", strict()).expect_err("it is nothing");
    assert!(matches!(
        check(b"plain text, long enough to be read as something else", strict()),
        Err(CheckError::Unknown)
    ));

    let provider = ProviderSeed::generate().public();
    let claims = NewProviderClaims::new(provider.clone(), "acme:x".parse().expect("a contract"), now());
    let target = this_target();
    let mut packed = pack(claims, &account, &[(&target, &b"#!/bin/sh"[..])], Packing::Tar).expect("it can be packed");
    let about = check(&packed, strict()).expect("it is in order");
    assert_eq!((about.about().kind, about.about().key.as_str()), (Kind::Provider, provider.as_str()));
    assert!(matches!(check(&packed, others), Err(CheckError::Untrusted(_))));
    let script = packed.windows(9).rposition(|window| window == b"#!/bin/sh").expect("the script is in it");
    packed[script + 1] = b'?';
    assert!(matches!(check(&packed, strict()), Err(CheckError::Archive(_))));
}

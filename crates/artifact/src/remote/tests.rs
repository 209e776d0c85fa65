use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tokio::sync::Barrier;

use super::*;

/// A source that counts how often it is asked.
struct Counted {
    bytes: std::sync::Mutex<Bytes>,
    tells_content: bool,
    lies: bool,
    found: AtomicUsize,
    downloaded: AtomicUsize,
}

impl Counted {
    fn new(bytes: &'static [u8]) -> Self {
        let bytes = std::sync::Mutex::new(Bytes::from_static(bytes));
        Self { bytes, tells_content: true, lies: false, found: AtomicUsize::new(0), downloaded: AtomicUsize::new(0) }
    }

    fn bytes(&self) -> Bytes {
        self.bytes.lock().expect("not poisoned").clone()
    }

    fn asked(&self) -> (usize, usize) {
        (self.found.load(Ordering::SeqCst), self.downloaded.load(Ordering::SeqCst))
    }
}

impl Remote for Counted {
    type Detail = ();

    async fn find(&self, _: &Reference, _: Kind) -> Result<Image<()>, FetchError> {
        self.found.fetch_add(1, Ordering::SeqCst);
        let bytes = self.bytes();
        let version = Digest::of(&[b"manifest of ", &bytes[..]].concat());
        let content = self.tells_content.then(|| Digest::of(if self.lies { b"another" } else { &bytes }));
        Ok(Image { version, content, size: bytes.len() as u64, detail: () })
    }

    async fn download(&self, _: &Reference, _: &Image<()>, _: u64, progress: &Progress) -> Result<Bytes, FetchError> {
        self.downloaded.fetch_add(1, Ordering::SeqCst);
        // Others get the chance to do the same.
        tokio::task::yield_now().await;
        progress.report(1, 1);
        Ok(self.bytes())
    }
}

struct Bench {
    _dir: TempDir,
    cache: Arc<Cache>,
    reference: Reference,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = Arc::new(Cache::open(&dir.path().join("cache"), 1000).expect("a cache"));
        Self { _dir: dir, cache, reference: "registry.example/a:1".parse().expect("a reference") }
    }

    async fn fetch(&self, remote: &Counted, policy: PullPolicy) -> Result<Fetched, FetchError> {
        self.named(remote, policy, Named { place: Some("a".to_owned()), is_fixed: false }).await
    }

    async fn named(&self, remote: &Counted, policy: PullPolicy, named: Named) -> Result<Fetched, FetchError> {
        let pull = Pull::new(Kind::Module).policy(policy);
        let (cache, reference) = (&self.cache, &self.reference);
        Fetch { cache, remote, reference, named, pull: &pull, max: 100 }.run().await
    }
}

#[tokio::test]
async fn bytes_that_are_cached_are_not_fetched_again() {
    for tells_content in [true, false] {
        let (bench, remote) = (Bench::new(), Counted { tells_content, ..Counted::new(b"abc") });
        let first = bench.fetch(&remote, PullPolicy::Always).await.expect("it is there");
        assert_eq!((first.bytes.as_ref(), first.digest, first.moved_from), (&b"abc"[..], Digest::of(b"abc"), None));
        let again = bench.fetch(&remote, PullPolicy::Always).await.expect("it is there");
        assert_eq!((again.digest, again.version, remote.asked()), (first.digest, first.version, (2, 1)));
    }
}

#[tokio::test]
async fn a_tag_that_moved_is_noticed_by_who_asks() {
    let (bench, remote) = (Bench::new(), Counted::new(b"abc"));
    let first = bench.fetch(&remote, PullPolicy::IfNotPresent).await.expect("it is there");
    *remote.bytes.lock().expect("not poisoned") = Bytes::from_static(b"new");
    let old = bench.fetch(&remote, PullPolicy::IfNotPresent).await.expect("it is cached");
    assert_eq!((old.digest, old.moved_from, remote.asked()), (first.digest, None, (1, 1)));
    let new = bench.fetch(&remote, PullPolicy::Always).await.expect("it is there");
    assert_eq!((new.digest, new.moved_from, remote.asked()), (Digest::of(b"new"), first.version, (2, 2)));
    let known = bench.fetch(&remote, PullPolicy::IfNotPresent).await.expect("it is cached");
    assert_eq!((known.digest, known.moved_from, remote.asked()), (new.digest, None, (2, 2)));
}

#[tokio::test]
async fn what_names_a_digest_is_asked_for_once() {
    let (bench, remote) = (Bench::new(), Counted::new(b"abc"));
    let fixed = || Named { place: Some("a".to_owned()), is_fixed: true };
    bench.named(&remote, PullPolicy::Always, fixed()).await.expect("it is there");
    bench.named(&remote, PullPolicy::Always, fixed()).await.expect("it is cached");
    assert_eq!(remote.asked(), (1, 1));
}

#[tokio::test]
async fn never_is_never() {
    let (bench, remote) = (Bench::new(), Counted::new(b"abc"));
    let error = bench.fetch(&remote, PullPolicy::Never).await.expect_err("it is not cached").to_string();
    assert!(error.contains("`registry.example/a:1` is not in the cache"), "{error}");
    bench.fetch(&remote, PullPolicy::Always).await.expect("it is there");
    bench.fetch(&remote, PullPolicy::Never).await.expect("it is cached");
    assert_eq!(remote.asked(), (1, 1));
}

#[tokio::test]
async fn names_that_cannot_be_remembered_are_asked_for_each_time() {
    let (bench, remote) = (Bench::new(), Counted::new(b"abc"));
    let nowhere = || Named { place: None, is_fixed: false };
    bench.named(&remote, PullPolicy::Never, nowhere()).await.expect_err("it is not cached");
    bench.named(&remote, PullPolicy::IfNotPresent, nowhere()).await.expect("it is there");
    bench.named(&remote, PullPolicy::Never, nowhere()).await.expect("it is cached");
    assert_eq!(remote.asked(), (3, 1));
}

#[tokio::test]
async fn an_entry_that_was_lost_is_fetched_again() {
    let (bench, remote) = (Bench::new(), Counted::new(b"abc"));
    bench.fetch(&remote, PullPolicy::IfNotPresent).await.expect("it is there");
    bench.cache.keep(&Digest::of(&[1; 999]), &[1; 999]).expect("it can be written");
    bench.fetch(&remote, PullPolicy::IfNotPresent).await.expect("it is there");
    assert_eq!(remote.asked(), (2, 2));
}

#[tokio::test]
async fn bytes_that_are_not_those_that_were_told_of_are_not_kept() {
    let (bench, remote) = (Bench::new(), Counted { lies: true, ..Counted::new(b"abc") });
    let error = bench.fetch(&remote, PullPolicy::Always).await.expect_err("they differ");
    assert!(matches!(error, FetchError::Content { found, .. } if found == Digest::of(b"abc")), "{error}");
    assert!(!bench.cache.has_entry(&Digest::of(b"abc")));
}

#[tokio::test]
async fn too_much_is_not_even_begun() {
    let (bench, remote) = (Bench::new(), Counted::new(&[0; 101]));
    let error = bench.fetch(&remote, PullPolicy::Always).await.expect_err("it is too large");
    assert!(matches!(error, FetchError::TooLarge { size: 101, max: 100, .. }), "{error}");
    assert_eq!(remote.asked(), (1, 0));
}

/// As hosts on one machine do: each has opened the cache itself.
#[tokio::test(flavor = "multi_thread")]
async fn many_who_want_the_same_download_it_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let (remote, barrier) = (Arc::new(Counted::new(b"abc")), Arc::new(Barrier::new(8)));
    let fetches = (0..8).map(|_| {
        let cache = Arc::new(Cache::open(&dir.path().join("cache"), 1000).expect("a cache"));
        let (remote, barrier) = (Arc::clone(&remote), Arc::clone(&barrier));
        tokio::spawn(async move {
            let bench = Bench { cache, ..Bench::new() };
            barrier.wait().await;
            bench.fetch(&remote, PullPolicy::Always).await.expect("it is there").digest
        })
    });
    for fetched in futures::future::join_all(fetches).await {
        assert_eq!(fetched.expect("it ends"), Digest::of(b"abc"));
    }
    assert_eq!(remote.asked(), (8, 1));
}

/// What was refused once stayed what the reference is, for hosts that ask only where nothing is present.
#[tokio::test]
async fn regression_a_note_of_what_was_refused_is_forgotten() {
    let bench = Bench::new();
    let remote = Counted::new(b"no module");
    let fetched = bench.fetch(&remote, PullPolicy::IfNotPresent).await.expect("it is there");
    assert_eq!(fetched.place.as_deref(), Some("a"));
    bench.cache.forget_note("a");
    *remote.bytes.lock().expect("not poisoned") = Bytes::from_static(b"mended");
    let mended = bench.fetch(&remote, PullPolicy::IfNotPresent).await.expect("it is there");
    assert_eq!((mended.digest, remote.asked()), (Digest::of(b"mended"), (2, 2)));
}

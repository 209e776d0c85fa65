//! `kill -9` at whatever moment of a pull: the cache can be used afterwards, and what it gives is whole.
//!
//! The images lie in a real registry, behind a door that lets their bytes through slowly, so that every stage of a pull takes
//! long enough to be hit. The moments are the same in every run, what exactly they hit is not.

#[path = "killed_pulls/door.rs"]
mod door;
#[path = "killed_pulls/look.rs"]
mod look;

use std::{
    env,
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use door::Door;
use lattice_artifact::{
    Digest, FetchError, Kind, Policy, Progress, Pull, Reference, SourceSettings, Store, StoreSettings, WebSettings,
};
use lattice_protocol::PullPolicy;
use lattice_testkit::Registry;
use look::Look;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::{Instant, sleep, timeout},
};

const ROUNDS: u64 = 100;
/// From this round on the cache has room for one of the two images.
const CROWDED: u64 = 60;
/// How long anything may take. It takes less than a second; the rest is for a machine full of tests.
const DEADLINE: Duration = Duration::from_secs(60);
/// Large enough for moments in which it is written, small enough for digests that a debug build computes.
const SIZE: usize = 1 << 20;

/// What tells the process that is killed what to do.
const CACHE: &str = "LATTICE_TEST_CACHE";
const REFERENCE: &str = "LATTICE_TEST_REFERENCE";
const CAPACITY: &str = "LATTICE_TEST_CAPACITY";
/// What it says of itself.
const BEGUN: &str = "begun";
const DOWNLOADED: &str = "downloaded";

/// An image, as it lies in the registry.
struct Image {
    reference: Reference,
    bytes: Vec<u8>,
}

struct Stage {
    _registry: Registry,
    door: Door,
    images: [Image; 2],
    dir: TempDir,
}

/// How long an undisturbed pull takes, and how much of that is left when everything is downloaded.
struct Course {
    whole: Duration,
    tail: Duration,
}

impl Stage {
    async fn new() -> Self {
        let registry = Registry::start().await;
        let door = Door::before(registry.server()).await;
        let images = [1, 2].map(|number| Image {
            reference: format!("{}/acme/image:{number}", door.server()).parse().expect("a reference"),
            bytes: module(number),
        });
        let dir = tempfile::tempdir().expect("a directory");
        let stage = Self { _registry: registry, door, images, dir };
        for Image { reference, bytes } in &stage.images {
            let (store, silent) = (stage.open(0), Progress::default());
            let pushed = store.push(reference, bytes.clone().into(), "image", &silent).await;
            pushed.expect("the registry takes it");
        }
        stage
    }

    fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn look(&self) -> Look {
        Look::at(&self.cache(), self.images.each_ref().map(|image| Digest::of(&image.bytes)))
    }

    fn image(&self, round: u64) -> &Image {
        &self.images[usize::from(round % 2 == 1)]
    }

    fn open(&self, round: u64) -> Store {
        open(&self.cache(), capacity(round), self.door.server())
    }

    /// A process that pulls the image of that round, once it has begun.
    async fn puller(&self, round: u64) -> Puller {
        let mut command = Command::new(env::current_exe().expect("a test is a program"));
        command.args(["pulls_once", "--exact", "--ignored", "--nocapture"]).stdin(Stdio::null());
        command.env(CACHE, self.cache()).env(REFERENCE, self.image(round).reference.as_str());
        command.env(CAPACITY, capacity(round).to_string()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        let mut puller = Puller { child, lines };
        puller.until(BEGUN).await;
        puller
    }

    /// Takes the middle of some pulls that nobody disturbs.
    async fn course(&self) -> Course {
        let mut courses = Vec::new();
        for _ in 0..5 {
            self.look().forget_images();
            self.door.set_slow(true);
            let mut puller = self.puller(0).await;
            let begun = Instant::now();
            puller.until(DOWNLOADED).await;
            let downloaded = Instant::now();
            puller.end().await;
            courses.push((begun.elapsed(), downloaded.elapsed()));
        }
        courses.sort();
        let (whole, tail) = courses[courses.len() / 2];
        Course { whole, tail }
    }

    /// Kills a pull, and uses the cache.
    async fn round(&self, round: u64, course: &Course, chance: &mut Chance) -> Left {
        if round < CROWDED {
            self.look().forget_images();
        }
        self.door.set_slow(true);
        let mut victim = self.puller(round).await;
        let beside = if has_company(round) { Some(self.puller(round).await) } else { None };
        if round.is_multiple_of(3) {
            victim.until(DOWNLOADED).await;
            sleep(chance.within(course.tail)).await;
        } else {
            sleep(chance.within(course.whole)).await;
        }
        victim.kill().await;
        let left = self.look().left();
        self.use_it(round, beside).await;
        left
    }

    async fn use_it(&self, round: u64, beside: Option<Puller>) {
        self.look().everything_is_right();
        let (store, image) = (self.open(round), self.image(round));
        if beside.is_none() {
            assert_eq!(self.look().unfinished(), 0, "round {round}: who is alone clears up");
        }
        match fetch(&store, image, PullPolicy::Never).await {
            Ok(bytes) => assert!(bytes == image.bytes, "round {round}: the cache gives something else"),
            Err(error) => assert!(matches!(error, FetchError::NotCached { .. }), "round {round}: {error}"),
        }
        self.door.set_slow(false);
        for policy in [PullPolicy::Always, PullPolicy::Never] {
            let bytes = fetch(&store, image, policy).await;
            assert!(bytes.expect("it can be fetched") == image.bytes, "round {round}: something else was fetched");
        }
        if let Some(mut beside) = beside {
            assert_eq!(beside.end().await, Some(Digest::of(&image.bytes).to_string()), "round {round}");
        }
        self.look().everything_is_right();
    }

    /// What is left of all that once both images were downloaded again, by who is alone.
    async fn clear_up(&self) {
        self.look().forget_images();
        for round in [ROUNDS, ROUNDS + 1] {
            fetch(&self.open(round), self.image(round), PullPolicy::Always).await.expect("it can be fetched");
        }
        let look = self.look();
        look.everything_is_right();
        assert_eq!((look.unfinished(), look.turns()), (0, 0));
        assert!(look.size() <= capacity(ROUNDS), "{} bytes are kept", look.size());
    }
}

/// What was left by who was killed.
#[derive(Default)]
struct Left {
    turns: usize,
    unfinished: usize,
    images: usize,
}

impl Left {
    fn add(&mut self, more: &Left) {
        self.turns += more.turns;
        self.unfinished += more.unfinished;
        self.images += more.images;
    }
}

/// Whether another process pulls the same beside the one that is killed.
fn has_company(round: u64) -> bool {
    round % 3 == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_is_killed_leaves_a_cache_that_can_be_used() {
    let stage = Stage::new().await;
    let course = stage.course().await;
    let mut chance = Chance(0x1a77_1ce5);
    let mut all = Left::default();
    for round in 0..ROUNDS {
        let left = stage.round(round, &course, &mut chance).await;
        if !has_company(round) {
            all.add(&left);
        }
    }
    stage.clear_up().await;
    // So many are to have been killed in the middle: otherwise the moments are too harmless to show anything.
    assert!(all.turns >= 10, "{} were killed while they downloaded", all.turns);
    assert!(all.unfinished + all.images >= 10, "{} were killed while they wrote or later", all.unfinished + all.images);
}

#[tokio::test]
#[ignore = "it is the process that another test kills"]
async fn pulls_once() {
    let Some(cache) = env::var_os(CACHE) else { return };
    let told = |name| env::var(name).expect("it is told");
    let reference: Reference = told(REFERENCE).parse().expect("a reference");
    let server = reference.as_str().split('/').next().expect("it begins with the server");
    let store = open(Path::new(&cache), told(CAPACITY).parse().expect("a number"), server);
    say(BEGUN);
    let downloaded = |done, total| {
        if done == total {
            say(DOWNLOADED);
        }
    };
    let pull = Pull::new(Kind::Module).progress(Progress::new(downloaded));
    let fetched = store.fetch_bytes(&reference, &accepted(), &pull).await.expect("it can be fetched");
    let artifact = store.verify(fetched, &accepted(), SystemTime::now()).await.expect("it is a module");
    say(&artifact.digest.to_string());
}

/// A process that pulls.
struct Puller {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Puller {
    /// Reads until it says that, or until it ends.
    async fn until(&mut self, said: &str) {
        while let Some(line) = self.line().await
            && !line.ends_with(said)
        {}
    }

    async fn kill(mut self) {
        self.child.start_kill().expect("it was not waited for");
        timeout(DEADLINE, self.child.wait()).await.expect("it ends in time").expect("a child can be waited for");
    }

    /// Waits for its end; the digest of what it pulled.
    async fn end(&mut self) -> Option<String> {
        let mut digest = None;
        while let Some(line) = self.line().await {
            digest = digest.or(Some(line).filter(|line| line.starts_with("sha256:")));
        }
        let status = timeout(DEADLINE, self.child.wait()).await.expect("it ends in time");
        assert!(status.expect("a child can be waited for").success());
        digest
    }

    async fn line(&mut self) -> Option<String> {
        timeout(DEADLINE, self.lines.next_line()).await.expect("it says something in time").expect("it is text")
    }
}

fn open(cache: &Path, capacity: u64, server: &str) -> Store {
    let sources = SourceSettings::default().web(WebSettings::default().insecure(server));
    Store::open(cache, StoreSettings::default().cache_capacity(capacity).sources(sources)).expect("it can be opened")
}

async fn fetch(store: &Store, image: &Image, policy: PullPolicy) -> Result<Vec<u8>, FetchError> {
    let (accepted, pull) = (accepted(), Pull::new(Kind::Module).policy(policy));
    let fetched = timeout(DEADLINE, store.fetch_bytes(&image.reference, &accepted, &pull));
    let fetched = fetched.await.expect("it is fetched in time")?;
    Ok(store.verify(fetched, &accepted, SystemTime::now()).await?.bytes.into())
}

fn accepted() -> Policy {
    Policy { allow_unsigned: true, ..Policy::default() }
}

fn capacity(round: u64) -> u64 {
    let images = if round < CROWDED { 20 } else { 3 };
    images * SIZE as u64 / 2
}

/// A module of that size: nothing but a section that nobody reads.
fn module(number: u64) -> Vec<u8> {
    let mut chance = Chance(number);
    let noise = (0..SIZE / 8).flat_map(|_| chance.next().to_le_bytes());
    let section: Vec<u8> = [1, b'x'].into_iter().chain(noise).collect();
    // Four groups of seven bits, all but the last of which say that another follows.
    let length = [0x80, 0x80, 0x80, 0].into_iter().zip([0, 7, 14, 21]);
    let length = length.map(|(goes_on, shift)| goes_on | (section.len() >> shift & 0x7f) as u8);
    let header = b"\0asm\x01\0\0\0\0".iter().copied().chain(length);
    header.collect::<Vec<_>>().into_iter().chain(section).collect()
}

fn say(what: &str) {
    let mut stdout = std::io::stdout();
    // Nobody may listen any more.
    let _ = writeln!(stdout, "{what}").and_then(|()| stdout.flush());
}

/// A sequence that looks random and is the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, duration: Duration) -> Duration {
        duration.mul_f64((self.next() % 1000) as f64 / 1000.0)
    }
}

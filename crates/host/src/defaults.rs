//! Values that hold unless a configuration says otherwise, each with its reason.

use std::time::Duration;

/// What published hosts use; schedulers take a host for dead after two missed heartbeats.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(30);

/// How long a stopping host waits for running calls at most. Published clients mean milliseconds by the stop command's
/// `timeout`, so that a plain reading of theirs could keep a host for an hour.
pub(crate) const DRAIN_LIMIT: Duration = Duration::from_secs(60);

/// How long a stop waits for running calls when nobody says: as long as published hosts do. Nearly all calls end in
/// milliseconds; one that takes its whole time is cut off.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);

/// How long one call of an actor may take. Published hosts and providers give up on calls after 2 s, and chunked ones
/// after 15 s; a call that outlives its caller is waste.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(15);

/// Calls that may wait for one annotation set beside those that run: at a few milliseconds a call they all start before
/// their callers give up.
pub(crate) const CALL_QUEUE: usize = 1024;

/// What async-nats clients use as inbox prefix.
pub(crate) const INBOX_PREFIX: &str = "_INBOX";

/// Finished operations that are remembered for clients that ask late.
pub(crate) const REMEMBERED_OPERATIONS: usize = 512;

/// The longest that one question for an operation is held back; shorter than clients' usual request timeout of 10 s.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Questions that are held back at the same time, as many as there can be unfinished commands; more are answered at once
/// with what is known.
pub(crate) const HELD_QUESTIONS: usize = 4096;

/// Commands that may wait to be taken on. They are taken on in microseconds, so that more means a flood.
pub(crate) const COMMAND_QUEUE: usize = 1024;

/// Commands that are taken on and not finished, of all actors together.
pub(crate) const UNFINISHED_COMMANDS: usize = 4096;

/// Images that wait to be fetched ahead of their use. Nobody waits for one urgently, and more would mean a mistake.
pub(crate) const PREFETCHES: usize = 64;

/// Images that are fetched ahead of their use at the same time: what starts now is to have most of the line and of the
/// processors.
pub(crate) const PREFETCHED_AT_ONCE: usize = 2;

/// Actors that are restored at the same time: enough to keep two compilations and their files busy, and few enough that
/// the modules of a large host are not all in memory at once.
pub(crate) const RESTORED_AT_ONCE: usize = 16;

/// How long until a provider that could not be restored is tried again, for the first time.
pub(crate) const RESTORE_AGAIN: Duration = Duration::from_secs(1);

/// The longest that it is waited until that: each try is an operation, and they are kept for a day.
pub(crate) const LONGEST_RESTORE: Duration = Duration::from_secs(60);

/// How long until what could not be noted on disk is tried again; an operator may have made room by then.
pub(crate) const SAVE_AGAIN: Duration = Duration::from_secs(5);

/// Instances that are listed and announced one by one; above it one entry carries the number.
pub(crate) const LISTED_INSTANCES: usize = 100;

/// Bytes of the annotations of one command. Inventories list them with each of [`LISTED_INSTANCES`], and NATS servers
/// carry 1 MiB unless told otherwise.
pub(crate) const MAX_ANNOTATIONS: usize = 8 << 10;

/// How long the host waits for the answers of NATS and JetStream when it starts.
pub(crate) const START_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a host that starts waits for its directory: one that ends lets go of it with its last thread, and a program that
/// it starts in that moment holds it for an instant longer.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// The pause between two looks whether the directory is free.
pub(crate) const LOCK_LOOK: Duration = Duration::from_millis(20);

/// How long a host that starts listens for another with its identity; on one network an answer takes a millisecond.
pub(crate) const IDENTITY_CHECK: Duration = Duration::from_millis(500);

/// How long publishing and flushing the last events may take when the host stops.
pub(crate) const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// How long one of the host's own tasks may take to end; they end in microseconds while NATS is there.
pub(crate) const END_TIMEOUT: Duration = Duration::from_secs(2);

/// What a stop may take beside the time that running calls get; each of the host's tasks has [`END_TIMEOUT`].
pub(crate) const STOP_MARGIN: Duration = Duration::from_secs(20);

/// How long the end of a command waits until it is noted on disk; a disk that takes longer is in trouble, not the command.
pub(crate) const NOTE_PATIENCE: Duration = Duration::from_secs(1);

/// Commands whose operations are being recorded at the same time.
pub(crate) const ADMITTED_AT_ONCE: usize = 1024;

/// Requests whose answers take their time, at the same time; held questions are among them.
pub(crate) const ANSWERED_AT_ONCE: usize = 8192;

/// How long records of operations are kept: a day, so that what happened in the night can be seen in the morning.
pub(crate) const LEDGER_AGE: Duration = Duration::from_secs(24 * 3600);

/// How long JetStream may take to write a record or several. It takes less than a millisecond.
pub(crate) const LEDGER_PATIENCE: Duration = Duration::from_secs(2);

/// How long commands go unrecorded after JetStream failed, before it is tried again.
pub(crate) const LEDGER_REST: Duration = Duration::from_secs(5);

/// Records that wait for a JetStream that takes them, at about a kilobyte each.
pub(crate) const UNWRITTEN_RECORDS: usize = 16_384;

/// The pause between two looks at another host's operation, for somebody who waits for it.
pub(crate) const LEDGER_LOOK: Duration = Duration::from_millis(100);

/// Operations that are listed where nobody says how many: two screens.
pub(crate) const LISTED_OPERATIONS: usize = 100;

/// Operations that are listed at most; in parts they fit an answer.
pub(crate) const MOST_LISTED_OPERATIONS: usize = 10_000;

/// Lists of operations that are made at the same time: each holds the whole ledger, which can be a hundred megabytes.
pub(crate) const LISTS_AT_ONCE: usize = 2;

/// How often a host notes that it is there. A gather waits for a host that is gone until three notes are missing; events
/// tell more, and more seldom.
pub(crate) const MEMBER_INTERVAL: Duration = Duration::from_secs(5);

/// How long notes of members are kept. Age is judged by when they were stored, this only collects garbage.
pub(crate) const MEMBERS_AGE: Duration = Duration::from_secs(600);

/// How long a look at the members serves others who ask. A host that joins meanwhile is not waited for, so that it is short;
/// and long enough that many who ask at once cost one look.
pub(crate) const MEMBERS_FRESH: Duration = Duration::from_millis(100);

/// How long a note of another project's host holds before a heartbeat renews it; their heartbeats come every 30 s.
pub(crate) const FOREIGN_NOTED_AGAIN: Duration = Duration::from_secs(10);

/// Hosts of other projects that are followed; bounds what forged events can make a host keep.
pub(crate) const FOREIGN_REMEMBERED: usize = 4096;

/// Characters that are kept of what a host of another project says of itself: names and versions are shorter.
pub(crate) const FOREIGN_TEXT: usize = 200;

/// Bytes of the name of a label: as long as names of files and hosts may be.
pub(crate) const MAX_LABEL_KEY: usize = 255;

/// Bytes of the value of a label: a sentence or a short document, not data.
pub(crate) const MAX_LABEL_VALUE: usize = 4 << 10;

/// Labels of a host, its own included: by far more than anybody looks at.
pub(crate) const MAX_LABELS: usize = 256;

/// Bytes of all labels of a host. Every heartbeat and every answer of a gather carries them beside what runs, and NATS
/// servers carry 1 MiB unless told otherwise.
pub(crate) const MAX_LABELS_SIZE: usize = 64 << 10;

/// Changes of labels that may wait. Each takes a write to the disk, so that more means a flood.
pub(crate) const LABEL_QUEUE: usize = 256;

/// Registries for which credentials are kept: by far more than anybody has.
pub(crate) const MAX_REGISTRIES: usize = 1024;

/// Bytes of a user's name, a password or a token: tokens that name many rights have some thousand.
pub(crate) const MAX_REGISTRY_SECRET: usize = 8 << 10;

/// Bytes of all credentials as they are kept: sealed they fit a message, of which NATS servers carry 1 MiB unless told otherwise.
pub(crate) const MAX_REGISTRY_BOOK: usize = 256 << 10;

/// How long until credentials that could not be stored are tried again, at first and at most: soon where others were faster, and
/// no burden where JetStream is away for long.
pub(crate) const SAVE_PAUSE: Duration = Duration::from_millis(500);
pub(crate) const LONGEST_SAVE_PAUSE: Duration = Duration::from_secs(30);

/// Changes of credentials that are remembered with them, so that none is carried out twice: a host that is told of one is late
/// by milliseconds, and nobody makes more in a minute.
pub(crate) const REMEMBERED_REGISTRY_CHANGES: usize = 64;

/// How long a bid can be followed: a client chooses in milliseconds, and a person who is asked in between in seconds.
pub(crate) const BID_LIFE: Duration = Duration::from_secs(10);

/// Bids that are remembered: those of more auctions in [`BID_LIFE`] than anybody holds, at a hundred bytes each.
pub(crate) const REMEMBERED_BIDS: usize = 4096;

/// References whose images are remembered: more than a host runs, at some hundred bytes each.
pub(crate) const REMEMBERED_IMAGES: usize = 1024;

/// Auctions that may wait to be considered. They are considered in microseconds, so that more means a flood.
pub(crate) const AUCTION_QUEUE: usize = 1024;

/// How long JetStream may take to read or write one key. It takes less than a millisecond; published clients wait 2 s for
/// the answer that depends on it.
pub(crate) const BUCKET_PATIENCE: Duration = Duration::from_millis(1500);

/// How long a change of the lattice's state may take altogether, with others who change the same.
pub(crate) const CHANGE_PATIENCE: Duration = Duration::from_secs(5);

/// How long somebody waits until the copy of a bucket shows what was just written. It takes as long as writing.
pub(crate) const COPY_PATIENCE: Duration = Duration::from_secs(1);

/// How often the server says that a bucket has nothing new. A bucket that was removed is noticed by its silence.
pub(crate) const FEED_HEARTBEAT: Duration = Duration::from_secs(2);

/// The silence after which a feed is taken for dead: two heartbeats are missing.
pub(crate) const FEED_SILENCE: Duration = Duration::from_secs(5);

/// How often a feed looks whether its connection is still the same; nothing is sent for it.
pub(crate) const FEED_LOOK: Duration = Duration::from_millis(250);

/// How long until a bucket that could not be followed is tried again.
pub(crate) const RESYNC_PAUSE: Duration = Duration::from_millis(500);

/// Bytes of a line that a provider prints; what is longer is cut into several.
pub(crate) const LONGEST_LINE: usize = 8 << 10;

/// Bytes of its last lines that are kept of each provider: a screenful many times over, for a host of many.
pub(crate) const KEPT_OUTPUT: usize = 256 << 10;

/// How long until a provider that ended is started again, for the first time. It is to serve again within a second.
pub(crate) const FIRST_RESTART: Duration = Duration::from_millis(100);

/// The longest that it is waited until a provider is started again.
pub(crate) const LONGEST_RESTART: Duration = Duration::from_secs(30);

/// A provider that ran for so long is not one that ends again and again.
pub(crate) const STABLE: Duration = Duration::from_secs(60);

/// So many ends in a row are called a crash loop: after the waits that lie between, some seconds.
pub(crate) const CRASH_LOOP: u32 = 5;

/// How often a provider that was just started is asked whether it serves.
pub(crate) const READY_LOOK: Duration = Duration::from_millis(25);

/// How long a provider that was just started may take to answer that it serves, before it is asked again.
pub(crate) const READY_ANSWER: Duration = Duration::from_millis(500);

/// After this long, a provider that runs and does not answer is taken for started: it may be one that answers no health
/// checks. Published hosts do not wait at all.
pub(crate) const READY_PATIENCE: Duration = Duration::from_secs(5);

/// How often one that was taken for started without an answer is asked, until the first regular health check: it may have
/// been slow alone.
pub(crate) const LATE_LOOK: Duration = Duration::from_secs(1);

/// When the first health check takes place after the one that showed that it serves, and how far the next are apart, as
/// with published hosts.
pub(crate) const HEALTH_INTERVAL: Duration = Duration::from_secs(30);

/// How long an answer to a health check may take, as with published hosts.
pub(crate) const HEALTH_PATIENCE: Duration = Duration::from_secs(2);

/// How long a provider may take to answer that it shuts down, and then to end, before it is told by a signal: published
/// SDKs answer when their own shutdown is done.
pub(crate) const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// How long all providers together may take to stop with their host: what each is given to answer, to end and to end after a
/// signal, and as much again for a machine under load.
pub(crate) const PROVIDERS_END: Duration = Duration::from_secs(10);

/// How long a provider may take to end after the signal TERM, before it is killed.
pub(crate) const TERM_PATIENCE: Duration = Duration::from_secs(1);

/// How long a provider may take to say that it took a link; it may have to connect somewhere for it.
pub(crate) const LINK_PATIENCE: Duration = Duration::from_secs(10);

/// How long until a link is put again to a provider that did not answer, and once more to one that never answers.
pub(crate) const LINK_AGAIN: Duration = Duration::from_secs(5);

/// How long until a link that a provider refused is put to it again, for the first time; it is doubled each time. What
/// providers refuse for is often over soon: a port that somebody else still has, a database that is starting.
pub(crate) const REFUSED_AGAIN: Duration = Duration::from_secs(1);

/// The longest that it is waited until that: each try may take the provider a while, and leaves a line in the log.
pub(crate) const LONGEST_REFUSED: Duration = Duration::from_secs(60);

/// How long a provider that never answers is left alone with a link. Published SDKs attend to puts and deletes side by side:
/// on a loaded machine a put was taken for the second of its actor, and ignored, as late as 50 ms after the delete.
pub(crate) const LINK_GAP: Duration = Duration::from_millis(250);

/// How long a provider's calls wait for an answer unless it says otherwise, as with published hosts.
pub(crate) const PROVIDER_CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// The most memory that a provider may take: more than any published one needs, and less than brings a machine down.
pub(crate) const PROVIDER_MEMORY: u64 = 2 << 30;

/// Providers that have stopped whose last lines are kept: as much as a person looks back at, and 8 MiB at the most.
pub(crate) const STOPPED_OUTPUTS: usize = 32;

/// How long a call waits for a place at an actor whose own call waits for it. What else takes the places ends by itself; if
/// none is free by then, most likely each waits for another.
pub(crate) const BACK_PATIENCE: Duration = Duration::from_secs(1);

/// Ends of providers that are remembered, for those who wait for an answer and have not looked yet.
pub(crate) const REMEMBERED_EXITS: usize = 64;

/// How long it is asked whether another process of a provider that ended serves: no longer than until it is started again.
pub(crate) const NOBODY_PATIENCE: Duration = FIRST_RESTART;

/// How long one such question waits: the server may not have noticed yet that the one that ended is gone.
pub(crate) const NOBODY_LOOK: Duration = Duration::from_millis(10);

/// The last lines that the failure of a start repeats of what the provider printed.
pub(crate) const LAST_LINES: usize = 3;

/// Characters of a provider's configuration, as the interface file allows. Source: the smithy file of the lattice control
/// interface (`ConfigurationString`).
pub(crate) const MAX_CONFIGURATION: usize = 500_000;

/// Lines of a provider's output in one answer: with lines of ordinary length below what NATS servers carry.
pub(crate) const LINES_AT_ONCE: usize = 500;

/// For how long a key is lent to a provider. A host that dies leaves the loan behind, but no provider that could use it.
pub(crate) const LENT_FOR: Duration = Duration::from_secs(60 * 60);

/// A loan that lasts no longer than this is prolonged: it survives that JetStream is gone for half an hour.
pub(crate) const RELENT_BELOW: Duration = Duration::from_secs(40 * 60);

/// How often it is looked how long a loan lasts. After a machine has slept the provider's calls are refused no longer than this.
pub(crate) const LOAN_LOOK: Duration = Duration::from_secs(15);

/// How many keys that nobody knows are looked for at once. Forged calls cause this too.
pub(crate) const LOOKUPS_AT_ONCE: usize = 16;

/// How long the last output of a provider may take to be read once its process has ended: it lies in a pipe already.
pub(crate) const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// The largest artifact that clients can have stored in the lattice: as large as hosts fetch at the most.
pub(crate) const MAX_UPLOAD: u64 = 256 << 20;

/// Uploads at the same time, those included that are being checked and stored.
pub(crate) const UPLOADS_AT_ONCE: usize = 8;

/// Bytes of all of them, held in memory: two of the largest, or as many ordinary ones as there can be.
pub(crate) const UPLOAD_BYTES: u64 = 2 * MAX_UPLOAD;

/// How long an upload is kept of which nothing is heard: longer than a client's connection takes to come back.
pub(crate) const UPLOAD_IDLE: Duration = Duration::from_secs(60);

/// How long an upload is kept at all, so that nobody holds its place and memory by sending a part now and then: the largest
/// artifact arrives within it at 300 kB/s, and who sends more slowly is better off with a registry.
pub(crate) const UPLOAD_LONGEST: Duration = Duration::from_secs(15 * 60);

/// How often it is looked for those.
pub(crate) const UPLOAD_LOOK: Duration = Duration::from_secs(10);

/// Bytes of a part of an artifact, on its way in or out: half of what NATS servers carry unless told otherwise.
pub(crate) const PART_BYTES: usize = 512 << 10;

/// Parts that are read from the store at once: 16 MiB, and more than a few clients ask for.
pub(crate) const PARTS_AT_ONCE: usize = 32;

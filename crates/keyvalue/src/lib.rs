//! The capability provider for `wasmcloud:keyvalue`: texts, numbers, lists and sets under keys, kept in JetStream or in
//! Redis.
//!
//! # Links
//!
//! What a link does not say is taken from the JSON object that the provider was started with, if there is one. Names may be
//! in upper case.
//!
//! | link value | means | without it |
//! |---|---|---|
//! | `url` | a Redis server, `redis://user:password@host:port/database` | JetStream of the lattice's NATS |
//! | `bucket` | the bucket to keep everything in | `LATTICEKV_` and the lattice's name |
//! | `create` | `false` refuses the link if there is no such bucket | the bucket is made |
//! | `replicas` | on how many servers a bucket that is made is kept | 1 |
//! | `prefix` | stands before every key, `orders:` for instance | nothing does |
//!
//! Actors whose links name the same place share what is there, as with the published provider for Redis. `prefix` keeps
//! them apart.
//!
//! # In JetStream
//!
//! One entry of the bucket holds one key: a text as it is, a list or a set as a JSON array, with the header
//! `Lattice-Type` that says so. Other programs may read and write the bucket. A key of letters, digits, `-`, `_`, `/` and
//! `.` is its own name there; any other byte is written as `=` and two hexadecimal digits. Whatever is read and
//! written back is written only if nobody else wrote meanwhile, and otherwise begun anew, so that nothing gets lost however
//! many actors and providers add at once. An entry that expires carries the time in the header `Lattice-Expires`; the server
//! removes it too, if it can and the bucket holds one value for each key. A list or a set is as large as an entry may be,
//! 8 MiB under `lattice up` and 1 MiB where nobody set `max_payload`; then adding to it fails.
//!
//! Several keys at once (`SetUnion`, `SetIntersection`) are read one after the other: others may write in between.
//!
//! # In Redis
//!
//! The commands are those of the published provider: `GET`, `SET` and `SETEX`, `INCRBY`, `EXISTS`, `DEL`, `RPUSH`,
//! `LREM` of one, `LRANGE`, `SADD`, `SREM`, `SMEMBERS`, `SUNION`, `SINTER`. So both may use the same server. A sum that 32 bits
//! do not hold is an error there too, but stays. A connection that breaks is restored; what was under way fails, for it may
//! have been done. There is no TLS.
//! Source: wasmCloud/capability-providers `kvredis/src/main.rs`; wasmCloud 0.82 `crates/providers/kv-redis`.
//!
//! # The same in both
//!
//! A text, a list and a set under one key exclude each other: an operation on another kind than is there fails and changes
//! nothing. Texts take the place of whatever is there, and `Del`, `ListClear` and `SetClear` remove it. A list or a set
//! without items is gone. What is changed goes on to expire when it would have, what is set anew does not.

mod defaults;
mod error;
mod jetstream;
mod operations;
mod provider;
mod redis;
mod settings;
mod storage;

pub use provider::KeyValue;

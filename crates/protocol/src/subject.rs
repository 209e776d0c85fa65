//! Every subject of the protocol: how it is built, which wildcard receives it, and how it is read back.
//!
//! Source: wasmCloud 0.82 `crates/host/src/wasmbus/mod.rs` (subscriptions and dispatch), wasmcloud-otp 0.63
//! `lattice_server.ex`, `host_server.ex`; subjects under `lattice.`, which only ask, and under `artifacts.` are of this project.

mod control;
mod prefix;

pub use control::{ArtifactVerb, CommandVerb, ControlSubject, ControlSubjects, HostSubjects, LabelVerb};
pub use prefix::ControlPrefix;

use data_encoding::BASE64URL;

use crate::id::{ActorKey, LatticeName, LinkName, ProviderKey};

/// Subjects on which invocations travel and hosts talk to providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcSubjects {
    lattice: LatticeName,
}

impl RpcSubjects {
    /// The invocation subjects of a lattice. They do not follow the control prefix.
    pub fn new(lattice: LatticeName) -> Self {
        Self { lattice }
    }

    /// Where an actor is invoked; also the queue group of its hosts.
    pub fn actor(&self, actor: &ActorKey) -> String {
        format!("wasmbus.rpc.{}.{actor}", self.lattice)
    }

    /// Where hosts and clients of the earliest generation say that there is a link. Source: wasmCloud 0.18.2
    /// `crates/wasmcloud-host/src/messagebus/rpc_subscription.rs`, as for the next.
    pub fn link_put(&self) -> String {
        format!("wasmbus.rpc.{}.links", self.lattice)
    }

    /// Where hosts and clients of the earliest generation say that a link is gone.
    pub fn link_removed(&self) -> String {
        format!("wasmbus.rpc.{}.remlinks", self.lattice)
    }

    /// The queue group in which one host of this project carries out what is said there.
    pub fn link_takers(&self) -> String {
        format!("wasmbus.rpc.{}.lattice", self.lattice)
    }

    /// Where a provider is invoked under a link name.
    pub fn provider(&self, provider: &ProviderKey, link: &LinkName) -> String {
        format!("wasmbus.rpc.{}.{provider}.{link}", self.lattice)
    }

    /// Where the instances of a provider learn of a link. Like the next three without a queue group: each instance hears
    /// all of it. Source: wasmbus-rpc 0.15 `provider.rs`.
    pub fn put_link(&self, provider: &ProviderKey, link: &LinkName) -> String {
        format!("{}.linkdefs.put", self.provider(provider, link))
    }

    /// Where they learn that a link is gone.
    pub fn delete_link(&self, provider: &ProviderKey, link: &LinkName) -> String {
        format!("{}.linkdefs.del", self.provider(provider, link))
    }

    /// The last two together: one subscription keeps the order in which links were put and deleted.
    pub fn link_changes(&self, provider: &ProviderKey, link: &LinkName) -> String {
        format!("{}.linkdefs.*", self.provider(provider, link))
    }

    /// Where they are asked how they are.
    pub fn health(&self, provider: &ProviderKey, link: &LinkName) -> String {
        format!("{}.health", self.provider(provider, link))
    }

    /// Where the instances of one host are told to shut down.
    pub fn shutdown(&self, provider: &ProviderKey, link: &LinkName) -> String {
        format!("{}.shutdown", self.provider(provider, link))
    }

    /// Where all instances of a provider hear that another one is there. Of this project, as the next.
    pub fn instances(&self, provider: &ProviderKey, link: &LinkName) -> String {
        format!("{}.instances", self.provider(provider, link))
    }

    /// Where one instance of a provider is told what the others know; `instance` is one token.
    pub fn instance(&self, provider: &ProviderKey, link: &LinkName, instance: &str) -> String {
        format!("{}.{instance}", self.instances(provider, link))
    }

    /// The object store bucket of payloads that are too large for one message: it is named as the lattice.
    /// Source: wasmCloud 0.82 `crates/core/src/chunking.rs`, wasmbus-rpc 0.15 `chunkify.rs`.
    pub fn payload_bucket(&self) -> &str {
        self.lattice.as_str()
    }

    /// The stream that such a bucket is. Source, as for the next two: async-nats 0.33 `jetstream/object_store`, the
    /// layout that every client of object stores shares.
    pub fn payload_stream(&self) -> String {
        format!("OBJ_{}", self.lattice)
    }

    /// Where what such an object is about is stored.
    pub fn payload_info(&self, object: &str) -> String {
        format!("$O.{}.M.{}", self.lattice, BASE64URL.encode(object.as_bytes()))
    }

    /// Where its bytes are stored, under an id that its info names and which is one token.
    pub fn payload_bytes(&self, nuid: &str) -> String {
        format!("$O.{}.C.{nuid}", self.lattice)
    }
}

/// Subjects in JetStream under which the lattice's own artifacts lie: an object store like any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactSubjects {
    bucket: String,
}

impl ArtifactSubjects {
    /// The artifacts of a lattice.
    pub fn new(lattice: &LatticeName) -> Self {
        Self { bucket: format!("LATTICEARTIFACTS_{lattice}") }
    }

    /// The object store bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The stream that the bucket is. Source, as for the next three: async-nats 0.51 `jetstream/object_store`, the layout
    /// that every client of object stores shares.
    pub fn stream(&self) -> String {
        format!("OBJ_{}", self.bucket)
    }

    /// Where what an object is about is stored.
    pub fn info(&self, object: &str) -> String {
        format!("$O.{}.M.{}", self.bucket, BASE64URL.encode(object.as_bytes()))
    }

    /// Where that is stored of every object.
    pub fn infos(&self) -> String {
        format!("$O.{}.M.>", self.bucket)
    }

    /// Where the bytes of an object are stored, under an id that its info names and which is one token.
    pub fn bytes(&self, nuid: &str) -> String {
        format!("$O.{}.C.{nuid}", self.bucket)
    }

    /// Where the bytes of every object are stored.
    pub fn all_bytes(&self) -> String {
        format!("$O.{}.C.>", self.bucket)
    }

    /// The id of the object whose bytes are stored there.
    pub fn nuid_of<'a>(&self, bytes: &'a str) -> Option<&'a str> {
        bytes.strip_prefix(&self.bytes(""))
    }
}

/// Subjects on which events are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSubjects {
    lattice: LatticeName,
}

impl EventSubjects {
    /// The event subjects of a lattice. They do not follow the control prefix.
    pub fn new(lattice: LatticeName) -> Self {
        Self { lattice }
    }

    /// Where every event is published.
    pub fn all(&self) -> String {
        format!("wasmbus.evt.{}", self.lattice)
    }

    /// The queue group in which one host of this project looks at each event, to notice hosts of other projects.
    pub fn observers(&self) -> String {
        format!("wasmbus.evt.{}.lattice", self.lattice)
    }

    /// Where events of one name are published besides.
    pub fn named(&self, name: &str) -> String {
        format!("wasmbus.evt.{}.{name}", self.lattice)
    }
}

/// Whether a host may answer to this subject: one token or more below an inbox prefix, no wildcard.
///
/// A query whose reply subject is a command subject would otherwise let whoever may query command the host.
pub fn is_reply_subject(subject: &str, inbox_prefixes: &[String]) -> bool {
    let is_plain = |rest: &str| !rest.is_empty() && rest.split('.').all(|token| !matches!(token, "" | "*" | ">"));
    inbox_prefixes.iter().any(|prefix| {
        subject.strip_prefix(prefix.as_str()).and_then(|rest| rest.strip_prefix('.')).is_some_and(is_plain)
    })
}

#[cfg(test)]
mod tests;

//! The lattice protocol as values: identifiers, subjects, requests, replies, events and their encodings.
//!
//! Everything here is data. Nothing reads a clock, opens a socket or knows that NATS carries the bytes; a request is a
//! value that becomes a subject and a payload, and a test compares the two.
//!
//! ```
//! use lattice_protocol::{ControlSubjects, Format, LatticeName, ScaleActor, decode, encode};
//!
//! let lattice: LatticeName = "default".parse()?;
//! let subjects = ControlSubjects::new(lattice);
//! assert_eq!(subjects.get_claims(), "wasmbus.ctl.default.get.claims");
//!
//! let body = br#"{"actor_ref":"file:///hello.wasm","count":5}"#;
//! let scale: ScaleActor = decode(body)?;
//! assert_eq!(scale.count.get(), 5);
//! assert_eq!(encode(&scale, Format::JSON).first(), Some(&b'{'));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codes;
pub mod contract;
mod control;
mod encoding;
mod error;
pub mod event;
mod id;
mod operation;
mod parts;
mod provider;
mod redaction;
mod subject;
mod url;

pub use control::{
    Ack, ActorAuction, ActorBid, ActorDescription, ActorInstance, Annotations, ArtifactKind, ArtifactQuery, Artifacts,
    BID_HEADER, BYTES_TYPE, BeginUpload, Bid, Claims, Command, ConfigValue, ConfigValues, Constraints, Count,
    CountError, CredentialKind, Declined, DeleteLink, DeliveryState, FORCE_HEADER, FinishUpload, Host, HostInventory,
    Items, KnownRegistries, KnownRegistry, LabelChange, Labels, LatticeQuery, LinkDefinition, LinkDeliveries,
    LinkDelivery, LinkValues, Links, LogLine, LogLines, LogQuery, MAX_PROVIDER_REQUEST, MAX_REQUEST, MERGE_HEADER,
    Member, Members, OFFSET_HEADER, POSITION_HEADER, PULL_HEADER, PartQuery, Prefetch, ProviderAuction, ProviderBid,
    ProviderDescription, ProviderProcess, ProviderState, PullPolicy, PutRegistries, RefusalCode, Registries,
    RegistryCredential, ScaleActor, StartActor, StartProvider, StopActor, StopHost, StopProvider, StoredArtifact,
    UPLOAD_HEADER, UnknownPullPolicy, UpdateActor, UploadBegun,
};
pub use encoding::{Encoding, Format, Spelling, decode, decode_command, encode};
pub use error::{DecodeError, IdError, SubjectError, error_chain};
pub use id::{
    AccountKey, ActorKey, CallAlias, ClusterKey, ContractId, EntityKey, HostKey, KeyKind, LatticeName, LinkName,
    OperationId, ProviderKey, UserKey,
};
pub use operation::{
    ImageFetch, OPERATION_HEADER, OperationPhase, OperationQuery, OperationRecord, OperationRecords, OperationsQuery,
    REQUESTER_HEADER, ReachedPhase,
};
pub use parts::{MAX_PARTS, PART_HEADER, PARTS_HEADER, Part, PartError};
pub use provider::{
    DeletedLink, DirectAccess, HealthCheckResponse, HostData, HostDataError, INSTANCE_HEADER, LinkAnswer, OtelConfig,
    SHUTDOWN_ANSWER, ShutdownRequest,
};
pub use subject::{
    ArtifactSubjects, ArtifactVerb, CommandVerb, ControlPrefix, ControlSubject, ControlSubjects, EventSubjects,
    HostSubjects, LabelVerb, RpcSubjects, is_reply_subject,
};
pub use url::without_user_info;

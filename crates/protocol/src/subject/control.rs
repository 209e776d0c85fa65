//! Subjects of the control interface, generation v0.

use crate::{
    error::{IdError, SubjectError},
    id::{EntityKey, HostKey, LatticeName},
    redaction::{shown, without_seeds},
    subject::prefix::ControlPrefix,
};

/// What a message on a control subject asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlSubject {
    /// `auction.actor`: who would run this actor?
    AuctionActor,
    /// `auction.provider`: who would run this provider?
    AuctionProvider,
    /// `cmd.{host}.{verb}`: a command to one host.
    Command {
        /// The host.
        host: HostKey,
        /// What it is to do.
        verb: CommandVerb,
    },
    /// `get.{host}.inv`: what runs on one host.
    Inventory {
        /// The host.
        host: HostKey,
    },
    /// `get.hosts`: the hosts of the lattice, by the interface file.
    GetHosts,
    /// `ping.hosts`: the hosts of the lattice, as published clients ask.
    PingHosts,
    /// `get.claims`: the claims known to the lattice.
    GetClaims,
    /// `get.links`: the links known to the lattice.
    GetLinks,
    /// `linkdefs.put`: set a link.
    PutLink,
    /// `linkdefs.del`: remove a link.
    DeleteLink,
    /// `registries.put`: credentials for registries, to every host.
    PutRegistries,
    /// `labels.{host}.{verb}`: change a host's labels.
    Labels {
        /// The host.
        host: HostKey,
        /// What is to happen.
        verb: LabelVerb,
    },
    /// `config.put.{entity}.{key}`: set one value of an entity's configuration.
    PutConfig {
        /// The actor or provider.
        entity: EntityKey,
        /// The value's key.
        key: String,
    },
    /// `config.del.{entity}.{key}`: remove one value.
    DeleteConfig {
        /// The actor or provider.
        entity: EntityKey,
        /// The value's key.
        key: String,
    },
    /// `config.clear.{entity}`, or `config.del.{entity}` as the published client sends it: remove all values.
    ClearConfig {
        /// The actor or provider.
        entity: EntityKey,
    },
    /// `get.config.{entity}` or `get.config.{entity}.{key}`: read configuration.
    GetConfig {
        /// The actor or provider.
        entity: EntityKey,
        /// The value's key; all values without one.
        key: Option<String>,
    },
    /// `lattice.{host}.operation`: how an operation stands; of this project, answered by our hosts only.
    Operation {
        /// The host that accepted it.
        host: HostKey,
    },
    /// `lattice.{host}.logs`: what a provider has printed; of this project.
    Logs {
        /// The host on which it runs.
        host: HostKey,
    },
    /// `lattice.deliveries`: which links have arrived at the providers of each host; of this project.
    Deliveries,
    /// `lattice.{host}.ping`: whether one host is there; of this project.
    Ping {
        /// The host.
        host: HostKey,
    },
    /// `lattice.operation`: how an operation stands, asked of any host; of this project.
    AnyOperation,
    /// `lattice.operations`: the operations of the lattice, asked of any host; of this project.
    Operations,
    /// `lattice.members`: who belongs to the lattice, asked of any host; of this project.
    Members,
    /// `lattice.registries`: for which registries there are credentials, asked of any host; of this project.
    Registries,
    /// `artifacts.begin`: begin to upload an artifact into the lattice, at any host; of this project.
    BeginUpload,
    /// `artifacts.delete`: remove one of the lattice's own artifacts, through any host; of this project.
    DeleteArtifact,
    /// `lattice.artifact.{verb}`: what is asked of any host about the lattice's own artifacts; of this project.
    Artifact {
        /// What is asked.
        verb: ArtifactVerb,
    },
    /// `cmd.{host}.upload`: a part of an artifact, to the host that takes it; of this project.
    Upload {
        /// The host.
        host: HostKey,
    },
    /// `cmd.{host}.push`: store what was uploaded; of this project.
    Push {
        /// The host.
        host: HostKey,
    },
}

/// What is asked of any host about the lattice's own artifacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArtifactVerb {
    /// `list`: all of them.
    List,
    /// `get`: what is known of one.
    Get,
    /// `part`: the bytes of one, as many as go into an answer.
    Part,
}

impl ArtifactVerb {
    const ALL: [(ArtifactVerb, &'static str); 3] =
        [(ArtifactVerb::List, "list"), (ArtifactVerb::Get, "get"), (ArtifactVerb::Part, "part")];

    /// The subject token.
    pub fn token(self) -> &'static str {
        Self::ALL.iter().find(|(verb, _)| *verb == self).expect("the table holds every verb").1
    }

    fn from_token(token: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, text)| *text == token).map(|(verb, _)| *verb)
    }
}

/// A command to one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandVerb {
    /// `la`: start instances of an actor.
    StartActor,
    /// `sa`: stop instances of an actor.
    StopActor,
    /// `scale`: set how many instances of an actor run.
    ScaleActor,
    /// `upd`: replace a running actor by another image.
    UpdateActor,
    /// `lp`: start a provider.
    StartProvider,
    /// `sp`: stop a provider.
    StopProvider,
    /// `stop`: stop the host.
    StopHost,
    /// `prefetch`: have an image in the cache; of this project.
    Prefetch,
}

impl CommandVerb {
    const ALL: [(CommandVerb, &'static str); 8] = [
        (CommandVerb::StartActor, "la"),
        (CommandVerb::StopActor, "sa"),
        (CommandVerb::ScaleActor, "scale"),
        (CommandVerb::UpdateActor, "upd"),
        (CommandVerb::StartProvider, "lp"),
        (CommandVerb::StopProvider, "sp"),
        (CommandVerb::StopHost, "stop"),
        (CommandVerb::Prefetch, "prefetch"),
    ];

    /// The subject token.
    pub fn token(self) -> &'static str {
        Self::ALL.iter().find(|(verb, _)| *verb == self).expect("the table holds every verb").1
    }

    fn from_token(token: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, text)| *text == token).map(|(verb, _)| *verb)
    }
}

/// A change of a host's labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelVerb {
    /// Set a label.
    Put,
    /// Remove a label.
    Delete,
}

impl LabelVerb {
    fn token(self) -> &'static str {
        match self {
            LabelVerb::Put => "put",
            LabelVerb::Delete => "del",
        }
    }
}

/// The control subjects of one lattice under one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSubjects {
    root: String,
    lattice: LatticeName,
}

impl ControlSubjects {
    /// The subjects of a lattice under the default prefix.
    pub fn new(lattice: LatticeName) -> Self {
        Self::with_prefix(&ControlPrefix::default(), lattice)
    }

    /// The subjects of a lattice under a prefix of its own.
    pub fn with_prefix(prefix: &ControlPrefix, lattice: LatticeName) -> Self {
        Self { root: format!("{prefix}.{lattice}"), lattice }
    }

    /// The lattice.
    pub fn lattice(&self) -> &LatticeName {
        &self.lattice
    }

    /// The subject of a message.
    pub fn build(&self, subject: &ControlSubject) -> String {
        let root = &self.root;
        match subject {
            ControlSubject::AuctionActor => format!("{root}.auction.actor"),
            ControlSubject::AuctionProvider => format!("{root}.auction.provider"),
            ControlSubject::Command { host, verb } => format!("{root}.cmd.{host}.{}", verb.token()),
            ControlSubject::Inventory { host } => format!("{root}.get.{host}.inv"),
            ControlSubject::GetHosts => format!("{root}.get.hosts"),
            ControlSubject::PingHosts => format!("{root}.ping.hosts"),
            ControlSubject::GetClaims => format!("{root}.get.claims"),
            ControlSubject::GetLinks => format!("{root}.get.links"),
            ControlSubject::PutLink => format!("{root}.linkdefs.put"),
            ControlSubject::DeleteLink => format!("{root}.linkdefs.del"),
            ControlSubject::PutRegistries => format!("{root}.registries.put"),
            ControlSubject::Labels { host, verb } => format!("{root}.labels.{host}.{}", verb.token()),
            ControlSubject::PutConfig { entity, key } => format!("{root}.config.put.{entity}.{key}"),
            ControlSubject::DeleteConfig { entity, key } => format!("{root}.config.del.{entity}.{key}"),
            ControlSubject::ClearConfig { entity } => format!("{root}.config.clear.{entity}"),
            ControlSubject::GetConfig { entity, key: None } => format!("{root}.get.config.{entity}"),
            ControlSubject::GetConfig { entity, key: Some(key) } => format!("{root}.get.config.{entity}.{key}"),
            ControlSubject::Operation { host } => format!("{root}.lattice.{host}.operation"),
            ControlSubject::Ping { host } => format!("{root}.lattice.{host}.ping"),
            ControlSubject::Logs { host } => format!("{root}.lattice.{host}.logs"),
            ControlSubject::Deliveries => format!("{root}.lattice.deliveries"),
            ControlSubject::AnyOperation => format!("{root}.lattice.operation"),
            ControlSubject::Operations => format!("{root}.lattice.operations"),
            ControlSubject::Members => format!("{root}.lattice.members"),
            ControlSubject::Registries => format!("{root}.lattice.registries"),
            ControlSubject::BeginUpload => format!("{root}.artifacts.begin"),
            ControlSubject::DeleteArtifact => format!("{root}.artifacts.delete"),
            ControlSubject::Artifact { verb } => format!("{root}.lattice.artifact.{}", verb.token()),
            ControlSubject::Upload { host } => format!("{root}.cmd.{host}.upload"),
            ControlSubject::Push { host } => format!("{root}.cmd.{host}.push"),
        }
    }

    /// `{prefix}.{lattice}.ping.hosts`
    pub fn ping_hosts(&self) -> String {
        self.build(&ControlSubject::PingHosts)
    }

    /// `{prefix}.{lattice}.get.claims`
    pub fn get_claims(&self) -> String {
        self.build(&ControlSubject::GetClaims)
    }

    /// `{prefix}.{lattice}.get.{host}.inv`
    pub fn inventory(&self, host: &HostKey) -> String {
        self.build(&ControlSubject::Inventory { host: host.clone() })
    }

    /// `{prefix}.{lattice}.cmd.{host}.{verb}`
    pub fn command(&self, host: &HostKey, verb: CommandVerb) -> String {
        self.build(&ControlSubject::Command { host: host.clone(), verb })
    }

    /// `{prefix}.{lattice}.lattice.{host}.operation`
    pub fn operation(&self, host: &HostKey) -> String {
        self.build(&ControlSubject::Operation { host: host.clone() })
    }

    /// The subjects to which a host of this lattice subscribes.
    ///
    /// Whoever may send below `lattice.` can ask and change nothing: what changes something lies elsewhere.
    ///
    /// Published hosts receive `auction.>` without a group. What means nothing below it is to be answered by one host, so
    /// that here the group gets what is no auction.
    pub fn for_host(&self, host: &HostKey) -> HostSubjects {
        let root = &self.root;
        let of_all =
            ["registries.put", "ping.hosts", "get.hosts", "auction.actor", "auction.provider", "lattice.deliveries"];
        let own = [
            format!("cmd.{host}.*"),
            format!("get.{host}.inv"),
            format!("labels.{host}.*"),
            format!("lattice.{host}.*"),
        ];
        let plain = of_all.map(str::to_owned).into_iter().chain(own).map(|rest| format!("{root}.{rest}")).collect();
        let queued = [
            "get.*",
            "linkdefs.*",
            "config.>",
            "get.config.>",
            "artifacts.*",
            "lattice.*",
            "lattice.artifact.*",
            "auction.>",
        ]
        .iter()
        .map(|rest| (format!("{root}.{rest}"), group(root, rest)))
        .collect();
        HostSubjects { plain, queued }
    }

    /// What a subject asks for.
    ///
    /// # Errors
    /// [`SubjectError::Elsewhere`] outside this prefix and lattice, [`SubjectError::Unsupported`] for a subject that
    /// means nothing, [`SubjectError::Identifier`] when a key in it is malformed.
    pub fn parse(&self, subject: &str) -> Result<ControlSubject, SubjectError> {
        let rest = subject.strip_prefix(&self.root).and_then(|rest| rest.strip_prefix('.'));
        let rest =
            rest.ok_or_else(|| SubjectError::Elsewhere { subject: without_seeds(subject), prefix: self.root.clone() })?;
        parse_tokens(rest).map_err(|fault| match fault {
            Fault::Unsupported => SubjectError::Unsupported { subject: without_seeds(subject) },
            Fault::Identifier(source) => SubjectError::Identifier { subject: without_seeds(subject), source },
        })
    }
}

/// The queue group of a wildcard, as wasmCloud 0.82 names it: the subject without its last token.
fn group(root: &str, wildcard: &str) -> String {
    match wildcard.rsplit_once('.') {
        Some((head, _)) => format!("{root}.{head}"),
        None => root.to_owned(),
    }
}

/// The subscriptions of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSubjects {
    /// Subjects that every host receives.
    pub plain: Vec<String>,
    /// Subjects that one host of a queue group receives, each with its group. Some cover subjects that every host
    /// receives, which are not to be answered twice.
    pub queued: Vec<(String, String)>,
}

enum Fault {
    Unsupported,
    Identifier(IdError),
}

impl From<IdError> for Fault {
    fn from(error: IdError) -> Self {
        Fault::Identifier(error)
    }
}

fn parse_tokens(rest: &str) -> Result<ControlSubject, Fault> {
    let tokens: Vec<&str> = rest.split('.').collect();
    Ok(match *tokens.as_slice() {
        ["auction", "actor"] => ControlSubject::AuctionActor,
        ["auction", "provider"] => ControlSubject::AuctionProvider,
        ["cmd", host, "upload"] => ControlSubject::Upload { host: host.parse()? },
        ["cmd", host, "push"] => ControlSubject::Push { host: host.parse()? },
        ["cmd", host, verb] => ControlSubject::Command {
            host: host.parse()?,
            verb: CommandVerb::from_token(verb).ok_or(Fault::Unsupported)?,
        },
        ["get", "config", entity, ref key @ ..] => {
            let key = if key.is_empty() { None } else { Some(config_key(key)?) };
            ControlSubject::GetConfig { entity: entity.parse()?, key }
        }
        ["get", host, "inv"] => ControlSubject::Inventory { host: host.parse()? },
        ["get", "hosts"] => ControlSubject::GetHosts,
        ["ping", "hosts"] => ControlSubject::PingHosts,
        ["get", "claims"] => ControlSubject::GetClaims,
        ["get", "links"] => ControlSubject::GetLinks,
        ["linkdefs", "put"] => ControlSubject::PutLink,
        ["linkdefs", "del"] => ControlSubject::DeleteLink,
        ["registries", "put"] => ControlSubject::PutRegistries,
        ["labels", host, "put"] => ControlSubject::Labels { host: host.parse()?, verb: LabelVerb::Put },
        ["labels", host, "del"] => ControlSubject::Labels { host: host.parse()?, verb: LabelVerb::Delete },
        ["config", "clear", entity] | ["config", "del", entity] => {
            ControlSubject::ClearConfig { entity: entity.parse()? }
        }
        ["config", "put", entity, ref key @ ..] if !key.is_empty() => {
            ControlSubject::PutConfig { entity: entity.parse()?, key: config_key(key)? }
        }
        ["config", "del", entity, ref key @ ..] => {
            ControlSubject::DeleteConfig { entity: entity.parse()?, key: config_key(key)? }
        }
        ["artifacts", "begin"] => ControlSubject::BeginUpload,
        ["artifacts", "delete"] => ControlSubject::DeleteArtifact,
        ["lattice", "artifact", verb] => {
            ControlSubject::Artifact { verb: ArtifactVerb::from_token(verb).ok_or(Fault::Unsupported)? }
        }
        ["lattice", host, "operation"] => ControlSubject::Operation { host: host.parse()? },
        ["lattice", host, "ping"] => ControlSubject::Ping { host: host.parse()? },
        ["lattice", host, "logs"] => ControlSubject::Logs { host: host.parse()? },
        ["lattice", "deliveries"] => ControlSubject::Deliveries,
        ["lattice", "operation"] => ControlSubject::AnyOperation,
        ["lattice", "operations"] => ControlSubject::Operations,
        ["lattice", "members"] => ControlSubject::Members,
        ["lattice", "registries"] => ControlSubject::Registries,
        _ => return Err(Fault::Unsupported),
    })
}

/// The key of a configuration value, whose tokens a subject ends with.
///
/// It becomes part of a key in the lattice's store, which sets the alphabet; a server passes on what does not fit, a wildcard
/// for instance.
fn config_key(tokens: &[&str]) -> Result<String, IdError> {
    let key = tokens.join(".");
    if tokens.contains(&"") {
        return Err(IdError::Empty { what: "a part of the configuration key" });
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/' | '_' | '=');
    match key.chars().find(|c| !is_allowed(*c)) {
        Some(found) => Err(IdError::Character {
            what: "the configuration key",
            text: shown(&key),
            found,
            allowed: "letters, digits and `.-/_=`",
        }),
        None => Ok(key),
    }
}

//! Simulated hosts: the part of a host that answers who is there, without an engine, as many as one process carries.
//!
//! They have a lattice to themselves, so that none of them is ever taken for a host that could run something.

use std::{collections::BTreeMap, sync::Arc};

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures::{StreamExt, stream::SelectAll};
use lattice_claims::HostSeed;
use lattice_protocol::{
    ControlSubject, ControlSubjects, Encoding, Format, Host, HostKey, Labels, LatticeName, Member, Members, encode,
};
use tokio::task::JoinHandle;

use crate::error::ResponderError;

/// How often members note that they are there; what is told of simulated ones never ages.
const INTERVAL: u64 = 5000;
const ACCEPT: &str = "Accept";

/// Hosts that are told of and answer. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct SimulatedHosts {
    task: JoinHandle<()>,
}

impl SimulatedHosts {
    /// Has so many hosts answer in a lattice, and returns once the server has their subscriptions.
    pub(crate) async fn start(
        nats: &async_nats::Client,
        lattice: LatticeName,
        count: usize,
    ) -> Result<Self, ResponderError> {
        let subjects = ControlSubjects::new(lattice);
        let hosts: Vec<Arc<Answers>> = (0..count).map(|number| Arc::new(Answers::of(number))).collect();
        let mut pings = SelectAll::new();
        for host in &hosts {
            let ping = subscribe(nats, subjects.ping_hosts()).await?;
            let host = Arc::clone(host);
            pings.push(ping.map(move |message| (Arc::clone(&host), message)).boxed());
        }
        let directory = Directory {
            members: Encoded::of(&Members { members: hosts.iter().map(|host| host.member.clone()).collect() }),
            hosts: hosts.iter().map(|host| (host.member.host_id.clone(), Arc::clone(host))).collect(),
            subjects: subjects.clone(),
        };
        let own = subscribe(nats, wildcard(&subjects)).await?;
        // The server has what it was sent before a question of its own that it answers.
        let _ = nats.request(format!("{}.nobody", nats.new_inbox()), Bytes::new()).await;
        let task = tokio::spawn(answer(nats.clone(), pings, own, directory));
        Ok(Self { task })
    }
}

impl Drop for SimulatedHosts {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Everything below the subjects of this project.
fn wildcard(subjects: &ControlSubjects) -> String {
    let members = subjects.build(&ControlSubject::Members);
    let below = members.strip_suffix("members").expect("the subject ends so");
    format!("{below}>")
}

async fn subscribe(nats: &async_nats::Client, subject: String) -> Result<Subscriber, ResponderError> {
    let subscribed = nats.subscribe(subject.clone()).await;
    subscribed.map_err(|source| ResponderError::Subscribe { subject, source })
}

async fn answer(
    nats: async_nats::Client,
    mut pings: SelectAll<futures::stream::BoxStream<'static, (Arc<Answers>, Message)>>,
    mut own: Subscriber,
    directory: Directory,
) {
    loop {
        // Cancel-safe: a message that was received is answered before the next wait.
        let (answer, message) = tokio::select! {
            Some((host, message)) = pings.next() => (Some(host.host.wanted(&message)), message),
            Some(message) = own.next() => (directory.answer(&message), message),
            else => return,
        };
        if let (Some(body), Some(inbox)) = (answer, message.reply) {
            // An answer that cannot be sent is one that nobody waits for.
            let _ = nats.publish(inbox, body).await;
        }
    }
}

/// What one host says of itself.
#[derive(Debug)]
struct Answers {
    member: Member,
    host: Encoded,
}

impl Answers {
    fn of(number: usize) -> Self {
        let id = HostSeed::generate().public();
        let friendly_name = format!("simulated-{number}");
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let host = Host {
            cluster_issuers: None,
            ctl_host: None,
            friendly_name: friendly_name.clone(),
            id: id.clone(),
            issuer: None,
            js_domain: None,
            labels: Labels::new(),
            lattice: None,
            lattice_prefix: None,
            prov_rpc_host: None,
            rpc_host: None,
            uptime_human: None,
            uptime_seconds: 0,
            version: Some(version.clone()),
        };
        let member = Member {
            age: Some(0),
            foreign: false,
            friendly_name,
            host_id: id,
            incarnation: Some("simulated".to_owned()),
            interval: INTERVAL,
            version,
        };
        Self { member, host: Encoded::of(&host) }
    }
}

/// What all of them answer for each other.
struct Directory {
    subjects: ControlSubjects,
    members: Encoded,
    hosts: BTreeMap<HostKey, Arc<Answers>>,
}

impl Directory {
    fn answer(&self, message: &Message) -> Option<Bytes> {
        match self.subjects.parse(&message.subject).ok()? {
            ControlSubject::Members => Some(self.members.wanted(message)),
            ControlSubject::Ping { host } => Some(self.hosts.get(&host)?.host.wanted(message)),
            _ => None,
        }
    }
}

/// An answer, written once in each encoding.
#[derive(Debug)]
struct Encoded {
    message_pack: Bytes,
    json: Bytes,
}

impl Encoded {
    fn of(value: &impl serde::Serialize) -> Self {
        let bytes = |format| Bytes::from(encode(value, format));
        Self { message_pack: bytes(Format::MESSAGE_PACK), json: bytes(Format::JSON) }
    }

    fn wanted(&self, message: &Message) -> Bytes {
        let accepted = message.headers.as_ref().and_then(|headers| headers.get(ACCEPT));
        match accepted.and_then(|accepted| Encoding::of_media_type(accepted.as_str())) {
            Some(Encoding::Json) => self.json.clone(),
            _ => self.message_pack.clone(),
        }
    }
}

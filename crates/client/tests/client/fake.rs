//! Hosts of several makes, as far as a client can see them.

use std::time::Duration;

use async_nats::Message;
use bytes::Bytes;
use futures::StreamExt;
use lattice_client::{Client, ClientSettings};
use lattice_protocol::{Format, HostKey, Member, Members, OperationPhase, OperationQuery, OperationRecord, encode};
use lattice_testkit::NatsServer;
use tokio::task::JoinHandle;

pub(crate) const HOSTS: [&str; 12] = [
    "NA53JWFGXTSEK2R4S3N6V634YTD5WC4FXBLQXH7NG2UR7A4KFJP2AVVN",
    "NDADMW22HBT4YOBPNBKP3RHW6EGHQVZHLSFR4US35OGDTH4ASSN6LU5U",
    "NCQPU6XNCH4EN523CE7FRVJC5P3FPPRRI2NBET464LURBGDHIAFL6SJ5",
    "NB34G6FPZKL2ZXE2HYB4E7ZBGTO7CMPPAQCN4EGLPUX4Y6C3P7EIUPC6",
    "ND5UO4UC7CG53OSHCR4Z7T25FW76EX4H3P2KQLQC5H4OKSR2PRGHBSII",
    "NAQK3LX6M4U2Q7KL2LXA4SOLH26VKZKYX3GKNUUBYWER2HWUZNQWULLS",
    "NDTQZ2QYWDKN6366F76SNEGGLAU47CEJH7VJYORVCFEQM7D7Q5IUW375",
    "NDSUX7BVFQX3IUPHCCQFFUNAPUAUAKFP6AYFTYUVFHN4XMKZZHUMYDO5",
    "NA47JCAUXXKHJ5KEYTTMAHVSZM7VZSK763RU2TVJFTJRVXFS5ZFGHXIB",
    "NCDSAFXWATUHAQFTMANEM2DXH75R3ISSU7TAPM37NMPAWRIQ5OKUAJIX",
    "NB3LIA2QDV57RCCULITJJRFAR63I7OG7LFXUSQIPUTBYCFY7DJM2QNFQ",
    "NDVFGX7TLBWK7PFRMAOAQCHFVZGCYBOIHTWYNNECTMDYIFGRUL46QY4N",
];
pub(crate) const ACTOR: &str = "MB2KWBUBDYUFPKDWP6YXZ5DIVQFVN6NRT4V4BU72GIKN4NOP3Y7FJXL2";
pub(crate) const OTHER_ACTOR: &str = "MBCNWL6JPGDK3DWDPLAWUCDRWNBAAJRPM36GFYFNNCF4J7DB22I6P2AA";
pub(crate) const PROVIDER: &str = "VDOQYLDQEYPWEBC76G4NMONCTOKFYS7YELMFF6LPDVUO5HQF6O53ZI2M";
pub(crate) const OTHER_PROVIDER: &str = "VC3IJSRK3KIJUD5PQIEU2UNWT4PQCRYTAXFC4PDLTCMDX7L77YRUGCXW";
pub(crate) const CLUSTER: &str = "CDIZEN2YQXWH2UG7CKD4WXQZWVOUU6PRZXIVS644YUX5LHQF3JTTBHZP";
/// What a test waits for at most; only a failing test waits as long.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// Long enough for answers that are sent together to arrive together on a busy machine.
pub(crate) const QUIET: Duration = Duration::from_secs(1);
/// A limit that some are meant to reach, while others answer well within it on a busy machine.
pub(crate) const PATIENT: Duration = Duration::from_secs(2);
/// A limit that is meant to be reached.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

pub(crate) fn host(index: usize) -> HostKey {
    HOSTS[index].parse().expect("a host key")
}

/// A server and a client of its lattice `default`, with limits that no test reaches.
pub(crate) async fn lattice() -> (NatsServer, Client) {
    lattice_with(|_| {}).await
}

pub(crate) async fn lattice_with(change: impl FnOnce(&mut ClientSettings)) -> (NatsServer, Client) {
    let nats = NatsServer::start().await;
    let mut settings = ClientSettings { timeout: DEADLINE, ..ClientSettings::default() };
    change(&mut settings);
    let client = Client::new(nats.client().await, settings);
    (nats, client)
}

/// Something that answers on a subject until it is dropped.
pub(crate) struct Responder {
    nats: async_nats::Client,
    task: JoinHandle<()>,
}

impl Responder {
    /// Answers every message on `subject`, which may be a wildcard, with all that `reply` returns.
    pub(crate) async fn start(
        server: &NatsServer,
        subject: &str,
        mut reply: impl FnMut(&Message) -> Vec<Vec<u8>> + Send + 'static,
    ) -> Self {
        let nats = server.client().await;
        let mut requests = nats.subscribe(subject.to_owned()).await.expect("the server takes a subscription");
        round_trip(&nats).await;
        let replies = nats.clone();
        Self::of(nats, async move {
            while let Some(request) = requests.next().await {
                let inbox = request.reply.clone().expect("a client wants an answer");
                for body in reply(&request) {
                    replies.publish(inbox.clone(), body.into()).await.expect("the connection stands");
                }
            }
        })
    }

    /// Runs until it is dropped.
    pub(crate) fn of(nats: async_nats::Client, answering: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { nats, task: tokio::spawn(answering) }
    }

    /// Always the same answer.
    pub(crate) async fn fixed(server: &NatsServer, subject: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self::start(server, subject, move |_| vec![body.clone()]).await
    }

    /// Listens and says nothing.
    pub(crate) async fn mute(server: &NatsServer, subject: &str) -> Self {
        Self::start(server, subject, |_| Vec::new()).await
    }

    /// Ends its subscription and returns when the server knows.
    pub(crate) async fn leave(mut self) {
        self.task.abort();
        let ended = (&mut self.task).await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "it answered until now");
        round_trip(&self.nats).await;
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns when the server has handled everything sent before over this connection.
pub(crate) async fn round_trip(nats: &async_nats::Client) {
    let inbox = nats.new_inbox();
    let mut echo = nats.subscribe(inbox.clone()).await.expect("the server takes a subscription");
    nats.publish(inbox, Bytes::new()).await.expect("the connection stands");
    echo.next().await.expect("the server carries the message");
}

/// A host's answer to `ping.hosts`, as wasmCloud 0.82 writes it.
pub(crate) fn ping_082(id: &str) -> Vec<u8> {
    format!(
        r#"{{"cluster_issuers":"{CLUSTER}","ctl_host":"nats://127.0.0.1:4222","friendly_name":"name-{id}",
        "id":"{id}","issuer":"{CLUSTER}","js_domain":null,"labels":{{"hostcore.arch":"x86_64","hostcore.os":"linux",
        "hostcore.osfamily":"unix"}},"lattice":"default","lattice_prefix":"default","rpc_host":"nats://127.0.0.1:4222",
        "uptime_human":"3m 20s","uptime_seconds":200,"version":"0.82.0"}}"#
    )
    .into()
}

/// The same from wasmcloud-otp.
pub(crate) fn ping_otp(id: &str) -> Vec<u8> {
    format!(
        r#"{{"cluster_issuers":"{CLUSTER}","ctl_host":"127.0.0.1","friendly_name":"name-{id}","id":"{id}",
        "issuer":"{CLUSTER}","js_domain":null,"labels":{{"hostcore.os":"linux"}},"lattice_prefix":"default",
        "prov_rpc_host":"127.0.0.1","rpc_host":"127.0.0.1","uptime_human":"3 minutes, 20 seconds",
        "uptime_seconds":200,"version":"0.63.2"}}"#
    )
    .into()
}

/// The same in MessagePack, camelCase: `{"friendlyName": "name-{id}", "id": "{id}", "uptimeSeconds": 200}`.
pub(crate) fn ping_packed(id: &str) -> Vec<u8> {
    let mut body = b"\x83\xacfriendlyName\xd9\x3dname-".to_vec();
    body.extend_from_slice(id.as_bytes());
    body.extend_from_slice(b"\xa2id\xd9\x38");
    body.extend_from_slice(id.as_bytes());
    body.extend_from_slice(b"\xaduptimeSeconds\xcc\xc8");
    body
}

/// A host's inventory with one actor, as wasmCloud 0.82 writes it.
pub(crate) fn inventory_082(id: &str, actor: &str, name: &str) -> Vec<u8> {
    format!(
        r#"{{"actors":[{{"id":"{actor}","image_ref":"file:///echo.wasm","instances":[{{"annotations":{{"app":"a"}},
        "image_ref":"file:///echo.wasm","instance_id":"018c6a0c-6d0c-8c9e-3f6b-0c5a6f0c9c53","revision":4,
        "max_instances":5}}],"name":"{name}"}}],"providers":[],"host_id":"{id}","issuer":"{CLUSTER}",
        "friendly_name":"name-{id}","labels":{{}},"version":"0.82.0","uptime_human":"3m 20s","uptime_seconds":200}}"#
    )
    .into()
}

/// The subject of this lattice that ends like this.
pub(crate) fn control(end: &str) -> String {
    format!("wasmbus.ctl.default.{end}")
}

/// Members of these hosts, those from 10 on of another project.
pub(crate) fn members(indexes: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let member = |index: usize| Member {
        age: Some(1),
        foreign: index >= 10,
        friendly_name: format!("name-{}", HOSTS[index]),
        host_id: host(index),
        incarnation: None,
        interval: 5000,
        version: "1".to_owned(),
    };
    let members = Members { members: indexes.into_iter().map(member).collect() };
    encode(&members, Format::MESSAGE_PACK)
}

/// How an operation of the first host stands.
pub(crate) fn record(query: &OperationQuery, phase: OperationPhase) -> OperationRecord {
    OperationRecord {
        actor_id: None,
        causes: Vec::new(),
        code: None,
        command: "la".to_owned(),
        fetch: None,
        host_id: host(0),
        incarnation: "a".to_owned(),
        operation_id: query.operation_id.clone(),
        phase,
        phases: Vec::new(),
        reference: None,
        requester: None,
        link_id: None,
        link_revision: None,
        swap_micros: None,
        unrecorded: false,
    }
}

//! What a bench does where nothing answers.

use std::{path::Path, time::Duration};

use futures::StreamExt;
use lattice_bench::{Bench, BenchSettings, Measure, Outcome, Plan, Responder, Verdict};
use lattice_claims::{AccountSeed, ClusterSeed, HostSeed, InvocationSigner, ModuleSeed};
use lattice_client::{Client, ClientSettings};
use lattice_testkit::NatsServer;
use tokio::process::Command;

/// A process that behaves as a responder and answers nothing.
async fn mute_responder() -> Responder {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo ready; read -r _"]);
    Responder::start(command, Responder::new_subject()).await.expect("it says that it is ready")
}

async fn client(nats: &NatsServer) -> Client {
    let settings = ClientSettings { timeout: Duration::from_secs(20), ..ClientSettings::default() };
    Client::new(nats.client().await, settings)
}

fn settings(directory: &Path, signer: Option<InvocationSigner>) -> BenchSettings {
    BenchSettings {
        host: HostSeed::generate().public(),
        signer,
        account: AccountSeed::generate(),
        module: ModuleSeed::generate(),
        neighbour: ModuleSeed::generate(),
        directory: directory.to_owned(),
    }
}

/// Answers every command as a host does that says that all is well, stops nothing after the first time, and runs
/// nothing that could be called.
async fn answer_as_a_broken_host(nats: async_nats::Client, mut requests: async_nats::Subscriber, host: String) {
    let mut stops = 0;
    while let Some(request) = requests.next().await {
        let verb = request.subject.rsplit('.').next().expect("there is a last token").to_owned();
        stops += usize::from(verb == "sa");
        let answer = match verb.as_str() {
            "sa" if stops > 1 => r#"{"accepted":false,"error":"stuck"}"#.to_owned(),
            "la" | "sa" => r#"{"accepted":true,"error":"","operation_id":"x"}"#.to_owned(),
            "operation" => format!(r#"{{"host_id":"{host}","operation_id":"x","phase":"running","causes":[]}}"#),
            "inv" => format!(r#"{{"host_id":"{host}","actors":[],"providers":[]}}"#),
            _ => String::new(),
        };
        let inbox = request.reply.expect("a client wants an answer");
        nats.publish(inbox, answer.into()).await.expect("the connection stands");
    }
}

#[tokio::test]
async fn why_calls_are_not_measured_is_not_hidden_by_what_goes_wrong_afterwards() {
    let nats = NatsServer::start().await;
    let client = client(&nats).await;
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let settings = settings(directory.path(), Some(InvocationSigner::new(ClusterSeed::generate())));
    // Over the client's own connection, so that the subscription comes before its requests.
    let connection = client.nats().clone();
    let requests = connection.subscribe("wasmbus.ctl.default.>").await.expect("the connection stands");
    let host = tokio::spawn(answer_as_a_broken_host(connection, requests, settings.host.to_string()));
    let responder = mute_responder().await;
    let bench = Bench::new(client, settings, &responder);
    let report = bench.run(&Plan { measures: vec![Measure::Call], rounds: 1 }, |_| {}).await;
    responder.stop().await;
    host.abort();

    let [row] = report.measures.as_slice() else { panic!("{report:?}") };
    assert!(
        matches!(&row.outcome, Outcome::NotMeasured { reason } if reason.contains("responder of the floor")),
        "{row:?}"
    );
}

#[tokio::test]
async fn every_row_says_why_it_has_no_figures() {
    let nats = NatsServer::start().await;
    let client = client(&nats).await;
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let settings = settings(directory.path(), None);
    let responder = mute_responder().await;
    let bench = Bench::new(client, settings, &responder);
    let mut begun = Vec::new();
    let report = bench.run(&Plan { rounds: 2, ..Plan::default() }, |progress| begun.push(progress)).await;
    responder.stop().await;

    assert_eq!(begun, []);
    assert_eq!(report.measures.iter().map(|row| row.name).collect::<Vec<_>>(), Measure::ALL);
    assert!(!report.has_figures() && !report.keeps_budgets());
    let reason = |measure: Measure| {
        let row = report.measures.iter().find(|row| row.name == measure).expect("every measure has a row");
        assert_eq!(row.verdict, Verdict::NotMeasured, "{row:?}");
        match &row.outcome {
            Outcome::NotMeasured { reason } => reason.clone(),
            outcome => panic!("{measure}: {outcome:?}"),
        }
    };
    assert!(reason(Measure::Floor).contains("the responder of the floor does not answer: no responders"));
    assert!(reason(Measure::Query).contains("no responders"));
    assert!(reason(Measure::StartWarm).contains("no responders"));
    assert!(reason(Measure::Call).contains("cluster seed"));
    assert!(bench.clean_up().await.is_err(), "nobody has said that nothing runs");
    assert_eq!(std::fs::read_dir(directory.path()).expect("it can be read").count(), 0);
}

//! What a bench does where nothing answers.

use std::time::Duration;

use lattice_bench::{Bench, BenchSettings, Measure, Outcome, Plan, Responder, Verdict};
use lattice_claims::{AccountSeed, HostSeed, ModuleSeed};
use lattice_client::{Client, ClientSettings};
use lattice_testkit::NatsServer;
use tokio::process::Command;

/// A process that behaves as a responder and answers nothing.
async fn mute_responder() -> Responder {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo ready; read -r _"]);
    Responder::start(command, Responder::new_subject()).await.expect("it says that it is ready")
}

#[tokio::test]
async fn every_row_says_why_it_has_no_figures() {
    let nats = NatsServer::start().await;
    let client_settings = ClientSettings { timeout: Duration::from_secs(20), ..ClientSettings::default() };
    let client = Client::new(nats.client().await, client_settings);
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let settings = BenchSettings {
        host: HostSeed::generate().public(),
        signer: None,
        account: AccountSeed::generate(),
        module: ModuleSeed::generate(),
        directory: directory.path().to_owned(),
    };
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

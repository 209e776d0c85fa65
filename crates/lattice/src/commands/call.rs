//! `lattice call`.

use std::{io, time::Duration};

use lattice_claims::{ClusterSeed, HostSeed, InvocationSigner, ModuleSeed};
use lattice_rpc::{CallError, RpcClient};
use serde::Serialize;

use crate::{
    cli::Call,
    connect::Lattice,
    fault::{Code, Fault},
    input,
    keys::{Keys, SeedSource, read},
    placement,
    printer::Show,
    settings::Settings,
    transcode::{to_json, to_message_pack},
};

/// An actor's answer, which is the whole document.
#[derive(Serialize)]
#[serde(transparent)]
struct Answer(serde_json::Value);

/// Calls an actor and prints its answer.
pub(crate) async fn run(call: Call, settings: &Settings) -> anyhow::Result<()> {
    let payload = payload(call.argument.as_deref())?;
    let target = settings.target()?;
    let flag = call.cluster_seed.map(|text| SeedSource::read(&String::from(text), "--cluster-seed"));
    let seed = cluster_seed(flag.or_else(|| target.cluster_seed.clone()), settings)?;
    let lattice = Lattice::reach(target).await?;
    let actor = placement::actor(&lattice, &call.actor).await?;
    // Whoever types this is neither a host nor an actor; the cluster's signature is what counts.
    let (host, origin) = (HostSeed::generate().public(), ModuleSeed::generate().public());
    let name = lattice.target.lattice.clone();
    let rpc = RpcClient::new(lattice.client.nats().clone(), name, host, InvocationSigner::new(seed));
    let request = lattice_rpc::Call::new(origin.into(), actor.into(), call.operation, payload)
        .with_time_limit(lattice.target.timeout);
    let answer = rpc.call(request).await.map_err(|error| not_called(&call.actor, error))?;
    if call.raw {
        return Ok(settings.printer().raw(&answer)?);
    }
    let answer = to_json(&answer).map_err(|error| {
        Fault::new(Code::Unreadable, "the actor's answer cannot be shown as JSON")
            .hint("--raw writes its bytes as they are")
            .caused_by(error)
    })?;
    Ok(settings.printer().show(&Answer(answer))?)
}

/// Where nobody listens the actor does not run; it may be known all the same, for claims are kept. The subjects that
/// these errors name tell people nothing.
fn not_called(actor: &str, error: CallError) -> anyhow::Error {
    match error {
        CallError::NoResponders { .. } => Fault::new(Code::NotFound, format!("no host runs actor `{actor}`"))
            .hint("`lattice get inventory` shows what runs; `lattice start actor` starts it")
            .into(),
        CallError::TimedOut { waited, .. } => {
            // What is left of 5 s after a question is none that people would have typed.
            let waited =
                humantime::format_duration(Duration::from_secs_f64((waited.as_secs_f64() * 100.0).round() / 100.0));
            Fault::new(Code::TimedOut, format!("actor `{actor}` has not answered within {waited}"))
                .hint("it may still be at it; --timeout waits longer")
                .into()
        }
        error => error.into(),
    }
}

/// The argument as MessagePack; no bytes if there is none.
fn payload(argument: Option<&str>) -> Result<Vec<u8>, Fault> {
    let Some(argument) = argument else { return Ok(Vec::new()) };
    let origin = match argument.strip_prefix('@') {
        Some(path) => path,
        None if argument == "-" => "standard input",
        None => "the argument",
    };
    let not_text = |error| input::not_read(origin, io::Error::new(io::ErrorKind::InvalidData, error));
    let text = String::from_utf8(input::value(argument)?).map_err(not_text)?;
    let json = serde_json::from_str(&text).map_err(|error| {
        let is_word = text.starts_with(char::is_alphabetic);
        let fault = Fault::new(Code::Usage, format!("{origin} is not JSON")).caused_by(error);
        if is_word { fault.hint("text needs its quotes, also from the shell: '\"Ada\"'") } else { fault }
    })?;
    Ok(to_message_pack(&json))
}

/// The seed that is named, else that of the data directory, which its `up` made.
fn cluster_seed(named: Option<SeedSource>, settings: &Settings) -> Result<ClusterSeed, Fault> {
    if let Some(seed) = known_cluster_seed(named, settings)? {
        return Ok(seed);
    }
    let path = Keys::of(&settings.data_dir()?).cluster_path();
    Err(Fault::new(Code::Configuration, "a call is signed with a cluster seed, and none is named").hint(format!(
        "name the seed that the lattice's hosts use, or one among their cluster issuers, with --cluster-seed or \
         LATTICE_CLUSTER_SEED, or in a context; `lattice up` makes one at {}, `lattice keys gen cluster` makes a new one",
        path.display()
    )))
}

/// The seed that is named, else that of the data directory if there is one.
pub(super) fn known_cluster_seed(named: Option<SeedSource>, settings: &Settings) -> Result<Option<ClusterSeed>, Fault> {
    if let Some(source) = named {
        return source.seed().map(Some);
    }
    let path = Keys::of(&settings.data_dir()?).cluster_path();
    if path.exists() { read(&path).map(Some) } else { Ok(None) }
}

impl Show for Answer {
    fn text(&self) -> String {
        serde_json::to_string_pretty(&self.0).expect("a JSON value is written to memory")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn arguments_come_from_the_line_or_a_file() {
        assert_eq!(payload(None).expect("none is fine"), b"");
        assert_eq!(payload(Some("{\"a\":1}")).expect("it is JSON"), b"\x81\xa1a\x01");
        let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        fs::write(file.path(), "[true]\n").expect("the file can be written");
        let path = format!("@{}", file.path().display());
        assert_eq!(payload(Some(&path)).expect("it is JSON"), b"\x91\xc3");
    }

    #[test]
    fn what_is_no_json_is_a_usage_error() {
        assert_eq!(payload(Some("Ada")).expect_err("no quotes").code, Code::Usage);
        assert_eq!(payload(Some("")).expect_err("nothing").code, Code::Usage);
        assert_eq!(payload(Some("@/does/not/exist")).expect_err("no file").code, Code::NotFound);
    }
}

//! From an error chain to what people and programs are told.

use std::error::Error;

use lattice_artifact::{BindleError, FetchError, OciError, ReferenceError};
use lattice_broker::{BinaryError, ProbeError};
use lattice_client::{ConnectError, PlaceError, RequestError, ResolveError, WaitError};
use lattice_host::StartError;
use lattice_rpc::{CallError, ChunkError, ReadError};
use serde::Serialize;

use crate::{
    fault::{Code, Fault},
    printer::PrintError,
};

/// Why a command failed, ready to be printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Diagnosis {
    /// Its kind.
    pub(crate) code: Code,
    message: String,
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// The document that programs get.
#[derive(Serialize)]
pub(crate) struct Document<'a> {
    error: &'a Diagnosis,
}

impl Diagnosis {
    /// What an error means: the first thing in its chain that is known decides.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let mut texts: Vec<String> = error.chain().map(ToString::to_string).collect();
        // Some libraries repeat their cause in their own text.
        texts.dedup_by(|later, earlier| earlier.ends_with(later.as_str()));
        let message = texts.remove(0);
        Self { code: code_of(error), message, causes: texts, hint: hint_of(error) }
    }

    /// A command line that the parser refuses.
    pub(crate) fn of_usage(refusal: &clap::Error) -> Self {
        let text = refusal.to_string();
        // What is wrong stands before the first empty line; how it is used comes behind.
        let wrong: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
        let message = wrong.join(" ").trim_start_matches("error: ").to_owned();
        let hint = Some("`--help` tells what a command takes".to_owned());
        Self { code: Code::Usage, message, causes: Vec::new(), hint }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let causes: String = self.causes.iter().map(|cause| format!("\n  because: {}", indented(cause))).collect();
        let hint = self.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        format!("error: {}{causes}{hint}", self.message)
    }

    /// For programs.
    pub(crate) fn document(&self) -> Document<'_> {
        Document { error: self }
    }
}

/// Programs that are run for us tell more than one line.
fn indented(cause: &str) -> String {
    cause.replace('\n', "\n    ")
}

fn code_of(error: &anyhow::Error) -> Code {
    error.chain().find_map(code_of_link).unwrap_or(Code::Failed)
}

fn hint_of(error: &anyhow::Error) -> Option<String> {
    // Where the output goes is the shell's business.
    if error.is::<PrintError>() {
        return None;
    }
    error.chain().find_map(|link| match link.downcast_ref::<Fault>() {
        Some(fault) => fault.hint.clone(),
        None => hint_of_link(link).map(str::to_owned),
    })
}

fn code_of_link(link: &(dyn Error + 'static)) -> Option<Code> {
    None.or_else(|| link.downcast_ref::<Fault>().map(|fault| fault.code))
        .or_else(|| link.downcast_ref().map(code_of_probe))
        .or_else(|| link.downcast_ref().map(code_of_connect))
        .or_else(|| link.downcast_ref().map(code_of_request))
        .or_else(|| link.downcast_ref().and_then(code_of_resolve))
        .or_else(|| link.downcast_ref().and_then(code_of_wait))
        .or_else(|| link.downcast_ref().and_then(code_of_place))
        .or_else(|| link.downcast_ref().and_then(code_of_call))
        .or_else(|| link.downcast_ref().map(code_of_start))
        .or_else(|| link.downcast_ref().and_then(code_of_fetch))
        .or_else(|| link.downcast_ref().map(|_: &ReferenceError| Code::Usage))
        .or_else(|| link.downcast_ref().and_then(code_of_binary))
}

/// A server that the environment names is a setting.
fn code_of_binary(error: &BinaryError) -> Option<Code> {
    matches!(error, BinaryError::Explicit(_)).then_some(Code::Configuration)
}

fn code_of_probe(error: &ProbeError) -> Code {
    match error {
        ProbeError::Address(_) => Code::Usage,
        ProbeError::TooOld { .. } => Code::NatsTooOld,
        ProbeError::WithoutJetStream { .. } => Code::NoJetStream,
        ProbeError::NotNats { .. } | ProbeError::Mute { .. } => Code::NotNats,
        _ => Code::Unreachable,
    }
}

fn code_of_connect(error: &ConnectError) -> Code {
    match error {
        ConnectError::Url { .. } => Code::Usage,
        ConnectError::User | ConnectError::Credentials { .. } => Code::Configuration,
        ConnectError::Handshake { .. } => Code::NotNats,
        ConnectError::Refused { .. } => Code::Unauthorized,
        _ => Code::Unreachable,
    }
}

fn code_of_request(error: &RequestError) -> Code {
    match error {
        RequestError::NoResponders { .. } => Code::NoHosts,
        // What was sent before the connection went down may still be done.
        RequestError::TimedOut { .. } | RequestError::Disconnected { .. } | RequestError::PartsMissing { .. } => {
            Code::TimedOut
        }
        RequestError::Unreadable { .. } => Code::Unreadable,
        RequestError::Refused { .. } => Code::Refused,
        RequestError::TooLarge { .. } | RequestError::TooMuch { .. } => Code::Failed,
        RequestError::Key { .. } => Code::Usage,
        _ => Code::Unreachable,
    }
}

fn code_of_resolve(error: &ResolveError) -> Option<Code> {
    match error {
        ResolveError::NotFound { .. } => Some(Code::NotFound),
        ResolveError::Ambiguous { .. } => Some(Code::Ambiguous),
        ResolveError::NoHosts { .. } => Some(Code::NoHosts),
        _ => None,
    }
}

fn code_of_wait(error: &WaitError) -> Option<Code> {
    match error {
        WaitError::Failed { .. } => Some(Code::Failed),
        WaitError::Unknown { .. } | WaitError::HostGone { .. } | WaitError::Lost { .. } => Some(Code::TimedOut),
        _ => None,
    }
}

fn code_of_place(error: &PlaceError) -> Option<Code> {
    match error {
        PlaceError::NobodyBids { .. } => Some(Code::NotFound),
        PlaceError::Exhausted { .. } => Some(Code::Refused),
        PlaceError::TimedOut { .. } => Some(Code::TimedOut),
        _ => None,
    }
}

/// Of what a command fetches or pushes itself.
fn code_of_fetch(error: &FetchError) -> Option<Code> {
    match error {
        FetchError::Oci { source, .. } | FetchError::Push { source, .. } => code_of_registry(source),
        FetchError::Bindle { source, .. } => code_of_bindle(source),
        _ => None,
    }
}

fn code_of_bindle(error: &BindleError) -> Option<Code> {
    match error {
        BindleError::NotConfigured | BindleError::Insecure { .. } => Some(Code::Usage),
        BindleError::CredentialsNeeded { .. }
        | BindleError::CredentialsRefused { .. }
        | BindleError::AnonymousDenied { .. }
        | BindleError::Denied { .. } => Some(Code::Unauthorized),
        BindleError::NotFound { .. } | BindleError::ParcelNotFound { .. } | BindleError::Yanked { .. } => {
            Some(Code::NotFound)
        }
        BindleError::Unreachable { .. } => Some(Code::Unreachable),
        BindleError::Silent { .. } => Some(Code::TimedOut),
        _ => None,
    }
}

fn code_of_registry(error: &OciError) -> Option<Code> {
    match error {
        OciError::Latest { .. } | OciError::Untagged { .. } | OciError::NoTag { .. } => Some(Code::Usage),
        OciError::Unauthorized { .. } | OciError::CredentialsRefused { .. } | OciError::Forbidden { .. } => {
            Some(Code::Unauthorized)
        }
        OciError::NoManifest { .. } => Some(Code::NotFound),
        OciError::Unresolved { .. } | OciError::Refused { .. } | OciError::Unreachable { .. } => {
            Some(Code::Unreachable)
        }
        OciError::Silent { .. } => Some(Code::TimedOut),
        _ => None,
    }
}

fn code_of_call(error: &CallError) -> Option<Code> {
    match error {
        CallError::NoResponders { .. } => Some(Code::NotFound),
        CallError::TimedOut { .. } => Some(Code::TimedOut),
        CallError::NotStored { source, .. } => code_of_chunks(source),
        CallError::Unreadable { source: ReadError::Chunked { source }, .. } => {
            code_of_chunks(source).or(Some(Code::Unreadable))
        }
        CallError::Unreadable { .. } => Some(Code::Unreadable),
        CallError::Refused { .. } => Some(Code::Refused),
        CallError::PayloadTooLarge { .. } => Some(Code::Usage),
        CallError::Connection { .. } => Some(Code::Unreachable),
        _ => None,
    }
}

fn code_of_chunks(error: &ChunkError) -> Option<Code> {
    match error {
        ChunkError::NoJetStream { .. } => Some(Code::NoJetStream),
        ChunkError::NoAnswer { .. } => Some(Code::TimedOut),
        _ => None,
    }
}

fn code_of_start(error: &StartError) -> Code {
    match error {
        StartError::IdentityInUse { .. } | StartError::StateLocked { .. } | StartError::Bucket { .. } => Code::Refused,
        StartError::State { .. } | StartError::ClusterIssuer { .. } | StartError::Store { .. } => Code::Configuration,
        StartError::NoJetStream { .. } => Code::NoJetStream,
        StartError::Connection { .. } => Code::Unreachable,
        _ => Code::Failed,
    }
}

fn hint_of_link(link: &(dyn Error + 'static)) -> Option<&'static str> {
    None.or_else(|| link.downcast_ref().and_then(hint_of_probe))
        .or_else(|| link.downcast_ref().and_then(hint_of_connect))
        .or_else(|| link.downcast_ref().and_then(hint_of_place))
        .or_else(|| link.downcast_ref().and_then(hint_of_call))
        .or_else(|| link.downcast_ref().and_then(hint_of_start))
        .or_else(|| link.downcast_ref().and_then(hint_of_io))
}

fn hint_of_connect(error: &ConnectError) -> Option<&'static str> {
    match error {
        ConnectError::Refused { .. } => Some("name credentials with --creds or LATTICE_CREDS"),
        ConnectError::Handshake { .. } => Some("is this the port of a NATS server? 4222 is the usual one"),
        _ => None,
    }
}

fn hint_of_place(error: &PlaceError) -> Option<&'static str> {
    match error {
        PlaceError::NobodyBids { what: "provider", .. } => {
            Some("`lattice auction provider REF --explain` shows it host by host")
        }
        PlaceError::NobodyBids { .. } => Some("`lattice auction actor REF --explain` shows it host by host"),
        _ => None,
    }
}

fn hint_of_call(error: &CallError) -> Option<&'static str> {
    match error {
        CallError::NoResponders { .. } => Some("`lattice get inventory` shows what runs"),
        CallError::Refused { .. } => Some(
            "hosts take calls that are signed with their cluster seed or one of their cluster issuers: --cluster-seed",
        ),
        _ => None,
    }
}

fn hint_of_start(error: &StartError) -> Option<&'static str> {
    match error {
        StartError::IdentityInUse { .. } | StartError::StateLocked { .. } => {
            Some("give each host a data directory of its own with --data-dir, or a seed of its own with --host-seed")
        }
        _ => None,
    }
}

fn hint_of_io(error: &std::io::Error) -> Option<&'static str> {
    match error.kind() {
        std::io::ErrorKind::StorageFull => Some("the disk is full: make room, or name another --data-dir"),
        std::io::ErrorKind::ReadOnlyFilesystem => Some("name a directory that can be written with --data-dir"),
        _ => None,
    }
}

fn hint_of_probe(error: &ProbeError) -> Option<&'static str> {
    match error {
        ProbeError::TooOld { .. } => Some("update it, or let `lattice up` run a newer one"),
        ProbeError::WithoutJetStream { .. } => {
            Some("start it with `nats-server -js`, or let `lattice up` run one that has it")
        }
        ProbeError::NotNats { .. } | ProbeError::Mute { .. } => Some(
            "is this the port of a NATS server? 4222 is the usual one; a server that starts with TLS is named tls://",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::{io, time::Duration};

    use super::*;

    fn check(error: impl Into<anyhow::Error>, code: Code) {
        assert_eq!(Diagnosis::of(&error.into()).code, code);
    }

    #[test]
    fn what_is_wrong_with_a_broker_has_a_code_each() {
        let address = || "127.0.0.1:1".to_owned();
        let source = || io::Error::from(io::ErrorKind::ConnectionRefused);
        check(ProbeError::NothingListens { address: address(), source: source() }, Code::Unreachable);
        check(ProbeError::NotNats { address: address(), said: "HTTP".to_owned() }, Code::NotNats);
        check(ProbeError::Mute { address: address(), timeout: Duration::from_secs(1) }, Code::NotNats);
        check(ProbeError::WithoutJetStream { address: address() }, Code::NoJetStream);
    }

    #[test]
    fn silence_is_not_absence_is_not_refusal() {
        let subject = || "s".to_owned();
        check(RequestError::NoResponders { subject: subject() }, Code::NoHosts);
        check(RequestError::TimedOut { subject: subject(), timeout: Duration::from_secs(1) }, Code::TimedOut);
        let refused =
            RequestError::Refused { subject: subject(), error: "no".to_owned(), code: None, provider_id: None };
        check(refused, Code::Refused);
        check(RequestError::Disconnected { subject: subject(), timeout: Duration::from_secs(1) }, Code::TimedOut);
        check(RequestError::Key { key: "a b".to_owned() }, Code::Usage);
    }

    #[test]
    fn what_large_payloads_lack_is_told() {
        let no_jetstream = || ChunkError::NoJetStream { bucket: "default".to_owned() };
        check(CallError::NotStored { size: 1, source: no_jetstream() }, Code::NoJetStream);
        let unread = |source| CallError::Unreadable { subject: "s".to_owned(), source: ReadError::Chunked { source } };
        check(unread(no_jetstream()), Code::NoJetStream);
        check(unread(ChunkError::TooLarge { announced: 2, limit: 1 }), Code::Unreadable);
        let silent = ChunkError::NoAnswer { bucket: "default".to_owned(), attempt: "open" };
        check(CallError::NotStored { size: 1, source: silent }, Code::TimedOut);
        check(CallError::PayloadTooLarge { size: 2, limit: 1 }, Code::Usage);
    }

    #[test]
    fn bindle_servers_are_told_apart_as_registries_are() {
        let check_bindle = |source, code| {
            check(FetchError::Bindle { reference: "bindle://a/1.0.0".to_owned(), source: Box::new(source) }, code);
        };
        let (server, bindle) = (|| "b.example".to_owned(), || "a/1.0.0".to_owned());
        let parcel = lattice_artifact::Digest::of(b"");
        check_bindle(BindleError::NotConfigured, Code::Usage);
        check_bindle(BindleError::Insecure { server: server() }, Code::Usage);
        check_bindle(BindleError::NotFound { server: server(), bindle: bindle() }, Code::NotFound);
        check_bindle(BindleError::ParcelNotFound { server: server(), bindle: bindle(), parcel }, Code::NotFound);
        check_bindle(BindleError::Yanked { server: server(), bindle: bindle() }, Code::NotFound);
        check_bindle(BindleError::CredentialsNeeded { server: server() }, Code::Unauthorized);
        check_bindle(BindleError::CredentialsRefused { server: server() }, Code::Unauthorized);
        check_bindle(BindleError::AnonymousDenied { server: server() }, Code::Unauthorized);
        check_bindle(BindleError::Denied { server: server() }, Code::Unauthorized);
        check_bindle(BindleError::Status { server: server(), status: 418 }, Code::Failed);
    }

    #[test]
    fn what_is_wrong_with_a_command_line_is_told_whole() {
        let line = ["lattice", "operation", "watch"];
        let refusal = <crate::cli::Cli as clap::Parser>::try_parse_from(line).expect_err("the id is missing");
        let told = Diagnosis::of_usage(&refusal).text();
        assert!(told.contains("required arguments were not provided: <ID>\nhint"), "{told}");
    }

    #[test]
    fn the_first_known_link_decides_and_the_chain_is_told() {
        let root = RequestError::TimedOut { subject: "s".to_owned(), timeout: Duration::from_secs(1) };
        let fault = Fault::new(Code::NotFound, "no such thing").hint("look").caused_by(root);
        let diagnosis = Diagnosis::of(&anyhow::Error::new(fault).context("the command"));
        assert_eq!(diagnosis.code, Code::NotFound);
        assert_eq!(
            diagnosis.text(),
            "error: the command\n  because: no such thing\n  because: no answer on `s` within 1s\nhint: look"
        );
    }

    #[test]
    fn a_cause_that_the_message_repeats_is_told_once() {
        let error = anyhow::anyhow!("it broke").context("the file: it broke");
        assert_eq!(Diagnosis::of(&error).text(), "error: the file: it broke");
    }

    #[test]
    fn programs_get_one_document() {
        let diagnosis = Diagnosis::of(&Fault::new(Code::NoJetStream, "no \"stream\"").into());
        let json = serde_json::to_value(diagnosis.document()).expect("it has string keys");
        assert_eq!(
            json,
            serde_json::json!({"error": {"code": "no_jet_stream", "message": "no \"stream\"", "causes": []}})
        );
    }
}

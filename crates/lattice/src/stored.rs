//! The lattice's own artifacts: handing files to it, and what people are told where that fails.

use std::path::Path;

use lattice_artifact::{CheckError, Reference, Target};
use lattice_client::{PushError, PushOptions, Pushed, RequestError};
use lattice_protocol::RefusalCode;

use crate::{
    connect::Lattice,
    fault::{Code, Fault},
    printer::Printer,
    unanswered,
};

/// Hexadecimal digits of the digest in the name of a file that was stored by the way: enough to tell builds apart.
const DIGEST_DIGITS: usize = 16;

/// Characters of a file's name that are kept in that.
const LONGEST_NAME: usize = 100;

/// What a name begins or ends with where nothing is left of the file's own.
const NAMELESS: &str = "file";

/// How files of modules and archives end.
const ENDINGS: [&str; 4] = [".wasm", ".par.gz", ".par", ".tar.gz"];

/// Hands bytes to the lattice, and shows on a terminal how far it is.
///
/// # Errors
/// No host took them.
pub(crate) async fn push(
    lattice: &Lattice,
    reference: &Reference,
    bytes: Vec<u8>,
    options: PushOptions,
    printer: Printer,
) -> anyhow::Result<Pushed> {
    let show = |done, total| printer.progress(&percent("sending", done, total));
    let pushed = lattice.client.push_artifact(reference.as_str(), bytes, options, show).await;
    printer.end_progress();
    pushed.map_err(|error| match error {
        PushError::Request { source, .. } => refused(lattice, *source),
        PushError::Interrupted { reference, tries, source, .. } => {
            let text = format!("`{reference}` could not be sent to any host, in {tries} attempts");
            unanswered::command(lattice, *source).context(text)
        }
        error => error.into(),
    })
}

/// How far a transfer is.
pub(crate) fn percent(doing: &str, done: u64, total: u64) -> String {
    format!("{doing} {}% of {} ...", (done * 100).checked_div(total).unwrap_or(100), size(total))
}

/// A size as people read it.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// Why a host did not do what was asked about an artifact.
pub(crate) fn refused(lattice: &Lattice, error: RequestError) -> anyhow::Error {
    let code = error.refusal_code();
    let text = error.to_string();
    let told = unanswered::command(lattice, error);
    match code {
        Some(RefusalCode::NotFound) => {
            Fault::new(Code::NotFound, "there is no such artifact in the lattice").caused_by(told).into()
        }
        Some(RefusalCode::Conflict) if text.contains("is taken by") => {
            Fault::new(Code::Refused, "another artifact lies there").hint("--force replaces it").caused_by(told).into()
        }
        Some(RefusalCode::NotAllowed) => Fault::new(Code::Refused, "the host does not take it")
            .hint(hint_of_not_allowed(&text))
            .caused_by(told)
            .into(),
        _ => told,
    }
}

/// What helps where a host does not allow what is in order as such. Its words are all that tells the two apart.
fn hint_of_not_allowed(text: &str) -> &'static str {
    match text.contains(&CheckError::Unsigned.to_string()) {
        true => "sign it: lattice claims sign IN --out OUT --name NAME",
        false => {
            "that host takes what is signed by who it trusts: run it with --trusted-issuer ACCOUNT for this one too"
        }
    }
}

/// That a reference names nothing that commands about the lattice's own artifacts are for.
pub(crate) fn not_in_the_lattice(reference: &Reference) -> Fault {
    let message = format!("`{reference}` is not in the lattice");
    Fault::new(Code::Usage, message).hint("the lattice's own artifacts are named nats://NAME or nats://NAME:TAG")
}

/// Whether a reference names what lies in the lattice itself.
pub(crate) fn is_in_the_lattice(reference: &Reference) -> bool {
    matches!(reference.target(), Target::Object(_))
}

/// The reference under which a file is stored by the way: its name, and the digest of what is in it.
pub(crate) fn reference_of(file: &Path, bytes: &[u8]) -> Reference {
    let digest = lattice_artifact::Digest::of(bytes).to_hex();
    let text = format!("nats://{}:{}", name_of(file), &digest[..DIGEST_DIGITS]);
    text.parse().expect("it is made of letters, digits and what may stand between them")
}

fn name_of(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let kept: String = stem.chars().take(LONGEST_NAME).map(|c| if is_allowed(c) { c } else { '-' }).collect();
    match kept.trim_matches(|c: char| !c.is_ascii_alphanumeric()) {
        "" => NAMELESS.to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lattice_artifact::UntrustedIssuer;
    use lattice_protocol::error_chain;

    use super::*;

    #[test]
    fn files_keep_their_names_as_far_as_references_can_have_them() {
        let check = |file: &str, expect: &str| {
            let reference = reference_of(Path::new(file), b"");
            assert_eq!(reference.as_str(), format!("nats://{expect}:e3b0c44298fc1c14"), "{file}");
        };
        check("./mine.wasm", "mine");
        check("/srv/My Actor (2).wasm", "My-Actor--2");
        check("cache.par.gz", "cache");
        check("cache-0.3.1.par", "cache-0.3.1");
        check("_hidden", "hidden");
        check("häschen.wasm", "h-schen");
        check("...", "file");
        check(&"x".repeat(300), &"x".repeat(100));
    }

    #[test]
    fn only_what_is_not_signed_is_to_be_signed() {
        let unsigned = error_chain(&CheckError::Unsigned);
        assert!(hint_of_not_allowed(&unsigned).contains("claims sign"), "{unsigned}");
        let issuer = "ABRK5MP6QRTH7HXOVP2PR2TLDW6DPLBAF3LTGVWQRFVEF7W5VOUMACXB".parse().expect("a published key");
        let untrusted = error_chain(&CheckError::Untrusted(UntrustedIssuer { issuer }));
        let hint = hint_of_not_allowed(&untrusted);
        assert!(hint.contains("--trusted-issuer") && !hint.contains("claims sign"), "{untrusted}");
    }

    #[test]
    fn transfers_are_shown_in_percent() {
        assert_eq!(percent("sending", 0, 0), "sending 100% of 0 bytes ...");
        assert_eq!(percent("sending", 524_288, 2_000_000), "sending 26% of 2000 kB ...");
        assert_eq!(percent("fetching", 1, 200_000_000), "fetching 0% of 200 MB ...");
    }
}

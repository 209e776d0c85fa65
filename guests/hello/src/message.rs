//! The greeting as a message: contract `wasmcloud:messaging`, from the message that came to the one that answers it.

use lattice_guest::messaging::{Message, Messaging};

use crate::greeting;

/// Publishes the greeting of whom the body names, over the link `default`; a message that wants no answer gets none.
pub(crate) fn handle_message(payload: &[u8]) -> Result<Vec<u8>, String> {
    let message = Message::read(payload)?;
    if let Some(subject) = message.reply_to {
        let name = std::str::from_utf8(message.body).map_err(|_| "the name in the message is not UTF-8")?;
        Messaging::default().publish(&Message { subject, reply_to: None, body: greeting(name).as_bytes() })?;
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lattice_guest::testing::{with_host, HostCall, Record};

    fn handle(reply_to: Option<&str>, body: &[u8]) -> (Result<Vec<u8>, String>, Record) {
        let message = Message { subject: "greet", reply_to, body }.encode();
        with_host(|_| Ok(Vec::new()), || handle_message(&message))
    }

    #[test]
    fn answers_whom_wants_an_answer() {
        let (answer, record) = handle(Some("_INBOX.1"), b"Ada\n");
        assert_eq!(answer, Ok(Vec::new()));
        let call = HostCall {
            binding: "default".into(),
            namespace: "wasmcloud:messaging".into(),
            operation: "Messaging.Publish".into(),
            payload: Message { subject: "_INBOX.1", reply_to: None, body: b"Hello, Ada!" }.encode(),
        };
        assert_eq!(record.calls, [call]);
    }

    #[test]
    fn leaves_alone_who_wants_none() {
        let (answer, record) = handle(None, b"\xff");
        assert_eq!((answer, record), (Ok(Vec::new()), Record::default()));
    }

    #[test]
    fn says_what_went_wrong() {
        assert_eq!(handle(Some("r"), b"\xff").0, Err("the name in the message is not UTF-8".into()));
        assert!(handle_message(b"").is_err());
        let message = Message { subject: "greet", reply_to: Some("r"), body: b"Ada" }.encode();
        let (answer, _) = with_host(|_| Err("no link".into()), || handle_message(&message));
        assert_eq!(answer, Err("no link".into()));
    }
}

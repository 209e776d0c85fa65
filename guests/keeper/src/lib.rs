//! The actor that keeps a number of instances of another actor running across the hosts of a lattice.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `MessageSubscriber.HandleMessage` | a message of contract `wasmcloud:messaging`, whose body says what to keep | nothing |
//! | `Keeper.Keep` | a map that says what to keep: `actor`, `image`, `instances`, `lattice`, `name`, `labels` | a map with `wanted`, `running`, `hosts`, `missing`, `unreadable`, `problems`, `changed` |
//!
//! Either does one round: it looks at the hosts of the lattice (module `survey`), decides how many instances each shall have
//! (module `plan`), and tells those that have another number (module `round`). What it keeps it knows by the annotation
//! `lattice.keeper`, which bears its name. It remembers nothing from one round to the next: all it knows, it finds in the
//! lattice, through contract `wasmcloud:latticecontrol`, link `default`.
#![warn(missing_docs, unsafe_op_in_unsafe_fn)]

mod plan;
mod report;
mod round;
mod settings;
mod survey;

use lattice_guest::lattice_control::{Code, ControlError};
use lattice_guest::messaging::Message;
use lattice_guest::msgpack::argument;
use lattice_guest::{log, Level};

use report::Report;
use settings::Settings;

lattice_guest::actor! {
    "MessageSubscriber.HandleMessage" => handle_message,
    "Keeper.Keep" => keep,
}

fn handle_message(payload: &[u8]) -> Result<Vec<u8>, String> {
    let message = Message::read(payload)?;
    let text = std::str::from_utf8(message.body).map_err(|_| "the body of the message is not UTF-8")?;
    keep_up(&Settings::of_text(text).map_err(invalid)?)?;
    Ok(Vec::new())
}

fn keep(payload: &[u8]) -> Result<Vec<u8>, String> {
    let settings = Settings::of_argument(&argument(payload)?).map_err(invalid)?;
    Ok(keep_up(&settings)?.encode())
}

fn invalid(text: String) -> ControlError {
    ControlError { code: Code::Invalid, text }
}

/// Does one round, and logs it if there is something to say.
fn keep_up(settings: &Settings) -> Result<Report, ControlError> {
    let (report, end) = round::go(settings);
    match &end {
        Err(error) if !report.is_informed() => {
            log(Level::Warn, &format!("{}: what runs cannot be told: {}", settings.name, error));
        }
        Err(error) => log(Level::Warn, &format!("{}; the round failed: {}", report, error)),
        Ok(()) if report.is_news() => log(Level::Info, &report.to_string()),
        Ok(()) => {}
    }
    end.map(|()| report)
}

#[cfg(test)]
mod tests;

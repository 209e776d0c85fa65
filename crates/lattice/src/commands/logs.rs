//! `lattice logs`.

use std::time::Duration;

use lattice_client::RequestError;
use lattice_protocol::{HostKey, LinkName, LogLine, LogLines, LogQuery, ProviderKey};
use serde::Serialize;
use tokio::{task, time};

use crate::{
    cli::{Logs, ProviderLogs},
    connect::Lattice,
    diagnosis::Diagnosis,
    event_line::time_of_day,
    fault::{Code, Fault},
    placement,
    printer::{Printer, Show},
    settings::Settings,
    table::printable,
    unanswered,
};

/// How long until a provider is asked for more lines: soon for people, and little for its host.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// The most lines that are asked for at once while they are followed; as many as hosts answer.
const LINES_AT_ONCE: u32 = 500;

/// What a provider has printed.
#[derive(Serialize)]
struct Shown {
    host_id: HostKey,
    provider_id: ProviderKey,
    link_name: LinkName,
    lines: Vec<Line>,
    /// How many of those that were asked for are not kept any more.
    lost: u64,
    /// What was wrong with lines that are not among them.
    errors: Vec<String>,
}

/// One line, which programs get as it is.
#[derive(Serialize)]
#[serde(transparent)]
struct Line(LogLine);

/// Whose lines are asked for.
struct Source<'a> {
    lattice: &'a Lattice,
    host: HostKey,
    provider: ProviderKey,
    link: LinkName,
}

/// Prints what something has printed.
pub(crate) async fn run(logs: Logs, settings: &Settings) -> anyhow::Result<()> {
    let Logs::Provider(logs) = logs;
    let lattice = Lattice::reach(settings.target()?).await?;
    let printer = settings.printer();
    let provider = placement::provider(&lattice, &logs.provider).await?;
    let host = host_of(&lattice, &provider, &logs).await?;
    let source = Source { lattice: &lattice, host, provider, link: logs.link_name };
    match logs.follow {
        false => show(source, logs.lines, printer).await,
        // Cancel-safe: what is not printed when Ctrl-C comes is not wanted.
        true => tokio::select! {
            ended = follow(&source, logs.lines, printer) => ended,
            interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        },
    }
}

/// The host that runs it. One that does not run any more has run on the only host that there is, if on any.
async fn host_of(lattice: &Lattice, provider: &ProviderKey, logs: &ProviderLogs) -> anyhow::Result<HostKey> {
    match placement::serving(lattice, provider, &logs.link_name, logs.host.as_deref()).await {
        Ok((host, _)) => Ok(host),
        Err(error) if Diagnosis::of(&error).code == Code::NotFound && logs.host.is_none() => {
            let only = placement::to_start(lattice, None).await;
            only.map_err(|_| match error.downcast::<Fault>() {
                Ok(fault) => fault.hint("name the host on which it ran with --host").into(),
                Err(error) => error,
            })
        }
        Err(error) => Err(error),
    }
}

async fn show(source: Source<'_>, lines: u32, printer: Printer) -> anyhow::Result<()> {
    let LogLines { host_id, lines, lost } = source.ask(None, lines).await.map_err(|error| source.explain(error))?;
    let (errors, lines) = (lines.bad, lines.good.into_iter().map(Line).collect());
    errors.iter().for_each(|error| printer.warn(error));
    let shown = Shown { host_id, provider_id: source.provider, link_name: source.link, lines, lost, errors };
    match shown.lines.is_empty() && !printer.is_json() {
        true => printer.note("it has printed nothing"),
        false => printer.show(&shown)?,
    }
    Ok(())
}

/// Prints the last lines and those that come after them, until the host is gone.
async fn follow(source: &Source<'_>, lines: u32, printer: Printer) -> anyhow::Result<()> {
    let mut answer = source.ask(None, lines).await.map_err(|error| source.explain(error))?;
    let mut last = 0;
    let mut is_silent = false;
    loop {
        let told = answer.lines.good.len();
        last = answer.lines.good.last().map_or(last, |line| line.number);
        print(answer, printer).await?;
        if told < LINES_AT_ONCE as usize {
            time::sleep(LOOK_PAUSE).await;
        }
        answer = loop {
            match source.ask(Some(last), LINES_AT_ONCE).await {
                Ok(answer) => break answer,
                // The connection or the host may come back.
                Err(error @ (RequestError::TimedOut { .. } | RequestError::Disconnected { .. })) => {
                    if !std::mem::replace(&mut is_silent, true) {
                        printer.warn(&format!("{error}; still trying"));
                    }
                }
                Err(error) => return Err(source.explain(error)),
            }
        };
        is_silent = false;
    }
}

/// On a thread of its own: who reads may stall, and Ctrl-C must be heard all the same.
async fn print(answer: LogLines, printer: Printer) -> anyhow::Result<()> {
    let printed = task::spawn_blocking(move || {
        if answer.lost > 0 {
            printer.warn(&format!("{} lines are missing here, which its host no longer has", answer.lost));
        }
        answer.lines.bad.iter().for_each(|error| printer.warn(error));
        answer.lines.good.into_iter().try_for_each(|line| printer.stream(&Line(line)))
    });
    Ok(printed.await??)
}

impl Source<'_> {
    async fn ask(&self, after: Option<u64>, limit: u32) -> Result<LogLines, RequestError> {
        let query = LogQuery { after, limit, link_name: self.link.clone(), provider_id: self.provider.clone() };
        self.lattice.client.provider_logs(&self.host, &query).await
    }

    fn explain(&self, error: RequestError) -> anyhow::Error {
        match error {
            RequestError::Refused { code: Some(lattice_protocol::RefusalCode::NotFound), error, .. } => {
                Fault::new(Code::NotFound, "there is nothing to show").caused_by(anyhow::Error::msg(error)).into()
            }
            error => unanswered::question_to(self.lattice, &self.host, error),
        }
    }
}

impl Show for Shown {
    fn text(&self) -> String {
        self.lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }
}

impl Show for Line {
    fn text(&self) -> String {
        let Line(line) = self;
        let mark = match line.stream.as_str() {
            "stdout" => "",
            "stderr" => "err",
            other => other,
        };
        // A tab is layout, and the only control character that hosts pass on.
        let text = line.text.split('\t').map(printable).collect::<Vec<_>>().join("\t");
        format!("{}  {:4}  {text}", time_of_day(Some(&line.time)), printable(mark)).trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_show_when_and_where_from() {
        let check = |stream: &str, text: &str, expect: &str| {
            let time = "2026-01-02T03:04:05.678Z".to_owned();
            let line = Line(LogLine { number: 7, stream: stream.to_owned(), text: text.to_owned(), time });
            assert_eq!(line.text(), expect);
        };
        check("stdout", "served", "03:04:05Z        served");
        check("stderr", "a\tb", "03:04:05Z  err   a\tb");
        check("host", "process exited with code 1", "03:04:05Z  host  process exited with code 1");
        // Hosts of other makes may pass everything on.
        check("host", "\u{1b}[2J", "03:04:05Z  host  \u{fffd}[2J");
        check("stdout", "", "03:04:05Z");
    }

    #[test]
    fn programs_get_lines_as_they_are() {
        let line = LogLine { number: 7, stream: "stderr".to_owned(), text: "x".to_owned(), time: "t".to_owned() };
        let document = serde_json::to_value(Line(line)).expect("it is data");
        assert_eq!(document, serde_json::json!({"number": 7, "stream": "stderr", "text": "x", "time": "t"}));
    }
}

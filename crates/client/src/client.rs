//! The client of one lattice: what it holds and how it is set.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use lattice_protocol::{ControlPrefix, ControlSubjects, EventSubjects, Format, LatticeName, PullPolicy};

use crate::defaults::{GATHER_QUIET, REQUEST_TIMEOUT};

/// Which lattice a client speaks to, and how.
///
/// ```
/// use lattice_client::ClientSettings;
/// use lattice_protocol::Format;
///
/// let settings = ClientSettings { lattice: "staging".parse()?, format: Format::JSON, ..ClientSettings::default() };
/// assert_eq!(settings.timeout.as_secs(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The lattice; `default` unless set.
    pub lattice: LatticeName,
    /// What control subjects start with; `wasmbus.ctl` unless set.
    pub prefix: ControlPrefix,
    /// How requests are written and answers are asked for; MessagePack unless set. Answers are read however they come.
    ///
    /// Hosts of other projects take commands in JSON only.
    pub format: Format,
    /// How long one host may take to answer, and a gather may take as a whole; 2 s unless set.
    pub timeout: Duration,
    /// How long a gather goes on after its last answer where not all hosts are known, that is, where hosts of other
    /// projects are about; 50 ms unless set. Hosts that are further apart need more.
    pub gather_quiet: Duration,
    /// When hosts ask the sources of the images that commands name; it is theirs to decide unless set.
    pub pull: Option<PullPolicy>,
    /// Whether commands listen to events, by which operations of hosts without records settle; they do unless set. Who does not
    /// follow operations saves the subscription, and the right to it.
    pub follow_events: bool,
    /// Who makes commands, for the records of what they became; nobody is named unless set. It proves nothing.
    pub requester: Option<String>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            lattice: LatticeName::default(),
            prefix: ControlPrefix::default(),
            format: Format::MESSAGE_PACK,
            timeout: REQUEST_TIMEOUT,
            gather_quiet: GATHER_QUIET,
            pull: None,
            follow_events: true,
            requester: None,
        }
    }
}

/// The control client of one lattice. Clones share what it holds, which makes them cheap.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use lattice_client::{Client, ClientSettings, ConnectSettings, connect};
///
/// let nats = connect(ConnectSettings::new("nats://127.0.0.1:4222")).await?;
/// let client = Client::new(nats, ClientSettings::default());
/// for host in client.hosts().await?.items {
///     println!("{} {}", host.id, host.friendly_name);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    nats: async_nats::Client,
    subjects: ControlSubjects,
    events: EventSubjects,
    settings: ClientSettings,
}

impl Client {
    /// A client that speaks over this connection, which others may use too.
    pub fn new(nats: async_nats::Client, settings: ClientSettings) -> Self {
        let subjects = ControlSubjects::with_prefix(&settings.prefix, settings.lattice.clone());
        let events = EventSubjects::new(settings.lattice.clone());
        Self { shared: Arc::new(Shared { nats, subjects, events, settings }) }
    }

    /// A client of the same lattice over the same connection, with other settings.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut ClientSettings)) -> Self {
        let mut settings = self.shared.settings.clone();
        change(&mut settings);
        Self::new(self.shared.nats.clone(), settings)
    }

    /// The same client, by whose commands hosts ask the sources of images as `pull` says; it is theirs to decide where that is
    /// nothing.
    #[must_use]
    pub fn pulling(&self, pull: Option<PullPolicy>) -> Self {
        self.with(|settings| settings.pull = pull)
    }

    /// The lattice that this client speaks to.
    pub fn lattice(&self) -> &LatticeName {
        &self.shared.settings.lattice
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &ClientSettings {
        &self.shared.settings
    }

    /// The connection over which it speaks.
    pub fn nats(&self) -> &async_nats::Client {
        &self.shared.nats
    }

    pub(crate) fn subjects(&self) -> &ControlSubjects {
        &self.shared.subjects
    }

    /// How often the connection came about. A change means that it was down.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.nats.statistics().connects.load(Ordering::Relaxed)
    }

    pub(crate) fn event_subjects(&self) -> &EventSubjects {
        &self.shared.events
    }
}

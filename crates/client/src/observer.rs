//! The live view of a lattice: what its hosts are and run, kept up to date from events, heartbeats and inventories.
//!
//! One task writes the view, and whoever wants it reads what was written last. Events change it as they come. Where the
//! numbers of a host's events have a hole, that host is asked for its inventory, and after the connection was down all
//! are; the next heartbeat, which holds the inventory too, mends whatever else was missed. Nothing is believed for ever:
//! every item has the time at which it was last seen, and a host that is silent for two heartbeats is asked, and unknown
//! until it answers.

#[cfg(test)]
mod fake;
mod state;
mod view;
mod writer;

use std::sync::Arc;

use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use lattice_protocol::{HostInventory, HostKey, Links};
use tokio::{sync::watch, task::JoinHandle};

use crate::{client::Client, gather::Gathered, request::RequestError};
pub use view::{ActorView, HostState, HostView, InstanceSet, LatticeView, LinkView, ProviderView, Seen, Source};
use writer::{Lattice, Writer};

/// Keeps the live view of a lattice. Dropping it ends that; readers keep the last view.
#[derive(Debug)]
pub struct Observer {
    reader: Reader,
    task: JoinHandle<()>,
}

/// Reads the view that an observer keeps. Clones are cheap, and each notices changes by itself.
#[derive(Clone, Debug)]
pub struct Reader {
    view: watch::Receiver<Arc<LatticeView>>,
}

impl Client {
    /// Starts to observe the lattice. The view is empty at first and [`gathered`](LatticeView::gathered) once all hosts
    /// were asked.
    ///
    /// ```no_run
    /// # async fn example(client: lattice_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use futures::StreamExt;
    ///
    /// let observer = client.observe().await?;
    /// let mut changes = observer.reader().changes();
    /// while let Some(view) = changes.next().await {
    ///     for host in view.hosts.values() {
    ///         println!("{} {:?}, seen {:?} ago", host.friendly_name, host.state, host.seen.age());
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`events`](Self::events).
    pub async fn observe(&self) -> Result<Observer, RequestError> {
        let events = self.events().await?;
        let (sender, view) = watch::channel(Arc::default());
        let task = tokio::spawn(Writer::new(self.clone(), sender).run(events));
        Ok(Observer { reader: Reader { view }, task })
    }
}

impl Observer {
    /// A handle that reads the view.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// The view as it is now.
    pub fn view(&self) -> Arc<LatticeView> {
        self.reader.view()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reader {
    /// The view as it is now.
    pub fn view(&self) -> Arc<LatticeView> {
        self.view.borrow().clone()
    }

    /// Waits for another view than this reader saw last, and returns it; `None` once the observer has ended, which it does
    /// when it is dropped and when the connection is closed for good.
    ///
    /// That something was seen again is no change, though its age is.
    pub async fn changed(&mut self) -> Option<Arc<LatticeView>> {
        self.view.changed().await.ok()?;
        Some(self.view.borrow_and_update().clone())
    }

    /// The views from now on, beginning with the present one; those that a slow reader has no time for are left out. Ends
    /// with the observer.
    pub fn changes(&self) -> BoxStream<'static, Arc<LatticeView>> {
        let mut reader = self.clone();
        reader.view.mark_changed();
        stream::unfold(reader, |mut reader| async move { Some((reader.changed().await?, reader)) }).boxed()
    }
}

impl Lattice for Client {
    fn inventory_of(&self, host: HostKey) -> BoxFuture<'static, Result<HostInventory, RequestError>> {
        let client = self.clone();
        async move { client.inventory(&host).await }.boxed()
    }

    fn all_inventories(&self) -> BoxFuture<'static, Result<Gathered<HostInventory>, RequestError>> {
        let client = self.clone();
        async move { client.inventories().await }.boxed()
    }

    fn all_links(&self) -> BoxFuture<'static, Result<Links, RequestError>> {
        let client = self.clone();
        async move { client.links().await }.boxed()
    }
}

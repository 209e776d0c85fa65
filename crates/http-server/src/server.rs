//! [`HttpServer`]: links become addresses on which is listened.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use futures::{future::join_all, join};
use lattice_provider::{ActorKey, Context, Failure, HandlerError, Health, Link, Provider, ProviderCall};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    defaults::{DRAIN_LIMIT, LAST_WORDS, PATIENCE, PATIENCE_STEP},
    error::LinkError,
    listener::Listener,
    routes::Route,
    settings::Settings,
    tls::Tls,
};

/// The provider of `wasmcloud:httpserver`. Clones are the same server.
#[derive(Clone)]
pub struct HttpServer {
    inner: Arc<Inner>,
}

struct Inner {
    context: Context,
    state: Mutex<State>,
}

/// Who listens where. The lock is held for looking and binding, not for waiting.
#[derive(Default)]
struct State {
    listeners: Vec<Listener>,
    /// Where each linked actor's route is.
    places: HashMap<ActorKey, Place>,
    /// Listeners that nobody needs any more and that finish what they have.
    closing: JoinSet<()>,
}

#[derive(Clone)]
struct Place {
    address: SocketAddr,
    route: Arc<Route>,
}

impl HttpServer {
    /// A server without links.
    pub fn new(context: Context) -> Self {
        Self { inner: Arc::new(Inner { context, state: Mutex::default() }) }
    }

    /// Where requests for an actor are taken; `None` if it is not linked. A link may leave the port to the system.
    pub fn address(&self, actor: &ActorKey) -> Option<SocketAddr> {
        self.state().places.get(actor).map(|place| place.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().expect("nothing panics while it holds the state")
    }

    async fn link(&self, link: Arc<Link>) -> Result<(), LinkError> {
        let settings = Settings::read(&link.values).map_err(|source| LinkError::Settings { source })?;
        let tls = match settings.tls.clone() {
            Some(files) => Some(Tls::load(files).await?),
            None => None,
        };
        let route = Arc::new(Route::new(link, &settings));
        let end = Instant::now() + PATIENCE;
        loop {
            match self.state().put(Arc::clone(&route), settings.address, tls.clone(), &self.inner.context) {
                Err(error) if error.may_pass() && Instant::now() < end => {}
                settled => return settled,
            }
            sleep(PATIENCE_STEP).await;
        }
    }
}

impl State {
    fn put(
        &mut self,
        route: Arc<Route>,
        asked: SocketAddr,
        tls: Option<Tls>,
        context: &Context,
    ) -> Result<(), LinkError> {
        let actor = route.actor().clone();
        let index = self.listener(&route, asked, tls, context)?;
        let listener = &self.listeners[index];
        listener.site.set_routes(listener.site.routes().with(Arc::clone(&route)));
        let address = listener.address;
        tracing::info!(%actor, %address, path = route.prefix.shown(), "taking requests");
        let before = self.places.insert(actor.clone(), Place { address, route });
        if let Some(before) = before.filter(|before| before.address != address)
            && let Some(unused) = self.leave(&actor, before.address)
        {
            while self.closing.try_join_next().is_some() {}
            self.closing.spawn(retire(before.route, Some(unused)));
        }
        Ok(())
    }

    /// The listener for a route: the one that is there, or a new one.
    fn listener(
        &mut self,
        route: &Route,
        asked: SocketAddr,
        tls: Option<Tls>,
        context: &Context,
    ) -> Result<usize, LinkError> {
        let Some(index) = self.listeners.iter().position(|listener| serves(listener, asked, route.actor(), self))
        else {
            let listener = Listener::bind(asked, context.clone(), tls);
            self.listeners.push(listener.map_err(|source| LinkError::Bind { address: asked, source })?);
            return Ok(self.listeners.len() - 1);
        };
        self.listeners[index].admit(route, tls)?;
        Ok(index)
    }

    /// Takes an actor's route from an address; returns the listener if nobody needs it any more.
    fn leave(&mut self, actor: &ActorKey, address: SocketAddr) -> Option<Listener> {
        let index = self.listeners.iter().position(|listener| listener.address == address)?;
        let routes = self.listeners[index].site.routes().without(actor);
        let is_unused = routes.is_empty();
        self.listeners[index].site.set_routes(routes);
        is_unused.then(|| self.listeners.swap_remove(index))
    }
}

/// Whether a listener is the one for an actor that asks for this address. One on a port that the system chose is its first
/// actor's alone.
fn serves(listener: &Listener, asked: SocketAddr, actor: &ActorKey, state: &State) -> bool {
    let is_own = || state.places.get(actor).is_some_and(|place| place.address == listener.address);
    listener.asked == asked && (asked.port() != 0 || is_own())
}

/// Lets the requests of a route finish that is no longer found, while what listened for it alone closes.
async fn retire(route: Arc<Route>, listener: Option<Listener>) {
    let closing = async {
        if let Some(listener) = listener {
            listener.close(DRAIN_LIMIT + LAST_WORDS).await;
        }
    };
    join!(route.drain(DRAIN_LIMIT), closing);
}

impl Listener {
    /// Whether a route fits to those that are here. What it brings for TLS counts from now on.
    fn admit(&self, route: &Route, tls: Option<Tls>) -> Result<(), LinkError> {
        let routes = self.site.routes();
        if let Some(rival) = routes.rival(&route.prefix, route.actor()) {
            let (path, actor) = (route.prefix.shown().to_owned(), rival.actor().clone());
            return Err(LinkError::Taken { address: self.address, path, actor });
        }
        let files = |tls: &Option<Tls>| tls.as_ref().map(|tls| tls.files.clone());
        if routes.has_others(route.actor()) && files(&self.site.tls()) != files(&tls) {
            return Err(LinkError::OtherTls { address: self.address });
        }
        self.site.set_tls(tls);
        Ok(())
    }
}

impl Provider for HttpServer {
    async fn put_link(&self, link: Arc<Link>) -> Result<(), Failure> {
        Ok(self.link(link).await?)
    }

    async fn delete_link(&self, link: Arc<Link>) {
        let (place, unused) = {
            let mut state = self.state();
            let Some(place) = state.places.remove(&link.actor_id) else { return };
            let unused = state.leave(&link.actor_id, place.address);
            (place, unused)
        };
        retire(place.route, unused).await;
    }

    async fn handle(&self, call: ProviderCall) -> Result<Bytes, HandlerError> {
        Err(HandlerError::Failed(format!("an HTTP server takes no calls, and so not `{}`", call.operation)))
    }

    async fn health(&self) -> Health {
        let state = self.state();
        match state.listeners.iter().find(|listener| !listener.is_up()) {
            Some(listener) => Health::bad(format!("nothing listens on {} any more", listener.address)),
            None => Health::good(),
        }
    }

    async fn shutdown(&self) {
        let State { listeners, places, mut closing } = std::mem::take(&mut *self.state());
        let listeners = join_all(listeners.into_iter().map(|listener| listener.close(DRAIN_LIMIT + LAST_WORDS)));
        let routes = join_all(places.values().map(|place| place.route.drain(DRAIN_LIMIT)));
        join!(listeners, routes);
        while closing.join_next().await.is_some() {}
    }
}

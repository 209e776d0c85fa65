//! Links as they come to a provider, which does not say that it has got them.

use lattice_interop::{eventually, map};

use crate::stage::Stage;

/// Changes of a link in a row, each of which has to arrive: an order that is kept by luck is not kept so often.
const CHANGES: usize = 10;

/// A link may be there before the provider.
pub(crate) async fn one_from_before_the_start_is_there(stage: &Stage) {
    stage.put_link(map([("value", "early")])).await;
    stage.start(None).await;
    stage.until_linked("early").await;
}

/// The provider ignores a second link of an actor, so that it has to be told of the end of the first.
pub(crate) async fn changed_values_arrive(stage: &Stage) {
    stage.start(None).await;
    for change in 0..CHANGES {
        stage.link(&format!("value {change}")).await;
    }
}

/// A deleted link is no longer served, and served again when it is made again.
pub(crate) async fn a_deleted_one_is_gone_and_comes_back(stage: &Stage) {
    stage.start(None).await;
    stage.link("first").await;
    stage.delete_link().await;
    eventually("it is not served", async || stage.call("Echo.Echo", "".into()).await.err()).await;
    stage.link("second").await;
    // At once, so that the provider hears of both in one moment.
    stage.delete_link().await;
    stage.link("third").await;
}

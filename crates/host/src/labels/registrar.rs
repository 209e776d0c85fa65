//! Changing labels while the host runs: one change after the other, each kept on disk before anybody sees it.

use std::{io, path::PathBuf, sync::Arc};

use futures::future::BoxFuture;
use lattice_protocol::{
    Ack, HostKey, OperationId, RefusalCode, error_chain,
    event::{EventData, LabelsChanged},
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{LabelBook, LabelEdit, LiveLabels, book::LabelRefusal};
use crate::{
    actors::Capacity,
    defaults::LABEL_QUEUE,
    events::Events,
    operations::{Begun, Operation},
    state::StateDir,
};

/// Has labels changed; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct LabelEdits {
    orders: mpsc::Sender<Order>,
}

/// The task that owns the labels.
pub(crate) struct Registrar {
    host: HostKey,
    book: LabelBook,
    current: watch::Sender<lattice_protocol::Labels>,
    state: Arc<StateDir>,
    events: Events,
    capacity: Capacity,
    orders: mpsc::Receiver<Order>,
}

/// A change that is asked for.
struct Order {
    edit: LabelEdit,
    /// Its operation, once that exists.
    begun: BoxFuture<'static, Begun>,
    /// Comes when somebody waits for the answer, and never when the change was turned away.
    wanted: oneshot::Receiver<()>,
    answer: oneshot::Sender<Ack>,
}

/// Why a label was not changed.
#[derive(Debug, thiserror::Error)]
enum EditError {
    #[error(transparent)]
    Refused(#[from] LabelRefusal),
    #[error("the labels cannot be kept in {}, so nothing is changed", path.display())]
    NotKept { path: PathBuf, source: io::Error },
}

impl EditError {
    fn ack(&self) -> Ack {
        Ack::refused(error_chain(self)).with_code(self.code())
    }

    fn code(&self) -> RefusalCode {
        match self {
            EditError::Refused(refusal) => refusal.code(),
            EditError::NotKept { .. } => RefusalCode::Unavailable,
        }
    }
}

impl LabelEdits {
    /// Has a label changed in its turn, and returns the answer. Changes are made in the order in which this is called; one
    /// whose answer is dropped before anybody waits for it is not made.
    pub(crate) fn change(
        &self,
        edit: LabelEdit,
        begun: BoxFuture<'static, Begun>,
    ) -> impl Future<Output = Ack> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let (wants, wanted) = oneshot::channel();
        let sent = self.orders.try_send(Order { edit, begun, wanted, answer });
        async move {
            // Fails with the sending, of which the answer tells.
            let _ = wants.send(());
            match sent {
                Ok(()) => answered.await.unwrap_or_else(|_| stopping()),
                Err(mpsc::error::TrySendError::Closed(_)) => stopping(),
                Err(mpsc::error::TrySendError::Full(_)) => {
                    let text = format!("{LABEL_QUEUE} changes of labels are waiting already, try again");
                    Ack::refused(text).with_code(RefusalCode::Full)
                }
            }
        }
    }
}

fn stopping() -> Ack {
    Ack::refused("the host is stopping and changes no more labels").with_code(RefusalCode::Stopping)
}

impl Registrar {
    /// The task that owns the labels of a host, what everybody reads, and what changes are asked of.
    pub(crate) fn new(
        host: HostKey,
        book: LabelBook,
        state: Arc<StateDir>,
        events: Events,
        capacity: Capacity,
    ) -> (Self, LiveLabels, LabelEdits) {
        let (current, reader) = watch::channel(book.labels());
        let (sender, orders) = mpsc::channel(LABEL_QUEUE);
        let registrar = Self { host, book, current, state, events, capacity, orders };
        (registrar, LiveLabels { current: reader }, LabelEdits { orders: sender })
    }

    /// Changes labels until told to stop; what is asked for after that is not begun.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while let Some(Some(order)) = stop.run_until_cancelled(self.orders.recv()).await {
            if order.wanted.await.is_err() {
                continue;
            }
            let ack = match order.begun.await {
                Begun::New(operation) => self.carry_out(&order.edit, operation).await,
                Begun::Answered(ack) => ack,
            };
            // Whoever asked may have stopped waiting.
            let _ = order.answer.send(ack);
        }
    }

    async fn carry_out(&mut self, edit: &LabelEdit, operation: Operation) -> Ack {
        let changed = self.change(edit, &operation.id()).await;
        operation.answered(changed.map_err(|error| error.ack()))
    }

    async fn change(&mut self, edit: &LabelEdit, operation: &OperationId) -> Result<(), EditError> {
        let edited = self.book.edited(edit)?;
        if edited.changes() != self.book.changes() {
            self.keep(&edited).await?;
        }
        self.book = edited;
        self.publish(operation);
        Ok(())
    }

    async fn keep(&self, book: &LabelBook) -> Result<(), EditError> {
        let (state, changes) = (Arc::clone(&self.state), book.changes().clone());
        let kept = tokio::task::spawn_blocking(move || state.save_labels(&changes)).await;
        let not_kept = |source| EditError::NotKept { path: self.state.labels_file(), source };
        kept.map_err(io::Error::other).flatten().map_err(not_kept)
    }

    /// Lets everybody see the labels, if they are others than before.
    fn publish(&self, operation: &OperationId) {
        let labels = self.book.labels();
        let replace = |current: &mut lattice_protocol::Labels| {
            let changes = *current != labels;
            current.clone_from(&labels);
            changes
        };
        if self.current.send_if_modified(replace) {
            // After the labels themselves: a bid that has seen the old ones names the old version.
            self.capacity.bump();
            let data = LabelsChanged { host_id: self.host.clone(), labels };
            self.events.publish_for(Some(operation), EventData::LabelsChanged(data));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn ack() -> BoxFuture<'static, Begun> {
        async { Begun::Answered(Ack::accepted()) }.boxed()
    }

    /// A change that was turned away, for the host had too much to answer, was made all the same.
    #[tokio::test]
    async fn regression_a_change_that_is_turned_away_is_not_made() {
        let (orders, mut receiver) = mpsc::channel(2);
        let edits = LabelEdits { orders };
        let edit = || LabelEdit::Delete { key: "zone".to_owned() };
        drop(edits.change(edit(), ack()));
        let wanted = tokio::spawn(edits.change(edit(), ack()));
        let (first, second) = (receiver.recv().await.expect("an order"), receiver.recv().await.expect("an order"));
        first.wanted.await.expect_err("nobody waits");
        second.wanted.await.expect("somebody waits");
        second.answer.send(Ack::accepted()).expect("somebody waits");
        assert!(wanted.await.expect("no panic").accepted);
    }
}

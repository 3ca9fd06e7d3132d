//! A probe stands in for the actor that the tested one sends to, and keeps what it is sent.

use ractor::{Actor, ActorProcessingErr, ActorRef, ActorStatus, Message, SupervisionEvent};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::DEADLINE;

pub(crate) struct Probe<M> {
    pub actor: ActorRef<M>,
    messages: mpsc::UnboundedReceiver<M>,
}

impl<M: Message> Probe<M> {
    pub async fn start() -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        let (actor, _) = Actor::spawn(None, Forwarder(sender), ()).await.unwrap();
        Self { actor, messages }
    }

    /// The next message.
    pub async fn message(&mut self) -> M {
        let message = timeout(DEADLINE, self.messages.recv()).await;
        message.expect("a message is sent in time").expect("the probe runs")
    }

    /// Whether the actor has been stopped.
    pub fn has_ended(&self) -> bool {
        self.actor.get_status() == ActorStatus::Stopped
    }

    /// Asserts that no other message has arrived.
    pub fn assert_empty(&mut self) {
        assert!(self.messages.try_recv().is_err(), "another message was sent");
    }
}

struct Forwarder<M>(mpsc::UnboundedSender<M>);

impl<M: Message> Actor for Forwarder<M> {
    type Msg = M;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<M>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<M>,
        message: M,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        // Err: the test has ended.
        let _ = self.0.send(message);
        Ok(())
    }

    /// As a supervisor it lets its children end.
    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<M>,
        _: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

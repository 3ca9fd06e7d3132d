//! Starting, draining and killing of single children.

use std::time::Instant;

use ractor::{Actor, ActorCell, ActorRef, SpawnErr};

use crate::maintenance::periodic_task::{PeriodicActor, PeriodicTask};

/// Starts an actor as a child of the supervisor.
pub(super) async fn spawn<A: Actor>(
    actor: A,
    arguments: A::Arguments,
    supervisor: &ActorCell,
) -> Result<ActorRef<A::Msg>, SpawnErr> {
    let (actor, _task) = Actor::spawn_linked(None, actor, arguments, supervisor.clone()).await?;
    Ok(actor)
}

/// Starts the actor of a maintenance task.
pub(super) async fn spawn_periodic(
    task: impl PeriodicTask,
    supervisor: &ActorCell,
) -> Result<ActorCell, SpawnErr> {
    Ok(spawn(PeriodicActor::new(), task, supervisor).await?.get_cell())
}

/// Has a child process its mailbox and end; kills it if it has not ended at the deadline.
pub(super) async fn drain(child: ActorCell, deadline: Instant) {
    let remaining = deadline.saturating_duration_since(Instant::now());
    if child.drain_and_wait(Some(remaining)).await.is_err() {
        child.kill();
    }
}

/// Kills children, those that were started last first.
pub(super) async fn kill(children: impl DoubleEndedIterator<Item = ActorCell>) {
    for child in children.rev() {
        // Err: it has ended already.
        let _ = child.kill_and_wait(None).await;
    }
}

use super::*;
use crate::actor_names::ChildName;
use crate::test_support::{self, DEADLINE, wait};

/// Children whose Redis is unavailable, which ends none of them.
async fn children() -> (Children, ActorRef<SupervisorMessage>) {
    let context = Arc::new(test_support::context());
    // Another supervisor, so that the children that the test ends are not restarted.
    let probe = test_support::probe::Probe::start().await;
    let mut children = Children::new(context);
    children.start_missing(&probe.actor.get_cell()).await.unwrap();
    (children, probe.actor)
}

#[tokio::test]
async fn all_children_are_started_in_order() {
    let (children, _supervisor) = children().await;
    assert_eq!(children.names(), ChildName::IN_START_ORDER);
}

#[tokio::test]
async fn the_children_that_were_started_after_a_failed_one_are_stopped_and_started_again() {
    let (mut children, supervisor) = children().await;
    let before = children.ids();
    let failed = children.on_ended(before[2]).await;
    assert_eq!(failed, Some(ChildName::WriterPool));
    assert_eq!(children.names(), [ChildName::Acker, ChildName::BulkWriter]);
    children.start_missing(&supervisor.get_cell()).await.unwrap();
    let after = children.ids();
    assert_eq!(after[..2], before[..2]);
    assert!(after[2..].iter().all(|id| !before.contains(id)), "{before:?} {after:?}");
}

#[tokio::test]
async fn the_end_of_a_child_that_was_stopped_here_changes_nothing() {
    let (mut children, _supervisor) = children().await;
    let ids = children.ids();
    children.on_ended(ids[0]).await;
    assert_eq!(children.on_ended(ids[3]).await, None);
}

#[tokio::test]
async fn a_child_that_fails_is_restarted_by_the_supervisor() {
    let context = Arc::new(test_support::context());
    let spawned = Actor::spawn(None, PipelineSupervisor, Arc::clone(&context)).await;
    let (supervisor, _) = spawned.unwrap();
    let before = supervisor.get_children();
    assert_eq!(before.len(), ChildName::IN_START_ORDER.len());
    for child in &before {
        child.kill();
    }
    wait("other children run", || {
        let now = supervisor.get_children();
        let is_new =
            |child: &ractor::ActorCell| before.iter().all(|old| old.get_id() != child.get_id());
        now.len() == before.len() && now.iter().all(is_new)
    })
    .await;
    supervisor.stop_and_wait(None, Some(DEADLINE)).await.unwrap();
}

#[tokio::test]
async fn a_pipeline_whose_actors_fail_again_and_again_ends() {
    let context = Arc::new(test_support::context());
    let mut state = SupervisorState {
        children: Children::new(Arc::clone(&context)),
        context,
        restart_due: None,
        budget: RestartBudget::default(),
    };
    let probe = test_support::probe::Probe::start().await;
    let failures = (0..100).take_while(|_| state.schedule_restart(&probe.actor).is_ok()).count();
    assert!((1..100).contains(&failures), "{failures}");
    assert!(state.restart_due.is_some());
}

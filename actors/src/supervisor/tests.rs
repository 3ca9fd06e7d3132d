use super::*;
use crate::actor_names::ChildName;
use crate::test_support::{self, DEADLINE, wait};

#[tokio::test]
async fn a_child_that_fails_is_restarted_by_the_supervisor() {
    let context = test_support::pipeline();
    let arguments = SupervisorArguments { context, running: RunningPartitions::default() };
    let spawned = Actor::spawn(None, PipelineSupervisor, arguments).await;
    let (supervisor, _) = spawned.unwrap();
    let before = supervisor.get_children();
    assert_eq!(before.len(), ChildName::SHARED.len() + 1 + ChildName::AFTER_ACKER.len());
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
    let context = test_support::pipeline();
    let running = RunningPartitions::default();
    let mut state = SupervisorState {
        children: Children::new(Arc::clone(&context), running.clone()),
        context,
        running,
        restart_due: None,
        budget: RestartBudget::default(),
    };
    let probe = test_support::probe::Probe::start().await;
    let failures = (0..100).take_while(|_| state.schedule_restart(&probe.actor).is_ok()).count();
    assert!((1..100).contains(&failures), "{failures}");
    assert!(state.restart_due.is_some());
}

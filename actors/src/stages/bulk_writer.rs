//! `Committer`: sends to Redis what the writers made ready, many sites at once.
//!
//! Owns the rounds on their way. Writers wait for nothing: what they make ready meanwhile goes with the
//! next round. When it dies its rounds are given up and abandoned: they may have been stored, and are
//! read and stored once more, which changes nothing.

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use instrumentation::log_throttle::LogThrottle;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use readings::store::dead_letters::DeadLetter;
use tokio::task::{JoinError, JoinSet};
use tracing::warn;

use crate::config::Shared;
use crate::error::NobodyThere;
use crate::flow::batch::{AckBatch, DeadLetterBatch, SiteCommit};
use crate::flow::in_flight::InFlightPermit;
use crate::stages::acker::AckerMessage;
use crate::stages::write_batch::{Answers, Round, Stored};

/// Rounds that may be on their way at once. Too low and Redis waits for us between two; too high and
/// rounds become small.
const ROUNDS: usize = 3;

pub(crate) struct CommitterArguments {
    pub shared: Arc<Shared>,
    pub acker: ActorRef<AckerMessage>,
}

pub(crate) struct CommitterState {
    shared: Arc<Shared>,
    acker: ActorRef<AckerMessage>,
    waiting: Vec<SiteCommit>,
    rounds: JoinSet<Result<(), NobodyThere>>,
    on_their_way: usize,
    send_is_due: bool,
}

#[derive(Debug)]
pub(crate) enum CommitterMessage {
    /// Store these readings.
    Commit(SiteCommit),
    /// Begin a round with what waits.
    Send,
    /// A round has ended.
    RoundEnded,
}

pub(crate) struct Committer;

impl Actor for Committer {
    type Msg = CommitterMessage;
    type State = CommitterState;
    type Arguments = CommitterArguments;

    async fn pre_start(
        &self,
        _myself: ActorRef<Self::Msg>,
        CommitterArguments { shared, acker }: Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        let (waiting, rounds) = (Vec::new(), JoinSet::new());
        Ok(CommitterState { shared, acker, waiting, rounds, on_their_way: 0, send_is_due: false })
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        message: Self::Msg,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            CommitterMessage::Commit(commit) => state.waiting.push(commit),
            CommitterMessage::Send => {
                state.send_is_due = false;
                state.begin_round(&myself);
            }
            CommitterMessage::RoundEnded => state.reap()?,
        }
        state.schedule_round(&myself);
        Ok(())
    }

    async fn post_stop(
        &self,
        myself: ActorRef<Self::Msg>,
        state: &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        state.begin_round(&myself);
        while let Some(ended) = state.rounds.join_next().await {
            examine(ended)?;
        }
        Ok(())
    }
}

impl CommitterState {
    /// A round begins when what is being made ready at the same time has come, too: behind all that
    /// is in the mailbox now.
    fn schedule_round(&mut self, myself: &ActorRef<CommitterMessage>) {
        let may_begin = !self.waiting.is_empty() && self.on_their_way < ROUNDS;
        if may_begin && !mem::replace(&mut self.send_is_due, true) {
            // Err means that this actor is ending: `post_stop` begins the round.
            let _ = myself.cast(CommitterMessage::Send);
        }
    }

    fn begin_round(&mut self, myself: &ActorRef<CommitterMessage>) {
        if self.waiting.is_empty() {
            return;
        }
        let round = Round::new(Arc::clone(&self.shared), mem::take(&mut self.waiting));
        let (acker, ended) = (self.acker.clone(), RoundEnded(myself.clone()));
        self.on_their_way += 1;
        self.rounds.spawn(async move {
            let _ended = ended;
            hand_on(round.store().await, &acker)
        });
    }

    fn reap(&mut self) -> Result<(), ActorProcessingErr> {
        self.on_their_way -= 1;
        while let Some(ended) = self.rounds.try_join_next() {
            examine(ended)?;
        }
        Ok(())
    }
}

/// Says that a round has ended, also when it panicked.
struct RoundEnded(ActorRef<CommitterMessage>);

impl Drop for RoundEnded {
    fn drop(&mut self) {
        // Err means that nobody waits for it any more.
        let _ = self.0.cast(CommitterMessage::RoundEnded);
    }
}

fn examine(ended: Result<Result<(), NobodyThere>, JoinError>) -> Result<(), ActorProcessingErr> {
    Ok(ended??)
}

fn hand_on(stored: Stored, acker: &ActorRef<AckerMessage>) -> Result<(), NobodyThere> {
    static THROTTLE: LogThrottle = LogThrottle::new();
    fail::fail_point!("round-after-zadd");
    let Stored { commits, answers: Answers { refusals, not_ours, epoch } } = stored;
    let mut permits = Vec::with_capacity(commits.len());
    for (mut commit, refusal) in commits.into_iter().zip(refusals) {
        let permit = commit.permit.without(&not_ours);
        let Some(error) = refusal else {
            permits.push(permit);
            continue;
        };
        if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
            warn!(site = %commit.site, %error, suppressed, "the site's key holds something else");
        }
        commit.entries.retain(|entry| !not_ours.contains(&entry.id));
        let letter = |entry| DeadLetter::refused(entry, error.without_server(), 1);
        let letters = commit.entries.iter().map(letter).collect();
        acker.cast(AckerMessage::Bury(DeadLetterBatch { letters, permit }))?;
    }
    if let Some(permit) = InFlightPermit::merge(permits) {
        acker.cast(AckerMessage::Acknowledge(AckBatch { permit, epoch }))?;
    }
    Ok(())
}

//! `dead-letters`: lists, retries and deletes dead letters.

use anyhow::Context;
use api::operations::DeadLetter;
use readings::store::dead_letters::Retried;
use readings::store::stream::every_partition::dead_letters::DeadLetterList;
use readings::store::stream::{EntryId, StreamPartitions};

use super::redis_discovery::find_partitions;
use crate::config::{DeadLetterSelection, DeadLettersAction, DeadLettersArguments};
use crate::console;

/// Dead letters per read. Too low: a round trip to Redis for few. Too high: more memory.
const PAGE: usize = 1_000;

/// Lists, retries or deletes.
///
/// # Errors
/// When Redis does not respond, an id is invalid, or a dead letter does not exist.
pub async fn run(arguments: DeadLettersArguments) -> anyhow::Result<()> {
    match arguments.action {
        DeadLettersAction::List { redis } => list(&find_partitions(&redis).await?).await,
        DeadLettersAction::Retry { selection, redis } => {
            retry(&find_partitions(&redis).await?, &selection).await
        }
        DeadLettersAction::Delete { selection, redis } => {
            delete(&find_partitions(&redis).await?, &selection).await
        }
    }
}

async fn list(partitions: &StreamPartitions) -> anyhow::Result<()> {
    let mut after = None;
    let mut is_empty = true;
    loop {
        let DeadLetterList { dead_letters, has_more } =
            partitions.dead_letters(after, PAGE).await?;
        after = dead_letters.last().map(|(id, _)| *id);
        is_empty &= dead_letters.is_empty();
        for dead_letter in dead_letters {
            console::print(DeadLetter::from(dead_letter).to_line());
        }
        if !has_more {
            return if is_empty { explain_empty_list(partitions).await } else { Ok(()) };
        }
    }
}

/// Distinguishes a stream without dead letters from a mistyped name.
async fn explain_empty_list(partitions: &StreamPartitions) -> anyhow::Result<()> {
    let name = partitions.keys().stream();
    anyhow::ensure!(
        partitions.info().await?.is_some(),
        "there is no stream {name} in this Redis (REDIS_STREAM)"
    );
    console::eprint(format_args!("there are no dead letters of {name}"));
    Ok(())
}

async fn retry(
    partitions: &StreamPartitions,
    selection: &DeadLetterSelection,
) -> anyhow::Result<()> {
    let (mut missing, mut rejected_rows) = (Missing::default(), RejectedRows::default());
    for id in selected(partitions, selection).await? {
        match partitions.retry_dead_letter(id).await? {
            Retried::Entry(entry) => console::print(format_args!("{id} requeued as {entry}")),
            Retried::NotFound => missing.record(id),
            Retried::NotAnEntry => rejected_rows.record(id),
        }
    }
    missing.into_result().and(rejected_rows.into_result(selection.all))
}

async fn delete(
    partitions: &StreamPartitions,
    selection: &DeadLetterSelection,
) -> anyhow::Result<()> {
    let mut missing = Missing::default();
    for id in selected(partitions, selection).await? {
        if partitions.delete_dead_letter(id).await? {
            console::print(format_args!("{id} deleted"));
        } else {
            missing.record(id);
        }
    }
    missing.into_result()
}

/// Counts selected dead letters that do not exist; the others are processed all the same.
#[derive(Debug, Default)]
struct Missing(usize);

impl Missing {
    fn record(&mut self, id: EntryId) {
        self.0 += 1;
        console::eprint(format_args!("there is no dead letter {id}"));
    }

    fn into_result(self) -> anyhow::Result<()> {
        anyhow::ensure!(self.0 == 0, "{} dead letters missing", self.0);
        Ok(())
    }
}

/// Counts selected dead letters that are rejected rows, which were no entries; the others are retried all the same.
#[derive(Debug, Default)]
struct RejectedRows(usize);

impl RejectedRows {
    fn record(&mut self, id: EntryId) {
        self.0 += 1;
        console::eprint(format_args!(
            "{id} is a row that a receiver rejected, not an entry: correct its sender, and delete it"
        ));
    }

    /// With `--all` they are left out, as no other command can select the entries alone.
    fn into_result(self, all: bool) -> anyhow::Result<()> {
        anyhow::ensure!(all || self.0 == 0, "{} dead letters are rejected rows", self.0);
        Ok(())
    }
}

/// The given ids; with `--all`, the ids of all dead letters that exist now, so that one which fails again is
/// not retried without end.
async fn selected(
    partitions: &StreamPartitions,
    selection: &DeadLetterSelection,
) -> anyhow::Result<Vec<EntryId>> {
    if !selection.all {
        let id = |text: &String| text.parse().with_context(|| format!("invalid id: {text}"));
        return selection.ids.iter().map(id).collect();
    }
    let mut ids: Vec<EntryId> = Vec::new();
    loop {
        let page = partitions.dead_letters(ids.last().copied(), PAGE).await?;
        ids.extend(page.dead_letters.iter().map(|(id, _)| *id));
        if !page.has_more {
            return Ok(ids);
        }
    }
}

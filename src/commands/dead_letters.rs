//! Dead letters at the command line.

use anyhow::Context;
use api::operations::DeadLetter;
use readings::store::StreamId;
use readings::store::dead_letters::DeadLetterPage;
use readings::store::stream::ReadingStream;

use super::redis_discovery;
use crate::config::{DeadLettersAction, DeadLettersArguments, LetterSelection, ToolRedis};
use crate::console;

/// Letters that are read at a time.
const PAGE: usize = 1_000;

/// Lists, retries or deletes.
///
/// # Errors
/// When Redis does not answer, or an id is none.
pub async fn run(arguments: DeadLettersArguments) -> anyhow::Result<()> {
    match arguments.action {
        DeadLettersAction::List { redis } => list(&stream(&redis).await?).await,
        DeadLettersAction::Retry { letters, redis } => {
            retry(&stream(&redis).await?, &letters).await
        }
        DeadLettersAction::Delete { letters, redis } => {
            delete(&stream(&redis).await?, &letters).await
        }
    }
}

async fn stream(settings: &ToolRedis) -> anyhow::Result<ReadingStream> {
    let server = redis_discovery::server(settings).await?;
    Ok(ReadingStream::new(settings.redis.keys(), server.shared()))
}

async fn list(stream: &ReadingStream) -> anyhow::Result<()> {
    let (mut after, mut is_empty) = (None, true);
    loop {
        let DeadLetterPage { letters, has_more: more } = stream.dead_letters(after, PAGE).await?;
        after = letters.last().map(|letter| letter.id);
        is_empty &= letters.is_empty();
        for letter in letters {
            console::say(DeadLetter::from(letter).to_line());
        }
        if !more {
            return if is_empty { say_why_there_are_none(stream).await } else { Ok(()) };
        }
    }
}

/// A mistyped name and a stream without dead letters look the same else.
async fn say_why_there_are_none(stream: &ReadingStream) -> anyhow::Result<()> {
    let name = stream.keys().stream();
    anyhow::ensure!(
        stream.info().await?.is_some(),
        "there is no stream {name} in this Redis (REDIS_STREAM)"
    );
    console::complain(format_args!("there are no dead letters of {name}"));
    Ok(())
}

async fn retry(stream: &ReadingStream, selection: &LetterSelection) -> anyhow::Result<()> {
    let mut missing = Missing::default();
    for id in selected(stream, selection).await? {
        match stream.retry_dead_letter(id).await? {
            Some(entry) => console::say(format_args!("{id} is in the stream again, as {entry}")),
            None => missing.note(id),
        }
    }
    missing.into_result()
}

async fn delete(stream: &ReadingStream, selection: &LetterSelection) -> anyhow::Result<()> {
    let mut missing = Missing::default();
    for id in selected(stream, selection).await? {
        if stream.delete_dead_letter(id).await? {
            console::say(format_args!("{id} is deleted"));
        } else {
            missing.note(id);
        }
    }
    missing.into_result()
}

/// Letters that were not there: the others are dealt with all the same.
#[derive(Debug, Default)]
struct Missing(usize);

impl Missing {
    fn note(&mut self, id: StreamId) {
        self.0 += 1;
        console::complain(format_args!("there is no dead letter {id}"));
    }

    fn into_result(self) -> anyhow::Result<()> {
        anyhow::ensure!(self.0 == 0, "not all of them were there");
        Ok(())
    }
}

/// The ids that were named; or those of all letters that there are now, so that one which fails again
/// is not retried without end.
async fn selected(
    stream: &ReadingStream,
    selection: &LetterSelection,
) -> anyhow::Result<Vec<StreamId>> {
    if !selection.all {
        let id = |text: &String| text.parse().with_context(|| format!("{text} is no id"));
        return selection.ids.iter().map(id).collect();
    }
    let mut ids: Vec<StreamId> = Vec::new();
    loop {
        let page = stream.dead_letters(ids.last().copied(), PAGE).await?;
        ids.extend(page.letters.iter().map(|letter| letter.id));
        if !page.has_more {
            return Ok(ids);
        }
    }
}

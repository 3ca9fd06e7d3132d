//! Moving an entry to the dead-letter stream: in one step it is there and no longer pending here.

use std::collections::HashSet;
use std::sync::LazyLock;

use redis::{Cmd, Script, cmd, pipe};

use super::StreamId;
use super::dead_letters::{DeadLetter, FIELD, MAX_SCRIPTED_FIELDS};
use super::error::{StoreError, StoreResult};
use super::reply;
use super::stream::ReadingStream;

/// How many dead letters are kept, roughly (Redis trims by whole nodes); the oldest go first. Too low
/// and a burst of poison drives out what an operator has yet to read; too high and it fills Redis.
const MAX_DEAD_LETTERS: usize = 100_000;

/// Adds the letter before it acknowledges the entry: if the first is refused (no memory), the second
/// is not done.
static BURY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
         if #pending == 0 then return 0 end
         redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', unpack(ARGV, 4))
         return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])",
    )
});

impl ReadingStream {
    /// Moves an entry to the dead-letter stream: in one step adds it there, with its fields and the
    /// reason, and acknowledges it here. Safe to repeat.
    ///
    /// One that is not pending but in the stream is left alone: it was buried before, or will be
    /// delivered again. One that is in neither is added all the same, as nobody else has it.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn bury(&self, letter: &DeadLetter, consumer: &str) -> StoreResult<()> {
        let moved = if letter.fields.len() > MAX_SCRIPTED_FIELDS {
            self.move_huge(letter, consumer).await?
        } else {
            self.move_pending(letter, consumer).await?
        };
        if moved || self.has_entry(letter.id).await? {
            return Ok(());
        }
        if self.buried_among(&HashSet::from([letter.id])).await?.is_empty() {
            self.connection().send("XADD", &self.addition(letter, consumer)).await?;
        }
        Ok(())
    }

    async fn move_pending(&self, letter: &DeadLetter, consumer: &str) -> StoreResult<bool> {
        const OPERATION: &str = "XADD XACK";
        let keys = self.keys();
        let mut script = BURY.key(keys.stream());
        script.key(keys.dead_letters()).arg(keys.group()).arg(letter.id.to_string());
        script.arg(MAX_DEAD_LETTERS);
        for (name, value) in fields(letter, consumer) {
            script.arg(name).arg(value);
        }
        let reply = self.connection().run(OPERATION, &script).await?;
        let moved =
            reply::integer(&reply).ok_or_else(|| StoreError::unexpected_reply(OPERATION))?;
        Ok(moved > 0)
    }

    /// As [`ReadingStream::move_pending`] for an entry with more fields than a script can pass on. If
    /// two processes do it at once there are two letters.
    async fn move_huge(&self, letter: &DeadLetter, consumer: &str) -> StoreResult<bool> {
        const XPENDING: &str = "XPENDING";
        let (keys, id) = (self.keys(), letter.id.to_string());
        let mut pending = cmd(XPENDING);
        pending.arg(keys.stream()).arg(keys.group()).arg(&id).arg(&id).arg(1);
        let pending = reply::array(self.connection().send(XPENDING, &pending).await?);
        if pending.ok_or_else(|| StoreError::unexpected_reply(XPENDING))?.is_empty() {
            return Ok(false);
        }
        let mut both = pipe();
        both.atomic().add_command(self.addition(letter, consumer));
        both.cmd("XACK").arg(keys.stream()).arg(keys.group()).arg(&id);
        self.connection().transact("MULTI XADD XACK", &both).await?;
        Ok(true)
    }

    fn addition(&self, letter: &DeadLetter, consumer: &str) -> Cmd {
        let mut add = cmd("XADD");
        add.arg(self.keys().dead_letters()).arg("MAXLEN").arg("~").arg(MAX_DEAD_LETTERS).arg("*");
        for (name, value) in fields(letter, consumer) {
            add.arg(name).arg(value);
        }
        add
    }

    async fn has_entry(&self, id: StreamId) -> StoreResult<bool> {
        const XRANGE: &str = "XRANGE";
        let (mut command, id) = (cmd(XRANGE), id.to_string());
        command.arg(self.keys().stream()).arg(&id).arg(&id);
        let found = reply::array(self.connection().send(XRANGE, &command).await?);
        Ok(!found.ok_or_else(|| StoreError::unexpected_reply(XRANGE))?.is_empty())
    }
}

fn fields(letter: &DeadLetter, consumer: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let about = [
        ("original_id", letter.id.to_string()),
        ("reason", letter.reason.clone()),
        ("deliveries", letter.deliveries.to_string()),
        ("consumer", consumer.to_owned()),
    ];
    let about = about.into_iter().map(|(name, value)| (name.into(), value.into_bytes()));
    let own = letter.fields.iter();
    about.chain(own.map(|(n, value)| ([FIELD.as_bytes(), n].concat(), value.clone()))).collect()
}

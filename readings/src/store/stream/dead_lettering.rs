//! Dead-letters an entry: in one atomic step it is in the dead-letter stream and no longer pending.

use std::sync::LazyLock;

use redis::{Cmd, Script, Value, cmd, pipe};

use super::dead_letters::{DeadLetter, FIELD_PREFIX, MAX_SCRIPTED_FIELDS};
use super::reading_stream::ReadingStream;
use crate::store::connection::reply;
use crate::store::error::StoreResult;

/// Dead letters that are kept, roughly (Redis trims whole nodes); the oldest are trimmed first. Too low
/// and a burst of poison entries drives out what an operator has yet to read; too high and they fill
/// Redis.
const MAX_DEAD_LETTERS: usize = 100_000;

/// Appends the dead letter before it acknowledges the entry: if the append is rejected (no memory), the
/// entry stays pending. An entry that was dead-lettered before gets no second dead letter. Trims with a
/// command of its own: Redis propagates `XADD … MAXLEN ~` to its file and replicas with the resulting
/// length, and would trim to that where they have one entry more.
///
/// The fields are copied within Redis: an entry of another writer may have 100 MB, which would be in this
/// process' memory four times. Replies with [`NOT_IN_STREAM`] where the entry is trimmed and its fields
/// are not among the arguments.
static DEAD_LETTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
         local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
         if #pending == 0 and entry then return 0 end
         if not redis.call('ZSCORE', KEYS[3], ARGV[2]) then
             local dead_letter = {unpack(ARGV, 7)}
             if entry then
                 for i, text in ipairs(entry[2]) do
                     dead_letter[8 + i] = i % 2 == 1 and ARGV[5] .. text or text
                 end
             elseif ARGV[6] == '0' then
                 return -1
             end
             redis.call('XADD', KEYS[2], '*', unpack(dead_letter))
             redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', ARGV[4])
             redis.call('ZADD', KEYS[3], ARGV[3], ARGV[2])
             redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -ARGV[4] - 1)
         end
         return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])",
    )
});

/// The reply of [`DEAD_LETTER`] when it has no source for the fields.
const NOT_IN_STREAM: i64 = -1;

impl ReadingStream {
    /// Dead-letters an entry: in one atomic step appends it to the dead-letter stream, with its fields and
    /// the reason, and acknowledges it. Safe to repeat.
    ///
    /// An entry that is not pending but in the stream is left alone: it was dead-lettered before, or will
    /// be delivered again. An entry that is neither pending nor in the stream is appended all the same: this
    /// process has the only copy.
    ///
    /// # Errors
    /// When the server replied with an error or not at all.
    pub async fn dead_letter(&self, dead_letter: &DeadLetter, consumer: &str) -> StoreResult<()> {
        if dead_letter.fields.len() > MAX_SCRIPTED_FIELDS {
            return self.dead_letter_unscripted(dead_letter, consumer).await;
        }
        let result = match self.run_script(dead_letter, consumer, &[]).await {
            // Trimmed since it was delivered: the fields in memory are the only ones.
            Ok(Value::Int(NOT_IN_STREAM)) => {
                self.run_script(dead_letter, consumer, &own_fields(dead_letter)).await
            }
            result => result,
        };
        match result {
            // A node of a Redis Cluster that has all slots; the stream's name has no hash tag.
            Err(error) if error.code() == Some("CROSSSLOT") => {
                self.dead_letter_in_steps(dead_letter, consumer).await
            }
            result => result.map(drop),
        }
    }

    async fn run_script(
        &self,
        dead_letter: &DeadLetter,
        consumer: &str,
        own: &[Field],
    ) -> StoreResult<Value> {
        let keys = self.keys();
        let mut script = DEAD_LETTER.key(keys.stream());
        script.key(keys.dead_letters()).key(keys.dead_lettered_ids());
        script.arg(keys.group()).arg(dead_letter.id.to_string()).arg(dead_letter.id.ms);
        script.arg(MAX_DEAD_LETTERS).arg(FIELD_PREFIX).arg(u8::from(!own.is_empty()));
        for (name, value) in metadata(dead_letter, consumer).iter().chain(own) {
            script.arg(name).arg(value);
        }
        self.connection().eval("XADD XACK", &script).await
    }

    /// As [`ReadingStream::dead_letter`] for an entry with more fields than a script can append. Two
    /// processes that do it concurrently append two dead letters.
    async fn dead_letter_unscripted(
        &self,
        dead_letter: &DeadLetter,
        consumer: &str,
    ) -> StoreResult<()> {
        let mut all = pipe();
        all.atomic();
        for command in self.steps_of(dead_letter, consumer).await? {
            all.add_command(command);
        }
        if all.is_empty() {
            return Ok(());
        }
        self.connection().exec_atomic("MULTI XADD XACK", &all).await.map(drop)
    }

    /// As [`ReadingStream::dead_letter_unscripted`], where not even a transaction may have keys of several
    /// hash slots: each step only after the one before, so that a kill in between may leave a second dead
    /// letter, and always at least one.
    async fn dead_letter_in_steps(
        &self,
        dead_letter: &DeadLetter,
        consumer: &str,
    ) -> StoreResult<()> {
        for command in self.steps_of(dead_letter, consumer).await? {
            self.connection().send("XADD, XACK", &command).await?;
        }
        Ok(())
    }

    /// The commands that dead-letter an entry; empty where it was dead-lettered before or will be
    /// delivered again.
    async fn steps_of(&self, dead_letter: &DeadLetter, consumer: &str) -> StoreResult<Vec<Cmd>> {
        let (keys, id) = (self.keys(), dead_letter.id.to_string());
        let (stream, group) = (keys.stream(), keys.group());
        let mut pending = cmd("XPENDING");
        pending.arg(stream).arg(group).arg(&id).arg(&id).arg(1);
        let mut entry = cmd("XRANGE");
        entry.arg(stream).arg(&id).arg(&id);
        if !self.exists("XPENDING", &pending).await? && self.exists("XRANGE", &entry).await? {
            return Ok(Vec::new());
        }
        let mut steps = Vec::new();
        if self.dead_lettered_ids([dead_letter.id]).await?.is_empty() {
            let dead_letters = keys.dead_letters();
            let mut append = cmd("XADD");
            append.arg(&dead_letters).arg("*").arg(fields(dead_letter, consumer));
            let mut trim = cmd("XTRIM");
            trim.arg(&dead_letters).arg("MAXLEN").arg("~").arg(MAX_DEAD_LETTERS);
            let mut remember = cmd("ZADD");
            remember.arg(keys.dead_lettered_ids()).arg(dead_letter.id.ms).arg(&id);
            steps.extend([append, trim, remember]);
        }
        // Last, as in the script: an entry that is acknowledged has its dead letter.
        let mut acknowledge = cmd("XACK");
        acknowledge.arg(stream).arg(group).arg(&id);
        steps.push(acknowledge);
        Ok(steps)
    }

    async fn exists(&self, operation: &'static str, command: &Cmd) -> StoreResult<bool> {
        let found = reply::array(self.connection().send(operation, command).await?);
        Ok(!found.ok_or_else(|| self.connection().unexpected_reply(operation))?.is_empty())
    }
}

/// Name and value.
type Field = (Vec<u8>, Vec<u8>);

fn fields(dead_letter: &DeadLetter, consumer: &str) -> Vec<Field> {
    let mut fields = metadata(dead_letter, consumer);
    fields.extend(own_fields(dead_letter));
    fields
}

/// The fields in addition to the entry's own; [`DEAD_LETTER`] relies on their number.
fn metadata(dead_letter: &DeadLetter, consumer: &str) -> Vec<Field> {
    let metadata = [
        ("original_id", dead_letter.id.to_string()),
        ("reason", dead_letter.reason.clone()),
        // The name is older than the meaning; readers of the stream know it.
        ("deliveries", dead_letter.failures.to_string()),
        ("consumer", consumer.to_owned()),
    ];
    metadata.into_iter().map(|(name, value)| (name.into(), value.into_bytes())).collect()
}

fn own_fields(dead_letter: &DeadLetter) -> Vec<Field> {
    let own = dead_letter.fields.iter();
    own.map(|(n, value)| ([FIELD_PREFIX.as_bytes(), n].concat(), value.clone())).collect()
}

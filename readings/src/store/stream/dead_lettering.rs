//! Moving an entry to the dead-letter stream: in one step it is there and no longer pending here.

use std::collections::HashSet;
use std::sync::LazyLock;

use redis::{Cmd, Script, Value, cmd, pipe};

use super::dead_letters::{DeadLetter, FIELD, MAX_SCRIPTED_FIELDS};
use super::reading_stream::ReadingStream;
use crate::store::StreamId;
use crate::store::connection::reply;
use crate::store::error::StoreResult;
use crate::store::keys::Keys;

/// How many dead letters are kept, roughly (Redis trims by whole nodes); the oldest go first. Too low
/// and a burst of poison drives out what an operator has yet to read; too high and it fills Redis.
const MAX_DEAD_LETTERS: usize = 100_000;

/// How many ids [`buried_since`] brings at most; when they are as many there may be more.
pub(super) const MOST_BURIED_SINCE: usize = 1_000;

/// Adds the letter before it acknowledges the entry: if the first is refused (no memory), the second
/// is not done. Of an entry that was buried before there is no second letter. Trims in a step of its
/// own: Redis writes `XADD … MAXLEN ~` to its file and to replicas with the length that came of it, and
/// would trim to that where it has an entry more.
///
/// Copies the fields within Redis: an entry of another writer may have 100 MB, which would be in this
/// process' memory four times. Answers [`NOT_IN_STREAM`] where the entry is trimmed and its fields are
/// not among the arguments.
static BURY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
         local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
         if #pending == 0 and entry then return 0 end
         if not redis.call('ZSCORE', KEYS[3], ARGV[2]) then
             local letter = {unpack(ARGV, 7)}
             if entry then
                 for i, text in ipairs(entry[2]) do
                     letter[8 + i] = i % 2 == 1 and ARGV[5] .. text or text
                 end
             elseif ARGV[6] == '0' then
                 return -1
             end
             redis.call('XADD', KEYS[2], '*', unpack(letter))
             redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', ARGV[4])
             redis.call('ZADD', KEYS[3], ARGV[3], ARGV[2])
             redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -ARGV[4] - 1)
         end
         return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])",
    )
});

/// What [`BURY`] answers when it has the fields from nowhere.
const NOT_IN_STREAM: i64 = -1;

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
        if letter.fields.len() > MAX_SCRIPTED_FIELDS {
            return self.bury_huge(letter, consumer).await;
        }
        let buried = match self.run_bury(letter, consumer, &[]).await {
            Ok(Value::Int(NOT_IN_STREAM)) => {
                self.run_bury(letter, consumer, &own_fields(letter)).await
            }
            buried => buried,
        };
        match buried {
            // A node of a Redis Cluster that has all slots; the stream's name has no hash tag.
            Err(error) if error.code() == Some("CROSSSLOT") => {
                self.bury_in_steps(letter, consumer).await
            }
            buried => buried.map(drop),
        }
    }

    async fn run_bury(
        &self,
        letter: &DeadLetter,
        consumer: &str,
        own: &[Field],
    ) -> StoreResult<Value> {
        let keys = self.keys();
        let mut script = BURY.key(keys.stream());
        script.key(keys.dead_letters()).key(keys.buried());
        script.arg(keys.group()).arg(letter.id.to_string()).arg(letter.id.ms);
        script.arg(MAX_DEAD_LETTERS).arg(FIELD).arg(u8::from(!own.is_empty()));
        for (name, value) in about(letter, consumer).iter().chain(own) {
            script.arg(name).arg(value);
        }
        self.connection().run("XADD XACK", &script).await
    }

    /// As [`ReadingStream::bury`] for an entry with more fields than a script can pass on. If two
    /// processes do it at once there are two letters.
    async fn bury_huge(&self, letter: &DeadLetter, consumer: &str) -> StoreResult<()> {
        let mut all = pipe();
        all.atomic();
        for command in self.steps_of(letter, consumer).await? {
            all.add_command(command);
        }
        if all.is_empty() {
            return Ok(());
        }
        self.connection().transact("MULTI XADD XACK", &all).await.map(drop)
    }

    /// As [`ReadingStream::bury_huge`], where not even a transaction may have keys of several hash
    /// slots: each step only after the one before, so that a kill in between leaves a second letter, and
    /// never none.
    async fn bury_in_steps(&self, letter: &DeadLetter, consumer: &str) -> StoreResult<()> {
        for command in self.steps_of(letter, consumer).await? {
            self.connection().send("XADD, XACK", &command).await?;
        }
        Ok(())
    }

    /// What is left to do for an entry; nothing where it was buried before or will be delivered again.
    async fn steps_of(&self, letter: &DeadLetter, consumer: &str) -> StoreResult<Vec<Cmd>> {
        let (keys, id) = (self.keys(), letter.id.to_string());
        let (stream, group) = (keys.stream(), keys.group());
        let mut pending = cmd("XPENDING");
        pending.arg(stream).arg(group).arg(&id).arg(&id).arg(1);
        let mut entry = cmd("XRANGE");
        entry.arg(stream).arg(&id).arg(&id);
        if !self.finds("XPENDING", &pending).await? && self.finds("XRANGE", &entry).await? {
            return Ok(Vec::new());
        }
        let mut steps = Vec::new();
        if self.buried_ids([letter.id]).await?.is_empty() {
            let letters = keys.dead_letters();
            let [mut add, mut trim, mut note] = [cmd("XADD"), cmd("XTRIM"), cmd("ZADD")];
            add.arg(&letters).arg("*").arg(fields(letter, consumer));
            trim.arg(&letters).arg("MAXLEN").arg("~").arg(MAX_DEAD_LETTERS);
            note.arg(keys.buried()).arg(letter.id.ms).arg(&id);
            steps.extend([add, trim, note]);
        }
        let mut acknowledge = cmd("XACK");
        acknowledge.arg(stream).arg(group).arg(&id);
        steps.push(acknowledge);
        Ok(steps)
    }

    async fn finds(&self, operation: &'static str, command: &Cmd) -> StoreResult<bool> {
        let found = reply::array(self.connection().send(operation, command).await?);
        Ok(!found.ok_or_else(|| self.connection().unexpected_reply(operation))?.is_empty())
    }

    /// Which of these entries were buried, though their letters may be gone by now.
    ///
    /// # Errors
    /// When the server did not answer or refused.
    pub async fn buried_ids(
        &self,
        ids: impl IntoIterator<Item = StreamId>,
    ) -> StoreResult<HashSet<StreamId>> {
        const ZRANGE: &str = "ZRANGE";
        let ids: HashSet<_> = ids.into_iter().collect();
        let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
            return Ok(ids);
        };
        let mut command = cmd(ZRANGE);
        command.arg(self.keys().buried()).arg(first.ms).arg(last.ms).arg("BYSCORE");
        let buried = reply::array(self.connection().send(ZRANGE, &command).await?);
        let buried = buried.ok_or_else(|| self.connection().unexpected_reply(ZRANGE))?.into_iter();
        Ok(buried.filter_map(reply::stream_id).filter(|id| ids.contains(id)).collect())
    }
}

/// Asks which entries were buried that are newer than this one.
pub(super) fn buried_since(keys: &Keys, newest: StreamId) -> Cmd {
    let mut command = cmd("ZRANGE");
    command.arg(keys.buried()).arg(newest.ms).arg("+inf").arg("BYSCORE");
    command.arg("LIMIT").arg(0).arg(MOST_BURIED_SINCE);
    command
}

/// Name and value.
type Field = (Vec<u8>, Vec<u8>);

fn fields(letter: &DeadLetter, consumer: &str) -> Vec<Field> {
    let mut fields = about(letter, consumer);
    fields.extend(own_fields(letter));
    fields
}

/// What the letter says of the entry; [`BURY`] counts on four fields.
fn about(letter: &DeadLetter, consumer: &str) -> Vec<Field> {
    let about = [
        ("original_id", letter.id.to_string()),
        ("reason", letter.reason.clone()),
        ("deliveries", letter.deliveries.to_string()),
        ("consumer", consumer.to_owned()),
    ];
    about.into_iter().map(|(name, value)| (name.into(), value.into_bytes())).collect()
}

fn own_fields(letter: &DeadLetter) -> Vec<Field> {
    let own = letter.fields.iter();
    own.map(|(n, value)| ([FIELD.as_bytes(), n].concat(), value.clone())).collect()
}

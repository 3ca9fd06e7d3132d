//! The script that writes readings of one site.

use std::sync::LazyLock;

use redis::{Cmd, RedisWrite, Script, cmd};

use super::policy::Deduplication;
use crate::energy::rollup::Day;
use crate::reading::SiteId;
use crate::store::codec::{self, StreamEntry};
use crate::store::keys;

/// Arguments before those of the first entry: the policy, and the fields of the rollup generation and of the lease.
const COMMON_ARGUMENTS: usize = 3;

/// Arguments of each entry: score, the two numbers of its id, device, timestamp, day, member.
const ENTRY_ARGUMENTS: usize = 7;

/// Memory reserved for the arguments of an entry. Too low and the command is moved while it grows; too high and memory
/// is reserved without use until the write is done.
const EXPECTED_ENTRY_BYTES: usize = 384;

/// The script. Keys: the readings, the days, unless the site can not be packed, and the rollups and the deleted ids, unless
/// these are in other slots. Replies with the number of added members, the ids of entries that were not stored,
/// the ids of members that were removed, and the positions of entries that are left to an exact comparison.
///
/// Members are read once for each score. Those that Python's `json.dumps` or this program has written are taken apart
/// at their names: inside of a text each `\"` has a backslash before it. All others, and texts with a backslash, are
/// decoded. What is not a reading that can be served (no JSON, `Infinity`) is left as it is.
///
/// Ids of readings that are not kept become deleted ids here and not after the reply, which may be lost. An entry whose id
/// is one is not compared: it would replace a reading that was accepted after the deletion, and be removed then.
///
/// With the key of the readings alone no member is replaced: what would be is left to the exact comparison, whose caller
/// invalidates the rollups.
///
/// An entry of a day that is packed, or was, is left to the exact comparison as well, which knows the packed readings and
/// whether there are archived ones; also one that is stored, as the process that stored it may have ended before it could
/// add the day to the uncompared ones.
///
/// A member is added before another one is removed: where Redis is out of memory, the first command fails.
const CODE: &str = r#"
local COMMON, EACH, EXACT_BELOW = 3, 7, 8589934592
local series, has_all = KEYS[1], #KEYS > 2
local days_key = #KEYS % 2 == 0 and KEYS[2]
local rollups, deleted_ids = has_all and KEYS[#KEYS - 1], has_all and KEYS[#KEYS]
local prefers_last = ARGV[1] == 'last'

local probe = redis.pcall('ZRANGE', series, 1, 0)
if probe.err then return probe end

local function is_lower(ms, seq, other)
    if ms ~= other.ms then
        if #ms ~= #other.ms then return #ms < #other.ms end
        return ms < other.ms
    end
    if #seq ~= #other.seq then return #seq < #other.seq end
    return seq < other.seq
end

local function decoded(member)
    local is_json, value = pcall(cjson.decode, member)
    if not is_json or type(value) ~= 'table' then return nil end
    for _, name in ipairs({'stream_id', 'site_id', 'device_id', 'timestamp', 'ingested_at'}) do
        if type(value[name]) ~= 'string' then return nil end
    end
    local power = value.power_reading
    if type(power) ~= 'number' or power - power ~= 0 then return nil end
    local ms, seq = string.match(value.stream_id, '^0*(%d+)%-0*(%d+)$')
    return {ms = ms or '', seq = seq or '', device = value.device_id, timestamp = value.timestamp}
end

local function taken_apart(member)
    local ms, seq, rest = string.match(member, '^{"stream_id": "(%d+)%-(%d+)", "site_id": "()')
    if not ms then return nil end
    local _, before = string.find(member, '", "device_id": "', rest, true)
    if not before then return nil end
    local after, power = string.find(member, '", "power_reading": ', before + 1, true)
    if not after then return nil end
    local timestamp = string.match(
        member, '^%-?%d[%d%.e+-]*, "timestamp": "([^"\\]*)", "ingested_at": "[^"\\]*"}$', power + 1)
    local device = string.sub(member, before + 1, after - 1)
    if not timestamp or string.find(device, '\\', 1, true) then return nil end
    ms, seq = string.match(ms, '^0*(%d+)$'), string.match(seq, '^0*(%d+)$')
    return {ms = ms, seq = seq, device = device, timestamp = timestamp}
end

local function is_deleted(id)
    return deleted_ids and redis.call('ZMSCORE', deleted_ids, id)[1]
end

local function forget(reading, ids)
    local id = reading.ms .. '-' .. reading.seq
    -- Members of other programs may have ids of another form, of which no entry is.
    if deleted_ids and #reading.ms > 0 and #reading.ms <= 20 then redis.call('ZADD', deleted_ids, reading.ms, id) end
    ids[#ids + 1] = id
end

local by_score = {}
local function devices_at(score)
    local devices = by_score[score]
    if devices then return devices end
    devices = {}
    for _, member in ipairs(redis.call('ZRANGE', series, score, score, 'BYSCORE')) do
        local reading = taken_apart(member) or decoded(member)
        if reading then
            reading.member = member
            local same = devices[reading.device] or {}
            same[#same + 1] = reading
            devices[reading.device] = same
        end
    end
    by_score[score] = devices
    return devices
end

local packed_days = {}
local function may_be_packed(day)
    if days_key and packed_days[day] == nil then
        packed_days[day] = redis.call('HGET', days_key, day) and true
    end
    return packed_days[day]
end

local added, dropped, replaced, undecided, days = 0, {}, {}, {}, {}
for i = COMMON + 1, #ARGV, EACH do
    local score, ms, seq, device, timestamp, day, member = unpack(ARGV, i, i + EACH - 1)
    local devices = devices_at(score)
    local same = devices[device] or {}
    local mine = {ms = ms, seq = seq, device = device, timestamp = timestamp, member = member}
    local best, is_stored, is_undecided = mine, false, false
    for _, other in ipairs(same) do
        if other.ms == ms and other.seq == seq then is_stored = true end
        if other.timestamp ~= timestamp and math.abs(tonumber(score)) >= EXACT_BELOW then
            is_undecided = true
        end
        if is_lower(best.ms, best.seq, other) == prefers_last then best = other end
    end
    if (is_stored and not may_be_packed(day)) or is_deleted(ms .. '-' .. seq) then
        -- Nothing is left to do.
    elseif is_undecided or may_be_packed(day) or (not rollups and #same > (best == mine and 0 or 1)) then
        undecided[#undecided + 1] = (i - COMMON - 1) / EACH
    else
        if best == mine then
            added = added + redis.call('ZADD', series, score, member)
        else
            forget(mine, dropped)
        end
        for _, other in ipairs(same) do
            if other ~= best then
                forget(other, replaced)
                redis.call('ZREM', series, other.member)
                days[day] = true
            end
        end
        devices[device] = {best}
    end
end

if #replaced > 0 then
    for day in pairs(days) do redis.call('HDEL', rollups, day) end
    redis.call('HINCRBY', rollups, ARGV[2], 1)
    -- A process that packs the site may have read them.
    if days_key then redis.call('HDEL', days_key, ARGV[3]) end
end
return {added, dropped, replaced, undecided}
"#;

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(CODE));

/// The command that loads the script.
pub(in super::super) fn load() -> Cmd {
    let mut command = cmd("SCRIPT");
    command.arg("LOAD").arg(CODE);
    command
}

/// The command that runs the script for entries, which must be of this site.
pub(in super::super) fn command<'a>(
    site: &SiteId,
    deduplication: &Deduplication,
    entries: impl IntoIterator<Item = &'a StreamEntry>,
) -> Cmd {
    let entries = entries.into_iter();
    let (count, _) = entries.size_hint();
    let arguments = COMMON_ARGUMENTS + 7 + ENTRY_ARGUMENTS * count;
    let has_all_keys = deduplication.has_all_keys;
    let mut command = Cmd::with_capacity(arguments, EXPECTED_ENTRY_BYTES * (1 + count));
    let can_be_packed = keys::can_be_packed(site);
    let key_count = 1 + usize::from(can_be_packed) + if has_all_keys { 2 } else { 0 };
    command.arg("EVALSHA").arg(SCRIPT.get_hash()).arg(key_count).arg(keys::series(site));
    if can_be_packed {
        command.arg(keys::days(site));
    }
    if has_all_keys {
        command.arg(keys::rollups(site)).arg(&deduplication.deleted_ids);
    }
    command.arg(deduplication.policy.name()).arg(keys::ROLLUP_GENERATION).arg(keys::PACKING_LEASE);
    for entry in entries {
        let timestamp = &entry.reading.timestamp;
        command.arg(codec::score(entry)).arg(entry.id.ms).arg(entry.id.seq);
        command.arg(entry.reading.device_id.as_str()).arg(timestamp.as_str());
        command.arg(Day::of(timestamp.instant()).number());
        codec::write_member(entry, command.writer_for_next_arg());
    }
    command
}

//! Functions that the scripts share.

use redis::Script;

/// Entries that one script counts at most. Too low and a larger backlog is known late where Redis' lag is
/// wrong; too high and Redis serves no other client meanwhile (1,000 entries take 1.4 ms).
pub(super) const MAX_COUNTED: usize = 1_000;

/// Bytes of entries after which a script stops counting: entries of other writers may have 100 MB, and a
/// script takes 0.3 s to read one of them. Too low and few readings are counted at a time; too high and
/// Redis serves no other client meanwhile.
pub(super) const MAX_COUNTED_BYTES: usize = 1 << 20;

/// Functions for scripts whose first key is the stream.
///
/// - `named(list)`: a flat list of names and values as a table.
/// - `group(name)`: a group as `XINFO GROUPS` describes it; nil without that group or the stream.
/// - `shorten(text, most)`: a text; where it is longer, its first bytes and its length.
/// - `size(entry)`: the bytes of an entry's names and values; 0 without an entry.
/// - `count(after, most, bytes)`: the number of entries after an id, the last of them, whether no more
///   follow, and their bytes; nil where the user may not read entries. It reads one entry first and then 16
///   at a time: where the first one is large, it stops before it has read 16 such entries.
const LIBRARY: &str = "
local function named(list)
    local table = {}
    for i = 1, #list, 2 do table[list[i]] = list[i + 1] end
    return table
end
local function group(name)
    local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
    if groups.err and not string.find(groups.err, 'no such key', 1, true) then error(groups) end
    for _, described in ipairs(groups) do
        local described = named(described)
        if described.name == name then return described end
    end
end
local function shorten(text, most)
    if #text <= most then return text end
    return string.sub(text, 1, most) .. '… (' .. #text .. ' bytes)'
end
local function size(entry)
    local bytes = 0
    for _, text in ipairs(entry and entry[2] or {}) do bytes = bytes + #text end
    return bytes
end
local function count(after, most, bytes)
    local counted, page, spent = 0, 1, 0
    while counted < most and spent < bytes do
        local entries = redis.pcall('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', page)
        if entries.err then return nil end
        for _, entry in ipairs(entries) do
            counted, after, spent = counted + 1, entry[1], spent + size(entry)
        end
        if #entries < page then return counted, after, true, spent end
        page = 16
    end
    return counted, after, false, spent
end
";

/// A script that uses the functions above.
pub(super) fn with_library(body: &str) -> Script {
    Script::new(&format!("{LIBRARY}{body}"))
}

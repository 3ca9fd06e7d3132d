//! What scripts that look at the stream have in common.

use redis::Script;

/// Entries that are counted with one script at most. Too low and a backlog that is larger is known late
/// where Redis' own count is wrong; too high and Redis serves no other client meanwhile (1,000 entries take
/// 1.4 ms).
pub(super) const MOST_COUNTED: usize = 1_000;

/// Bytes of entries after which a script counts no further: other writers' entries may be of 100 MB,
/// each of which Redis takes 0.3 s to hand to a script.
pub(super) const MOST_COUNTED_BYTES: usize = 1 << 20;

/// Functions for scripts whose first key is the stream.
///
/// - `named(list)`: a table of a flat list of names and values.
/// - `group(name)`: how `XINFO GROUPS` describes a group, or nil if there is no such group or stream.
/// - `shorten(text, most)`: a text, or its first bytes and how many it has.
/// - `size(entry)`: the bytes of an entry's names and values; 0 if there is none.
/// - `count(after, most, bytes)`: the number of entries after an id, the last of them, whether these
///   were all, and their bytes; nil where the user may not read entries.
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

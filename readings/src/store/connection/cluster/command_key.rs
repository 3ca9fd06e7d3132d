//! The key by which a command finds its node.

use redis::{Arg, Cmd};

/// The first key of a command; `None` for a command without one. All keys of a command must be in one slot.
pub(in super::super) fn first_key(command: &Cmd) -> Option<&[u8]> {
    let mut arguments = command.args_iter().filter_map(|argument| match argument {
        Arg::Simple(argument) => Some(argument),
        _ => None,
    });
    let name = arguments.next()?;
    let is = |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    if is(&WITHOUT_KEY) {
        return None;
    }
    if is(&["EVALSHA", "EVAL"]) {
        let count = arguments.nth(1)?;
        return if count == b"0" { None } else { arguments.next() };
    }
    if is(&["XREADGROUP", "XREAD"]) {
        if is(&["XREADGROUP"]) {
            // GROUP, and the names of group and consumer, which may be any.
            arguments.nth(2)?;
        }
        arguments.find(|argument| argument.eq_ignore_ascii_case(b"STREAMS"))?;
        return arguments.next();
    }
    if is(&["XGROUP", "XINFO", "MEMORY", "OBJECT"]) {
        return arguments.nth(1);
    }
    arguments.next()
}

/// The keys of a script.
pub(in super::super) fn script_keys(command: &Cmd) -> Vec<&[u8]> {
    let mut arguments = command.args_iter().filter_map(|argument| match argument {
        Arg::Simple(argument) => Some(argument),
        _ => None,
    });
    let count = arguments.nth(2).and_then(|count| std::str::from_utf8(count).ok()?.parse().ok());
    arguments.take(count.unwrap_or_default()).collect()
}

/// Commands about the server, and not about a key.
const WITHOUT_KEY: [&str; 17] = [
    "ACL", "ASKING", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "EXEC", "INFO", "MULTI",
    "PING", "READONLY", "SCAN", "SCRIPT", "SHUTDOWN", "TIME", "WAIT",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(text: &str) -> Option<String> {
        let mut command = Cmd::new();
        command.arg(text.split(' ').collect::<Vec<_>>());
        first_key(&command).map(|key| String::from_utf8_lossy(key).into_owned())
    }

    #[test]
    fn the_key_is_where_the_command_has_it() {
        for command in [
            "ZADD key 1 m",
            "EVALSHA hash 2 key other argument",
            "EVALSHA hash 1 key",
            "XREADGROUP GROUP streams c COUNT 5 BLOCK 100 STREAMS key >",
            "XREAD COUNT 1 STREAMS key 0-0",
            "XGROUP CREATE key group 0 MKSTREAM",
            "XINFO STREAM key",
            "xack key group 1-1",
        ] {
            assert_eq!(key_of(command).as_deref(), Some("key"), "{command}");
        }
    }

    #[test]
    fn the_keys_of_a_script_are_as_many_as_it_says() {
        let mut command = Cmd::new();
        command.arg("EVALSHA hash 2 one two argument".split(' ').collect::<Vec<_>>());
        assert_eq!(script_keys(&command), [b"one", b"two"]);
    }

    #[test]
    fn a_command_about_the_server_has_none() {
        for command in
            ["PING", "INFO memory", "EVALSHA hash 0 argument", "SCAN 0 MATCH x", "WAIT 1 100"]
        {
            assert_eq!(key_of(command), None, "{command}");
        }
    }
}

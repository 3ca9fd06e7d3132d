"""A stream may be called what the program takes as a name; KEDA's user may look at that stream and its partitions, and at no other key."""

import pytest
import redis

from rendering import at, render

NAMES = [
    *("energy_readings", "my stream", " x ", "$(touch /tmp/owned)", "`id`", "it's", "'; id; '", 'say "so"', "back\\slash", "\\", "%s%d"),
    *("*", "?", "a*b", "[ab]", "[^a]", "x]", "x ~* +@all", "x ~* allkeys", ") +@all (", "#comment", "a\tb", "a\nuser evil on nopass ~* +@all", "x\x7f", "\x85x\u2028y\ufeff", "ü🔋", "{tag}:x", "%R~x", "-e", "x" * 300),
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_kedas_user_reaches_the_stream_by_its_name_and_nothing_else(server, name):
    server.take(render(at("config.redisStream", name)), b"p")
    admin = server.admin
    admin.xadd(name, {"a": "b"})
    admin.xadd("site:other", {"a": "b"})
    keda = server.client("keda", "of-keda")
    assert keda.xlen(name) == 1
    assert [keda.xlen(f"{name}:{{{number}}}") for number in (0, 9, 255)] == [0, 0, 0]
    for key in ("site:other", "a", "owned", f"{name}x", f"x{name}", f"{name}:dead", f"{name}:{{0}}:dead", f"{name}:{{a}}"):
        with pytest.raises(redis.exceptions.NoPermissionError):
            keda.xlen(key)
    for command in (["DEL", name], ["XADD", name, "*", "a", "b"], ["GET", "x"], ["FLUSHALL"], ["ACL", "LIST"]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            keda.execute_command(*command)
    assert {line.split()[1] for line in admin.acl_list()} == {"default", "keda"}


def test_the_program_gets_the_name_unchanged():
    release = render(at("config.redisStream", "x ~* $(id)\n"))
    assert release.config()["REDIS_STREAM"] == "x ~* $(id)\n"
    for trigger in release.one("ScaledObject")["spec"]["triggers"]:
        assert trigger["metadata"]["stream"] == "x ~* $(id)\n"

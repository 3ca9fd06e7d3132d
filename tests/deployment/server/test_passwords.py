"""However a password was put into its Secret, server, probe, program and KEDA agree on what it is.

Line ends after it and a byte order mark before it are no part of it; blanks are. KEDA sends what is in the Secret.
"""

import tempfile

import pytest
import redis

from processes import Process, program, wait_for
from rendering import at, render

BARE = "s3cret päss"
FORMS = {
    "bare": b"",
    "line feed": b"\n",
    "as of Windows": b"\r\n",
    "carriage return": b"\r",
    "several": b"\n\n",
    "mixed": b"\n\r\n\r\r\n",
}
# KEDA logs in as the program does where the Secret is the user's.
EXISTING = at("redis.auth.existingSecret", "login")


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
@pytest.mark.parametrize("form", FORMS)
def test_line_ends_after_a_password_are_stripped(server, form, mark):
    written = mark + BARE.encode() + FORMS[form]
    server.take(render(EXISTING), written)
    assert server.cli("ping") == (0, "PONG")
    assert server.client("default", BARE).ping()
    # As KEDA sends it.
    assert server.client("default", written).ping()
    with pytest.raises(redis.AuthenticationError):
        server.client("default", BARE + " ").ping()


@pytest.mark.parametrize("password", ["blank at the end ", " blank before", "it's \"quoted\"", "$(id) `id` $HOME", "back\\slash\\n", "*", "-e", "%s%d", "a=b;c|d&e"])
def test_all_other_characters_of_a_password_are_kept(server, password):
    server.take(render(EXISTING), password.encode())
    assert server.cli("ping") == (0, "PONG")
    assert server.client("default", password).ping()
    with pytest.raises(redis.AuthenticationError):
        server.client("default", password.strip() + "x").ping()


@pytest.mark.parametrize("written", [BARE.encode() + b"\n", BARE.encode() + b"\r\n", b"\xef\xbb\xbf" + BARE.encode(), BARE.encode() + b" "], ids=["line feed", "as of Windows", "byte order mark", "blank"])
def test_the_program_logs_in_by_the_same_rule(server, written):
    server.take(render(EXISTING), written)
    server.admin.flushall()
    variables = {
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(server.port),
        "REDIS_PASSWORD_FILE": str(server.directory / "login/password"),
        "INGESTION_PORT": "0",
        "LISTEN_HOST": "127.0.0.1",
    }
    with tempfile.TemporaryDirectory() as directory:
        process = Process("ingestion", [program(), "ingestion-api"], directory, variables)
        try:
            # It makes the group as soon as it may.
            wait_for("it has logged in", lambda: server.admin.exists("energy_readings"))
        finally:
            process.kill()


def test_keda_as_a_user_of_its_own_has_both_forms_too(server):
    server.take(render(), b"p", keda_password=b"of-keda\n")
    for password in ("of-keda", "of-keda\n"):
        assert server.client("keda", password).ping()


@pytest.mark.parametrize("nothing", [b"", b"\n", b"\xef\xbb\xbf\r\n"])
def test_an_empty_password_is_rejected_with_a_message(server, nothing):
    code, complaint = server.make_users(render(EXISTING), nothing)
    assert code != 0 and "is empty" in complaint


def test_the_probe_has_the_password_from_a_file():
    (container,) = render().pod("-redis-master")["spec"]["containers"]
    assert container["readinessProbe"]["exec"]["command"] == ["sh", "/config/cli", "ping"]
    assert "env" not in container and "envFrom" not in container


def test_without_a_password_the_probe_sends_none():
    script = render(at("redis.auth.enabled", False)).one("ConfigMap", "-redis-master")["data"]["cli"]
    assert script == 'exec valkey-cli -e "$@"\n'

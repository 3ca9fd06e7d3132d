"""Services that are reached by HTTPS are verified, by the authority that the image is given."""

import json
import os
import socket
import ssl
import subprocess
import threading

import pytest

from processes import wait_for
from rendering import REPOSITORY

CERTIFICATE = REPOSITORY / "tests/certificates/localhost.pem"
KEY = REPOSITORY / "tests/certificates/localhost.key.pem"
SCRIPT = REPOSITORY / "frontend/17-verify-services.envsh"


def upstream_tls(**variables):
    """What the image's start makes of its variables."""
    script = f'. {SCRIPT}; printf %s "$NGINX_UPSTREAM_TLS"'
    variables = {"INGESTION_URL": "https://localhost:1", "PROCESSING_URL": "https://localhost:2", **variables}
    return subprocess.run(["sh", "-euc", script], env={"PATH": os.environ["PATH"], **variables}, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def names():
    """A DNS server for which every name is this machine: nginx asks one, and reads no /etc/hosts."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def respond():
        while True:
            query, client = server.recvfrom(512)
            if query == b"end":
                return
            end = query.index(b"\0", 12) + 5
            is_a = query[end - 4 : end - 2] == b"\0\1"
            head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0"
            address = b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x7f\0\0\1" if is_a else b""
            server.sendto(head + query[12:end] + address, client)

    thread = threading.Thread(target=respond, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.getsockname()[1]}"
    server.sendto(b"end", server.getsockname())
    thread.join()
    server.close()


def encrypt(server, client_authority=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    if client_authority:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority)
    server.socket = context.wrap_socket(server.socket, server_side=True)


@pytest.fixture
def start_encrypted(start, names):
    """A page before services whose certificate is of `localhost`; `host` is the name by which nginx knows them."""

    def started(host="localhost", client_authority=None, **variables):
        page = start(NGINX_LOCAL_RESOLVERS=f"{names} ipv6=off", NGINX_UPSTREAM_TLS=upstream_tls(**variables))
        for server in (page.ingestion, page.processing):
            encrypt(server, client_authority)
        text = page.configuration.read_text()
        for server in (page.ingestion, page.processing):
            text = text.replace(f"http://127.0.0.1:{server.server_port}", f"https://{host}:{server.server_port}")
        page.restart(text)
        return page

    return started


def test_a_service_with_a_certificate_of_the_given_authority_is_reached(start_encrypted):
    page = start_encrypted(UPSTREAM_CA_FILE=str(CERTIFICATE))
    assert page.echoed("/api/sites")["service"] == "processing"
    assert page.echoed("/api/readings", "POST", b"{}")["service"] == "ingestion"


def test_a_service_with_another_certificate_is_not_reached(start_encrypted):
    # Authorities of the system, which do not know this one.
    page = start_encrypted()
    answer = page.get("/api/sites")
    assert (answer.status, json.loads(answer.read())["code"]) == (502, "service_unavailable")
    assert wait_for("the log says why", lambda: "certificate verify error" in page.process.err.read_text())


def test_a_certificate_of_another_name_is_not_accepted(start_encrypted):
    page = start_encrypted(host="other.example", UPSTREAM_CA_FILE=str(CERTIFICATE))
    assert page.get("/api/sites").status == 502
    assert wait_for("the log says why", lambda: "does not match" in page.process.err.read_text())


def test_the_page_shows_its_certificate(start_encrypted):
    own = {"UPSTREAM_CA_FILE": str(CERTIFICATE), "UPSTREAM_CERT_FILE": str(CERTIFICATE), "UPSTREAM_KEY_FILE": str(KEY)}
    assert start_encrypted(client_authority=CERTIFICATE, **own).echoed("/api/sites")["service"] == "processing"
    assert start_encrypted(client_authority=CERTIFICATE, UPSTREAM_CA_FILE=str(CERTIFICATE)).get("/api/sites").status == 502


def test_services_by_http_need_no_authority():
    assert upstream_tls(INGESTION_URL="http://a", PROCESSING_URL="http://b") == ""
    assert "proxy_ssl_verify on;" in upstream_tls(INGESTION_URL="http://a")

"""The page serves HTTPS where it is given a certificate, and takes a renewed one without a restart."""

import os
import socket
import ssl
import subprocess

import pytest

from rendering import REPOSITORY

CERTIFICATES = REPOSITORY / "tests/certificates"
SCRIPTS = [REPOSITORY / "frontend" / name for name in ("15-serve-https.envsh", "16-listen-by-ipv6.envsh")]


def made_by_the_image(name, **variables):
    """A variable that the scripts of the image set."""
    script = "".join(f". {path}; " for path in SCRIPTS) + f'printf %s "${name}"'
    variables = {"PATH": os.environ["PATH"], "FRONTEND_PORT": "3000", **variables}
    return subprocess.run(["sh", "-euc", script], env=variables, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def files(tmp_path):
    """Certificate and key, as variables of the image, in a place where they can be renewed."""
    for name in ("localhost.pem", "localhost.key.pem"):
        (tmp_path / name).write_bytes((CERTIFICATES / name).read_bytes())
        # The workers of nginx run as another user when root starts it.
        (tmp_path / name).chmod(0o644)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    return {"FRONTEND_CERT_FILE": str(tmp_path / "localhost.pem"), "FRONTEND_KEY_FILE": str(tmp_path / "localhost.key.pem")}


def start_encrypted(start, files):
    variables = {name: made_by_the_image(name, **files) for name in ("NGINX_LISTEN_TLS", "NGINX_TLS")}
    return start(**files, **variables)


def served(page):
    """The certificate that a client gets."""
    context = ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", page.port)) as plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
        return connection.getpeercert(binary_form=True)


def test_page_and_services_are_served_by_https(start, files):
    page = start_encrypted(start, files)
    assert b"<title>" in page.get("/").read()
    assert page.echoed("/api/sites")["headers"]["x-forwarded-proto"] == "https"
    # Not by HTTP on the same port.
    assert b"400" in page.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").partition(b"\r\n")[0]


def test_a_renewed_certificate_is_served_without_a_restart(start, files):
    page = start_encrypted(start, files)
    before = served(page)
    renewal = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made = [*renewal, "-keyout", files["FRONTEND_KEY_FILE"], "-out", files["FRONTEND_CERT_FILE"], "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(made, check=True, capture_output=True)
    os.chmod(files["FRONTEND_KEY_FILE"], 0o644)
    after = served(page)
    assert after != before and after == ssl.PEM_cert_to_DER_cert(open(files["FRONTEND_CERT_FILE"]).read())


def test_without_a_certificate_it_serves_http():
    for name in ("NGINX_LISTEN_TLS", "NGINX_TLS"):
        assert made_by_the_image(name) == made_by_the_image(name, FRONTEND_CERT_FILE="") == ""
    listen = made_by_the_image("NGINX_LISTEN_IPV6", FRONTEND_CERT_FILE="/c")
    assert listen in ("", "listen [::]:3000 ssl;")

"""The page's nginx template, filled in as by its image, in a real nginx in front of two services that echo their requests."""

import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from processes import Process, free_port, wait_for
from rendering import REPOSITORY

# The PATH of a user need not have the folder of servers.
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
TEMPLATE = REPOSITORY / "frontend/nginx.conf.template"

# The defaults of the image.
DEFAULTS = dict(re.findall(r"(FRONTEND_(?:WORKERS|ACCESS_LOG|READ_ONLY|OPERATOR_PATHS))=(\S+)", (REPOSITORY / "Dockerfile").read_text()))


class Echo(BaseHTTPRequestHandler):
    """Responds with the request that it received."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = b"".join(self.chunks()) if "Transfer-Encoding" in self.headers else self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = {
            "service": self.server.name,
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "length": len(body),
        }
        if self.path.endswith("/stream"):
            self.stream()
            return
        text = json.dumps(request).encode()
        _, marker, status = self.path.partition("/status-")
        self.send_response(int(status) if marker else 200)
        if status == "503":
            self.send_header("Retry-After", "7")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        # The services send these as well.
        self.send_header("X-Request-Id", self.headers.get("X-Request-Id", "none"))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = answer

    def chunks(self):
        """The chunks of a body (RFC 9112, 7.1)."""
        while size := int(self.rfile.readline() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def stream(self):
        """One event, and the next only when the test has seen the first."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (b"data: 1\n\n", b"data: 2\n\n"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            self.server.seen.wait(20)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


class EchoServer(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        # nginx closes its connection to a service when its own client has gone, as some tests have it.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def service(name):
    server = EchoServer(("127.0.0.1", 0), Echo)
    server.name, server.seen = name, threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def filled_in(directory, variables):
    text = TEMPLATE.read_text().replace("/tmp/", f"{directory}/").replace("/usr/share/nginx/html", directory)
    for name, value in variables.items():
        text = text.replace("${%s}" % name, value)
    return text


class Page:
    def __init__(self, directory, resources, **variables):
        self.ingestion, self.processing = service("ingestion"), service("processing")
        for server in (self.ingestion, self.processing):
            resources.callback(server.shutdown)
        self.port = free_port()
        root = Path(directory)
        # Started by root, nginx runs its workers as another user.
        root.chmod(0o755)
        (root / "assets").mkdir()
        (root / "index.html").write_text("<title>page</title>")
        shutil.copy(REPOSITORY / "frontend/public/404.html", root)
        (root / "assets/index-1a2b.js").write_text("let x = 1;" * 200)
        text = filled_in(
            directory,
            {
                "FRONTEND_PORT": f"127.0.0.1:{self.port}",
                "INGESTION_URL": f"http://127.0.0.1:{self.ingestion.server_port}",
                "PROCESSING_URL": f"http://127.0.0.1:{self.processing.server_port}",
                "NGINX_LOCAL_RESOLVERS": "127.0.0.1",
                "NGINX_LISTEN_IPV6": "",
                "NGINX_LISTEN_TLS": "",
                "NGINX_TLS": "",
                "FRONTEND_CERT_FILE": "",
                "FRONTEND_KEY_FILE": "",
                "NGINX_UPSTREAM_TLS": "",
                **DEFAULTS,
                **variables,
            },
        )
        # Of a page that serves HTTPS.
        self.authority = variables.get("FRONTEND_CERT_FILE")
        self.configuration = root / "nginx.conf"
        self.directory = directory
        resources.callback(self.stop)
        self.run(text)

    def run(self, text):
        """Starts nginx with a configuration."""
        self.configuration.write_text(text)
        command = [NGINX, "-c", str(self.configuration)]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        # Standard output as the image's: a pipe or a file that nginx opens by its name.
        self.process = Process("nginx", [*command, "-g", "daemon off;"], self.directory)
        wait_for("nginx listens", self.listens)

    def stop(self):
        self.process.terminate()
        self.process.ended()

    def restart(self, text):
        self.stop()
        self.run(text)

    def listens(self):
        try:
            return self.get("/livez").status == 200
        except OSError:
            return False

    def get(self, path, method="GET", body=None, headers=None):
        connection = self.connection()
        connection.request(method, path, body, headers or {})
        return connection.getresponse()

    def connection(self):
        if self.authority is None:
            return HTTPConnection("127.0.0.1", self.port, timeout=10)
        return HTTPSConnection("localhost", self.port, timeout=10, context=ssl.create_default_context(cafile=self.authority))

    def raw(self, data):
        """The whole response to bytes that are sent unchanged."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def echoed(self, *arguments):
        return json.loads(self.get(*arguments).read())

"""The page's nginx template, filled in as its image does, in a real nginx before two services that tell what they get."""

import json
import re
import shutil
import subprocess
import tempfile
import threading
from contextlib import ExitStack
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from processes import Process, free_port, wait_for
from rendering import REPOSITORY

# Not everybody has the folder of servers in the PATH.
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
TEMPLATE = REPOSITORY / "frontend/nginx.conf.template"


class Echo(BaseHTTPRequestHandler):
    """Answers with what was asked."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        body = {
            "service": self.server.name,
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "length": len(self.rfile.read(length)),
        }
        if self.path.endswith("/stream"):
            self.stream()
            return
        text = json.dumps(body).encode()
        self.send_response(413 if self.path.endswith("/too-large") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = answer

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


def service(name):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.name, server.seen = name, threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def filled_in(variables):
    text = TEMPLATE.read_text()
    for name, value in variables.items():
        text = text.replace("${%s}" % name, value)
    return text


class Page:
    def __init__(self, directory, resources):
        self.ingestion, self.processing = service("ingestion"), service("processing")
        for server in (self.ingestion, self.processing):
            resources.callback(server.shutdown)
        self.port = free_port()
        root = Path(directory)
        # Started by root, nginx works as somebody else.
        root.chmod(0o755)
        (root / "assets").mkdir()
        (root / "index.html").write_text("<title>page</title>")
        (root / "assets/index-1a2b.js").write_text("let x = 1;" * 200)
        text = filled_in(
            {
                "FRONTEND_PORT": f"127.0.0.1:{self.port}",
                "INGESTION_URL": f"http://127.0.0.1:{self.ingestion.server_port}",
                "PROCESSING_URL": f"http://127.0.0.1:{self.processing.server_port}",
                "NGINX_LOCAL_RESOLVERS": "127.0.0.1",
            }
        )
        text = text.replace("/tmp/", f"{directory}/").replace("/usr/share/nginx/html", directory)
        file = root / "nginx.conf"
        file.write_text(text)
        checked = subprocess.run([NGINX, "-t", "-c", str(file)], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        process = Process("nginx", [NGINX, "-c", str(file), "-g", "daemon off;"], directory)
        resources.callback(process.ended)
        resources.callback(process.terminate)
        wait_for("nginx listens", self.listens)

    def listens(self):
        try:
            return self.get("/livez").status == 200
        except OSError:
            return False

    def get(self, path, method="GET", body=None, headers=None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body, headers or {})
        return connection.getresponse()

    def told(self, *arguments):
        return json.loads(self.get(*arguments).read())


@pytest.fixture(scope="module")
def page():
    with tempfile.TemporaryDirectory() as directory, ExitStack() as resources:
        yield Page(directory, resources)


@pytest.mark.parametrize(
    ("asked", "name", "path"),
    [
        ("/api/readings", "ingestion", "/readings"),
        ("/api/readings/x?y=1", "ingestion", "/readings/x?y=1"),
        ("/api/sites", "processing", "/sites"),
        ("/api/sites/house-01/readings?limit=5&from=a%20b", "processing", "/sites/house-01/readings?limit=5&from=a%20b"),
        ("/api/sites/a%2Fb/readings", "processing", "/sites/a%2Fb/readings"),
        ("/api/sites/%C3%BC%20%25/readings", "processing", "/sites/%C3%BC%20%25/readings"),
        ("/api/sites//readings", "processing", "/sites//readings"),
        ("/api/health", "processing", "/health"),
        ("/api/pipeline/dead-letters", "processing", "/pipeline/dead-letters"),
        ("/ingestion/docs", "ingestion", "/docs"),
    ],
)
def test_a_path_leads_to_its_service_as_it_was_written(page, asked, name, path):
    told = page.told(asked)
    assert (told["service"], told["path"]) == (name, path)


def test_methods_bodies_and_headers_pass(page):
    told = page.told("/api/readings", "POST", b"x" * 3_000_000, {"X-Request-Id": "42", "Idempotency-Key": "k", "traceparent": "00-1"})
    assert (told["method"], told["length"]) == ("POST", 3_000_000)
    headers = told["headers"]
    assert (headers["x-request-id"], headers["idempotency-key"], headers["traceparent"]) == ("42", "k", "00-1")
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert page.told("/api/pipeline/dead-letters/1-0", "DELETE")["method"] == "DELETE"


def test_errors_are_the_services(page):
    answer = page.get("/api/readings/too-large")
    assert answer.status == 413 and json.loads(answer.read())["service"] == "ingestion"


def test_events_arrive_when_they_are_sent(page):
    page.processing.seen.clear()
    answer = page.get("/api/sites/x/stream")
    assert answer.readline() == b"data: 1\n"
    # Only now is the second sent: the first was not held back.
    page.processing.seen.set()
    assert b"data: 2" in answer.read()


def test_the_page_is_asked_for_each_time_and_its_parts_never_again(page):
    index = page.get("/")
    assert index.status == 200 and b"<title>" in index.read()
    assert index.headers["Cache-Control"] == "no-cache"
    assert "immutable" in page.get("/assets/index-1a2b.js").headers["Cache-Control"]


def test_the_page_has_the_policy_of_the_built_in_one(page):
    source = (REPOSITORY / "api/src/page.rs").read_text()
    policy = re.search(r'CONTENT_SECURITY_POLICY: &str = "(.*?)";', source, re.S)[1]
    assert page.get("/").headers["Content-Security-Policy"] == re.sub(r"\\\s+", "", policy)


def test_scripts_are_sent_small(page):
    answer = page.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"


def test_it_is_ready_and_does_not_say_what_it_is(page):
    for path in ("/livez", "/readyz"):
        assert page.get(path).status == 200
    assert page.get("/").headers["Server"] == "nginx"


def test_a_path_that_is_not_there_is_404(page):
    assert page.get("/nothing").status == 404


def test_every_variable_of_the_template_is_one_that_the_image_fills_in():
    used = set(re.findall(r"\$\{([A-Z_]+)\}", TEMPLATE.read_text()))
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    allowed = set(re.search(r'NGINX_ENVSUBST_FILTER="\^\((.*)\)\$"', dockerfile)[1].split("|"))
    assert used == allowed


def test_routes_are_those_of_the_page_in_development():
    # The same in vite.config.ts: paths with the prefix that is taken away.
    config = (REPOSITORY / "frontend/vite.config.ts").read_text()
    proxied = set(re.findall(r"'(/[a-z/]+)': \{ target", config))
    located = set(re.findall(r"location (/(?:api|ingestion)\S*) ", TEMPLATE.read_text()))
    assert located == proxied

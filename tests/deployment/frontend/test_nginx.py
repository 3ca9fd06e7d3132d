"""What nginx does for the page: routes of paths, and headers of its own files."""

import gzip
import json
import re
import subprocess
from http.client import HTTPConnection
from pathlib import Path

import pytest

from page import TEMPLATE
from processes import Process, free_port, program, wait_for
from rendering import REPOSITORY


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
        ("/ingestion/docs", "ingestion", "/docs"),
        # Sites whose ids nginx would take for a way through folders: it matches by what was written.
        ("/api/sites/%2E/readings", "processing", "/sites/%2E/readings"),
        ("/api/sites/%2E%2E/readings", "processing", "/sites/%2E%2E/readings"),
        ("/api/sites/%2e%2e%2Freadings/readings", "processing", "/sites/%2e%2e%2Freadings/readings"),
        ("/api/sites/x%2F..%2F..%2Freadings/readings", "processing", "/sites/x%2F..%2F..%2Freadings/readings"),
        ("/api/sites/..%2Freadings%3Fx/readings?limit=1", "processing", "/sites/..%2Freadings%3Fx/readings?limit=1"),
        ("/api/sites/../readings", "processing", "/sites/../readings"),
        ("/api/sites/%2E%2E/%2E%2E/assets/index-1a2b.js", "processing", "/sites/%2E%2E/%2E%2E/assets/index-1a2b.js"),
        ("/api/sites/%2E%2E/%2E%2E/livez", "processing", "/sites/%2E%2E/%2E%2E/livez"),
        ("/api/sites/%2E%2E/.error", "processing", "/sites/%2E%2E/.error"),
        ("/ingestion/readings/%2E%2E/%2E%2E/api/sites", "ingestion", "/readings/%2E%2E/%2E%2E/api/sites"),
        ("/api/sites/%2F%2F/readings", "processing", "/sites/%2F%2F/readings"),
    ],
)
def test_a_path_reaches_its_service_unchanged(page, asked, name, path):
    told = page.echoed(asked)
    assert (told["service"], told["path"]) == (name, path)


def test_methods_bodies_and_headers_pass(page):
    sent = {"X-Request-Id": "42", "Idempotency-Key": "k", "traceparent": "00-1", "Authorization": "Bearer enp_1_secret"}
    told = page.echoed("/api/readings", "POST", b"x" * 65_536, sent)
    assert (told["method"], told["length"]) == ("POST", 65_536)
    headers = told["headers"]
    assert {name: headers[name.lower()] for name in sent} == sent
    assert headers["x-forwarded-for"] == "127.0.0.1"


def test_events_arrive_when_they_are_sent(page):
    page.processing.seen.clear()
    answer = page.get("/api/sites/x/stream")
    assert answer.readline() == b"data: 1\n"
    # Only now is the second sent: the first was not held back.
    page.processing.seen.set()
    assert b"data: 2" in answer.read()


def test_events_pass_a_client_that_accepts_compression_as_they_are(page):
    page.processing.seen.set()
    answer = page.get("/api/sites/x/stream", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Type"] == "text/event-stream" and "Content-Encoding" not in answer.headers
    assert answer.read() == b"data: 1\n\ndata: 2\n\n"


@pytest.mark.parametrize("path", ["/", "/assets/index-1a2b.js", "/livez"])
def test_head_has_the_headers_of_get_and_no_body(page, path):
    get, head = page.get(path), page.get(path, "HEAD")
    assert (head.status, head.read()) == (200, b"")
    changing = {"Date", "X-Request-Id"}
    headers = [{name: value for name, value in answer.getheaders() if name not in changing} for answer in (get, head)]
    assert headers[0] == headers[1]


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("path", ["/", "/assets/index-1a2b.js"])
def test_an_unchanged_file_is_304(page, path, coding):
    headers = {"Accept-Encoding": coding}
    tag = page.get(path, headers=headers).headers["ETag"]
    again = page.get(path, headers={**headers, "If-None-Match": tag})
    assert (again.status, again.read()) == (304, b"")
    assert "Cache-Control" in again.headers
    assert page.get(path, headers={**headers, "If-None-Match": '"other"'}).status == 200


def test_the_page_is_revalidated_and_its_assets_are_immutable(page):
    index = page.get("/")
    assert index.status == 200 and b"<title>" in index.read()
    assert index.headers["Cache-Control"] == "no-cache"
    assert "immutable" in page.get("/assets/index-1a2b.js").headers["Cache-Control"]


def test_the_page_has_the_policy_of_the_built_in_one(page):
    source = (REPOSITORY / "api/src/frontend.rs").read_text()
    policy = re.search(r'CONTENT_SECURITY_POLICY: &str = "(.*?)";', source, re.S)[1]
    assert page.get("/").headers["Content-Security-Policy"] == re.sub(r"\\\s+", "", policy)


def test_scripts_are_compressed(page):
    answer = page.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip" and answer.headers["Vary"] == "Accept-Encoding"


def test_the_documentation_of_the_services_passes_with_its_policy_its_tag_and_a_way_back(start, tmp_path):
    variables = {"INGESTION_PORT": "0", "LISTEN_HOST": "127.0.0.1", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(free_port())}
    service = Process("ingestion", [program(), "ingestion-api"], tmp_path, variables)
    try:
        page = start(INGESTION_URL=wait_for("it listens", lambda: service.said(" listens on ")))
        docs = page.get("/ingestion/docs", headers={"Accept-Encoding": "gzip"})
        assert (docs.status, docs.headers["Content-Encoding"]) == (200, "gzip")
        # The whole page is 1.6 MB.
        body = docs.read()
        assert len(body) < 700_000 and b'href="../"' in gzip.decompress(body)
        for name, part in (("Content-Security-Policy", "default-src 'none'"), ("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff")):
            assert part in docs.headers[name]
        again = page.get("/ingestion/docs", headers={"If-None-Match": docs.headers["ETag"]})
        assert (again.status, again.read()) == (304, b"")
        head = page.get("/ingestion/docs", "HEAD")
        assert (head.status, head.read()) == (200, b"")
    finally:
        service.kill()


def test_it_is_ready_and_does_not_reveal_its_version(page):
    for path in ("/livez", "/readyz"):
        assert page.get(path).status == 200
    assert page.get("/").headers["Server"] == "nginx"


def test_a_path_above_the_root_is_rejected(page):
    # nginx does this before anything can be configured; such a site is read from the Processing Service itself.
    answer = page.get("/api/sites/..%2F..%2F..%2Fx/readings")
    assert (answer.status, json.loads(answer.read())["detail"]) == (400, "Bad Request")


def test_internal_locations_cannot_be_requested(page):
    for path in ("/.ingestion", "/.processing", "/.error", "/%2Eerror", "//.error"):
        answer = page.get(path)
        assert (answer.status, json.loads(answer.read())["detail"]) == (404, "Not Found"), path


@pytest.mark.parametrize("path", ["/api", "/ingestion", "/assets"])
def test_a_redirect_names_neither_host_nor_port(page, path):
    answer = page.get(path, headers={"Host": "energy.example.com", "X-Forwarded-Proto": "https"})
    assert (answer.status, answer.headers["Location"]) == (301, f"{path}/")


def test_a_connection_is_kept_longer_than_load_balancers_keep_it():
    text = TEMPLATE.read_text()
    # Google's: 600 s, which cannot be changed; Amazon's and nginx' own: 60 s.
    assert int(re.search(r"keepalive_timeout (\d+)s;", text)[1]) > 600
    assert int(re.search(r"keepalive_requests (\d+);", text)[1]) >= 10_000


def test_the_number_of_workers_is_configured(start):
    page = start(FRONTEND_WORKERS="3")
    children = Path(f"/proc/{page.process.child.pid}/task/{page.process.child.pid}/children")
    # The first worker may serve before the last is started.
    wait_for("three workers run", lambda: len(children.read_text().split()) == 3)
    assert "worker_processes auto" not in TEMPLATE.read_text()


def test_every_response_has_a_request_id_and_nosniff(page):
    for path in ("/", "/assets/index-1a2b.js", "/livez", "/api/sites", "/ingestion/health", "/nothing", "/api"):
        headers = page.get(path).headers
        for name in ("X-Request-Id", "X-Content-Type-Options", "Referrer-Policy"):
            assert len(headers.get_all(name, [])) == 1, (path, name)
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "same-origin"


def test_the_id_of_a_request_is_the_clients_if_it_is_usable(page):
    for path in ("/", "/api/sites", "/nothing"):
        assert page.get(path, headers={"X-Request-Id": "meter-7/42"}).headers["X-Request-Id"] == "meter-7/42"
        for bad in ("a b", "x" * 129, "ü".encode().decode("latin-1")):
            assert re.fullmatch(r"[0-9a-f]{32}", page.get(path, headers={"X-Request-Id": bad}).headers["X-Request-Id"])
    told = page.get("/api/sites")
    assert json.loads(told.read())["headers"]["x-request-id"] == told.headers["X-Request-Id"]


def test_it_listens_by_ipv6_where_there_is_some(start):
    script = f"FRONTEND_PORT=3000; . {REPOSITORY}/frontend/16-listen-by-ipv6.envsh; echo \"$NGINX_LISTEN_IPV6\""
    said = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True).stdout.strip()
    assert said == ("listen [::]:3000;" if Path("/proc/net/if_inet6").exists() else "")
    if said:
        port = free_port()
        start(NGINX_LISTEN_IPV6=f"listen [::1]:{port};")
        connection = HTTPConnection("::1", port, timeout=10)
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
    assert "ipv6=off" not in TEMPLATE.read_text()


def logged(page):
    return [json.loads(line) for line in page.process.out.read_text().splitlines()]


def test_only_changing_requests_are_logged(start):
    page = start(FRONTEND_OPERATOR_PATHS="true")
    page.echoed("/api/sites")
    page.echoed("/api/readings", "POST", b"{}")
    page.echoed("/api/pipeline/dead-letters/1-0", "DELETE", None, {"X-Request-Id": "who", "X-Forwarded-For": "192.0.2.1"})
    (line,) = wait_for("it is logged", lambda: logged(page))
    assert (line["request"], line["status"], line["request_id"]) == ("DELETE /api/pipeline/dead-letters/1-0 HTTP/1.1", "200", "who")
    assert (line["client"], line["forwarded_for"]) == ("127.0.0.1", "192.0.2.1")


@pytest.mark.parametrize(("what", "count"), [("all", 2), ("off", 0)])
def test_all_or_nothing_can_be_logged(start, what, count):
    page = start(FRONTEND_ACCESS_LOG=what, FRONTEND_OPERATOR_PATHS="true", FRONTEND_WORKERS="1")
    page.process.out.write_text("")
    page.echoed("/api/pipeline/dead-letters/1-0", "DELETE", None, {"Authorization": "Bearer enp_1_secret"})
    page.echoed("/api/sites")
    # The log is written before the next request of the worker is answered.
    page.get("/livez")
    assert len([line for line in logged(page) if "/livez" not in line["request"]]) == count
    assert "secret" not in page.process.out.read_text() + page.process.err.read_text()


def test_the_way_to_the_processing_service_can_be_for_reading_only(start):
    page = start(FRONTEND_READ_ONLY="true", FRONTEND_OPERATOR_PATHS="true")
    for method, path in (("DELETE", "/api/pipeline/dead-letters/1-0"), ("POST", "/api/pipeline/dead-letters/1-0/retry"), ("DELETE", "/api/%70ipeline/x"), ("GETX", "/api/x")):
        answer = page.get(path, method)
        assert (answer.status, json.loads(answer.read())["code"]) == (403, "forbidden"), (method, path)
    assert page.echoed("/api/sites")["service"] == "processing"
    assert page.echoed("/api/readings", "POST", b"{}")["service"] == "ingestion"


# Paths of operators, as a client may write them.
OPERATOR_PATHS = [
    *("/api/pipeline", "/api/pipeline/dead-letters", "/api/pipeline/dead-letters/1-0", "/api/pipeline?x=/sites", "/api/metrics", "/ingestion/metrics"),
    *("/api/%70ipeline", "/api/pipelin%65/dead-letters", "/api//pipeline", "/api/./pipeline", "/api/sites%2F../pipeline", "/api/metrics/prometheus"),
    *("/api/docs%2F../pipeline", "/ingestion/%6Detrics", "/ingestion//metrics", "/api/readings%2F..%2Fmetrics", "/api/", "/ingestion/"),
]


@pytest.mark.parametrize("path", OPERATOR_PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_operator_paths_are_not_on_the_pages_route(page, path, method):
    answer = page.get(path, method)
    assert (answer.status, json.loads(answer.read())["code"]) == (403, "forbidden")


@pytest.mark.parametrize("path", ["/api/sites/a/readings/1-0", "/api/sites/a/readings?start=0&end=1", "/api/readings", "/ingestion/readings"])
def test_deletions_are_an_operators(start, page, path):
    answer = page.get(path, "DELETE")
    assert (answer.status, json.loads(answer.read())["code"]) == (403, "forbidden")
    assert start(FRONTEND_OPERATOR_PATHS="true").echoed(path, "DELETE")["path"] == re.sub("^/(api|ingestion)", "", path)


def test_no_public_path_is_an_operators_to_the_service(start, tmp_path):
    """The real service finds no `/pipeline` in what the list of nginx lets through."""
    variables = {"PROCESSING_PORT": "0", "LISTEN_HOST": "127.0.0.1", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(free_port())}
    service = Process("processing", [program(), "query-api"], tmp_path, variables)
    try:
        page = start(PROCESSING_URL=wait_for("it listens", lambda: service.said(" listens on ")))
        # Without Redis each path of the pipeline and of sites gets 503, and an unknown one 404.
        assert page.get("/api/sites").status == 503
        for prefix in ("sites", "docs", "health", "openapi.json", "readyz"):
            for way in ("/../pipeline", "/%2E%2E/pipeline", "/..%2Fpipeline", "%2F..%2Fpipeline", "/x/../../metrics", "/./../pipeline"):
                # The site `../pipeline`: the id of a site may have any character.
                if (prefix, way) == ("sites", "/..%2Fpipeline"):
                    continue
                answer = page.get(f"/api/{prefix}{way}")
                assert answer.status in (403, 404), (prefix, way, answer.status)
    finally:
        service.kill()


def test_operator_paths_can_be_published(start):
    page = start(FRONTEND_OPERATOR_PATHS="true")
    assert page.echoed("/api/pipeline/dead-letters/1-0", "DELETE")["path"] == "/pipeline/dead-letters/1-0"
    assert page.echoed("/api/metrics")["service"] == "processing"
    assert page.echoed("/ingestion/metrics")["service"] == "ingestion"


def test_each_path_of_the_services_is_public_or_an_operators(page):
    """A new path of the OpenAPI documents is an operator's until the list of nginx has it."""
    public, of_sites = {}, set()
    for prefix, role in (("/api", "processing-service"), ("/ingestion", "ingestion-api")):
        paths = json.loads((REPOSITORY / "openapi" / f"{role}.json").read_text())["paths"]
        asked = {path: page.get(prefix + path.replace("{", "").replace("}", "")).status for path in (*paths, "/docs", "/openapi.json")}
        of_sites |= {path for path in paths if path.startswith("/sites")}
        public[role] = {path for path, status in asked.items() if status == 200}
        assert {path: status for path, status in asked.items() if status not in (200, 403)} == {}
    probes = {"/health", "/livez", "/readyz", "/docs", "/openapi.json"}
    assert public == {"processing-service": probes | of_sites, "ingestion-api": probes | {"/readings", "/readings/batch"}}


def test_all_that_the_page_requests_is_public(page):
    # The generated types name all operations, also those that the page does not use.
    sources = [path for path in (REPOSITORY / "frontend/src").rglob("*.ts*") if ".test." not in path.name and "generated" not in path.parts]
    paths = {path for source in sources for path in re.findall(r"""["'`](/(?:api|ingestion)/[^"'`]*)""", source.read_text())}
    assert {"/api/readings", "/api/sites", "/api/health", "/api/pipeline"} <= paths
    # The page does without what only operators get.
    for path in [path for path in paths if not path.startswith("/api/pipeline")]:
        assert page.get(re.sub(r"\$\{.*?\}", "x", path)).status == 200, path


def test_every_variable_of_the_template_is_one_that_the_image_fills_in():
    used = set(re.findall(r"\$\{([A-Z0-9_]+)\}", TEMPLATE.read_text()))
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    allowed = set(re.search(r'NGINX_ENVSUBST_FILTER="\^\((.*)\)\$"', dockerfile)[1].split("|"))
    assert used == allowed


def test_routes_are_those_of_the_page_in_development():
    # The same in vite.config.ts: paths with the prefix that is taken away.
    config = (REPOSITORY / "frontend/vite.config.ts").read_text()
    proxied = set(re.findall(r"'(/[a-z/]+)': \{ target", config))
    located = set(re.findall(r'"~\^asked(/[a-z/]+)"', TEMPLATE.read_text()))
    assert located == proxied

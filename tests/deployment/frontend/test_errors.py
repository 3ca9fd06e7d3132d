"""Errors of nginx' own have the form of the services' errors; those of the services pass as they are."""

import json
import re
import socket
import tempfile
from contextlib import ExitStack
from http.client import HTTPConnection

import pytest

from processes import Process, free_port, program, wait_for


def detail(answer):
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"] and answer.headers["X-Content-Type-Options"] == "nosniff"
    return error(answer)["detail"]


def error(answer):
    """The body of an error, which names the request that it belongs to."""
    body = json.loads(answer.read())
    assert list(body) == ["detail", "code", "request_id"] and body["request_id"] == answer.headers["X-Request-Id"]
    return body


SIZES = {"64 KiB and a byte": 65_537, "300 KB": 300_000, "3 MB": 3_000_000, "30 MB": 30_000_000}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunked", [False, True], ids=["", "chunked"])
def test_too_large_a_body_is_413_to_a_client_that_sends_all_before_it_reads(page, size, chunked):
    body = b"x" * SIZES[size]
    for _ in range(20):
        # In parts as large as a client's buffers.
        parts = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
        answer = page.get("/api/readings", "POST", parts if chunked else body)
        assert answer.status == 413
        assert detail(answer) == "The body of a reading may have at most 65536 bytes"


@pytest.mark.parametrize("path", ["/api/readings", "/ingestion/readings"])
def test_a_body_of_64_kib_passes(page, path):
    assert page.echoed(path, "POST", b"x" * 65_536)["length"] == 65_536


@pytest.mark.parametrize("path", ["/api/readings/batch", "/ingestion/readings/batch?atomic=true"])
def test_a_batch_may_have_10_mib(page, path):
    assert page.echoed(path, "POST", b"x" * 10_485_760)["length"] == 10_485_760
    answer = page.get(path, "POST", b"x" * 10_485_761)
    assert (answer.status, detail(answer)) == (413, "The body of a batch may have at most 10485760 bytes")
    assert page.get(path.replace("batch", "batches"), "POST", b"x" * 65_537).status == 413


def test_413_has_the_body_of_the_service(page):
    with tempfile.TemporaryDirectory() as directory:
        variables = {"INGESTION_PORT": "0", "LISTEN_HOST": "127.0.0.1", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(free_port())}
        service = Process("ingestion", [program(), "ingestion-api"], directory, variables)
        try:
            url = wait_for("it listens", lambda: service.said(" listens on "))
            connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
            connection.request("POST", "/readings", b"x" * 65_537, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            own = error(page.get("/api/readings", "POST", b"x" * 65_537))
            of_the_service = error(answer)
            for member in ("detail", "code"):
                assert (answer.status, own[member]) == (413, of_the_service[member])
        finally:
            service.kill()


def test_an_unreachable_service_is_502_with_retry_after(start):
    page = start(PROCESSING_URL=f"http://127.0.0.1:{free_port()}")
    answer = page.get("/api/sites")
    assert (answer.status, answer.headers["Retry-After"]) == (502, "5")
    body = error(answer)
    assert "whether the request was carried out is unknown" in body["detail"] and body["code"] == "service_unavailable"
    # A name that cannot be looked up.
    answer = start(INGESTION_URL="http://ingestion.invalid:8000").get("/api/readings", "POST", b"{}")
    assert (answer.status, answer.headers["Retry-After"]) == (502, "5") and error(answer)["code"] == "outcome_unknown"


def test_a_service_that_does_not_respond_in_time_is_504(start):
    with ExitStack() as sockets:
        # One that accepts no connection, and has no room for more that wait.
        listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        answer = start(PROCESSING_URL=f"http://127.0.0.1:{listener.getsockname()[1]}").get("/api/sites")
        assert (answer.status, answer.headers["Retry-After"]) == (504, "5")
        assert detail(answer) == "The service gave no answer in time; whether the request was carried out is unknown"


@pytest.mark.parametrize("status", [401, 403, 404, 405, 413, 422, 500, 502, 503, 504])
def test_an_error_of_a_service_passes_unchanged(page, status):
    answer = page.get(f"/api/sites/status-{status}")
    assert answer.status == status and answer.headers.get("Retry-After") == ("7" if status == 503 else None)
    assert json.loads(answer.read())["service"] == "processing"


@pytest.mark.parametrize(
    ("request_text", "status", "text", "code"),
    [
        (b"GET /api/readings HTTP/1.1\r\n\r\n", 400, "Bad Request", "malformed_request"),
        (b"POST /api/readings HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "Bad Request", "malformed_request"),
        (b"GET /api/readings HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "Bad Request", "malformed_request"),
        (b"GET /api/\x00 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request", "malformed_request"),
        (b"GET /api/sites?" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "URI Too Long", "uri_too_long"),
        (b"GET /api/sites HTTP/1.1\r\nHost: x\r\nCookie: " + b"x" * 9_000 + b"\r\n\r\n", 431, "Request Header Fields Too Large", "headers_too_large"),
        (b"POST /api/readings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "Not Implemented", "unsupported_transfer_coding"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 405, "Method Not Allowed", "method_not_allowed"),
    ],
)
def test_a_malformed_request_gets_json_and_reaches_no_service(page, request_text, status, text, code):
    answer = page.raw(request_text)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer[:300]
    request_id = re.search(rb"^X-Request-Id: (\S+)\r?$", head, re.M)[1].decode()
    assert json.loads(body) == {"detail": text, "code": code, "request_id": request_id}
    assert b"Content-Type: application/json" in head
    assert (b"Allow: GET, HEAD" in head) == (status == 405)


@pytest.mark.parametrize("request_id", ['a"b', "a\\b", '\\"', "usual-1"])
def test_an_error_is_json_whatever_the_id_of_its_request(page, request_id):
    answer = page.get("/nothing", headers={"X-Request-Id": request_id})
    assert answer.headers["X-Request-Id"] == request_id
    expected = {"detail": "Not Found", "code": "not_found"}
    assert json.loads(answer.read()) == expected | ({"request_id": request_id} if request_id == "usual-1" else {})


def test_a_missing_file_is_a_page_for_browsers(page):
    answer = page.get("/nothing", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status == 404 and answer.headers["Content-Type"] == "text/html"
    assert b'href="/"' in answer.read()


def test_a_missing_file_is_404(page):
    answer = page.get("/nothing")
    assert answer.status == 404 and detail(answer) == "Not Found"
    head = page.get("/nothing", "HEAD")
    assert head.status == 404 and head.read() == b""

"""An object store over HTTP that is slow, says that it is unavailable, has lost its files, or whose responses are lost."""

import http.client
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What Amazon S3 says to too many requests.
SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

# What it says of an object that is not there.
NO_SUCH_KEY = b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"

# Of one connection alone.
CONNECTION_HEADERS = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class FaultyStore(ThreadingHTTPServer):
    """Forwards to a store."""

    daemon_threads = True

    def __init__(self, url):
        self.upstream = urllib.parse.urlsplit(url).netloc
        self.unavailable = False
        # How many requests it answers before it becomes unavailable; None: all.
        self.answers = None
        self.lacks_files = False
        # Seconds before each response.
        self.delay = 0
        # Whether the response to the first request that changes an object is lost; the object is changed.
        self.loses_responses = False
        self.lost = set()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def is_unavailable(self):
        if self.answers is not None:
            self.answers -= 1
            self.unavailable = self.unavailable or self.answers < 0
        return self.unavailable

    def is_lost(self, request):
        if not self.loses_responses or request in self.lost:
            return False
        self.lost.add(request)
        return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        time.sleep(self.server.delay)
        if self.server.is_unavailable():
            return self.refuse(503, SLOW_DOWN)
        if self.server.lacks_files and ".parquet" in self.path:
            return self.refuse(404, NO_SUCH_KEY)
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        upstream.request(self.command, self.path, body, dict(self.headers))
        response = upstream.getresponse()
        read = response.read()
        if self.command != "GET" and self.server.is_lost((self.command, self.path)):
            self.close_connection = True
            return None
        length = response.headers.get("Content-Length", len(read))
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in CONNECTION_HEADERS]
        return self.reply(response.status, headers, read, length)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward

    def refuse(self, status, body):
        return self.reply(status, [("Content-Type", "application/xml")], body, len(body))

    def reply(self, status, headers, body, length):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def log_message(self, *_):
        """Nothing is logged."""

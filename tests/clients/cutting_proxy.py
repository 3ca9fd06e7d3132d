"""A proxy that forwards every request and cuts some responses off: the client does not know what became of them."""

import socket
import socketserver
import threading
import urllib.parse

HEAD_END = b"\r\n\r\n"


class CuttingProxy(socketserver.ThreadingTCPServer):
    """Forwards to a server; of every `every` responses to a `POST` it cuts the first `cut` off before their first byte."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self, url, every, cut=1):
        parts = urllib.parse.urlsplit(url)
        self.upstream, self.every, self.cut = (parts.hostname, parts.port), every, cut
        self.requests = self.cuts = 0
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Forwarder)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def is_cut(self):
        with self.lock:
            cuts = self.requests % self.every < self.cut
            self.requests += 1
            self.cuts += cuts
            return cuts

    @property
    def port(self):
        return self.server_address[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


class Forwarder(socketserver.BaseRequestHandler):
    """The requests of one connection."""

    def handle(self):
        with socket.create_connection(self.server.upstream) as upstream:
            while request := message(self.request):
                upstream.sendall(request)
                response = message(upstream)
                if not response or (request.startswith(b"POST") and self.server.is_cut()):
                    return
                self.request.sendall(response)


def message(connection):
    """A request or a response, whose length its head says; empty at the end of the connection."""
    read = b""
    while HEAD_END not in read:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        read += chunk
    head, _, body = read.partition(HEAD_END)
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    missing = int(lengths[0]) - len(body) if lengths else 0
    while missing > 0:
        chunk = connection.recv(missing)
        if not chunk:
            return b""
        read, missing = read + chunk, missing - len(chunk)
    return read

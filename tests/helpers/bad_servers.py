"""Servers that answer badly: nothing, a byte at a time, errors, or well to one question only."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread

BYTE_SECONDS = 0.2
"""Between one byte and the next: far more than patience allows for an answer, in tests."""

HEALTHY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK"
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
STRANGE = b"220 smtp.example.org ready\r\n"
NO_JSON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"

Answer = Callable[[socket.socket], None]


@dataclass
class BadServer:
    """Where it listens, and the first line of each request that it got."""

    uri: str
    asked: list[str] = field(default_factory=list)


def says(content: bytes) -> Answer:
    return lambda client: client.sendall(content)


def trickles(client: socket.socket) -> None:
    for byte in HEALTHY * 100:
        client.sendall(bytes([byte]))
        time.sleep(BYTE_SECONDS)


def hangs(client: socket.socket) -> None:
    time.sleep(60)


@contextmanager
def bad_server(answer: Answer, healthy: bool) -> Iterator[BadServer]:
    """A server that answers so; one that is ``healthy`` answers well when asked for just that."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = BadServer(f"http://127.0.0.1:{listening.getsockname()[1]}")

        def serve(client: socket.socket) -> None:
            with client, suppress(OSError):
                line = client.recv(65536).partition(b"\r\n")[0].decode()
                server.asked.append(line)
                (says(HEALTHY) if healthy and "/health" in line else answer)(client)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    Thread(target=serve, args=[client], daemon=True).start()

        accepting = Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            # Or else it waits on, and takes what is meant for the next server.
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()

"""One connection over HTTP that any thread can cut.

This module loads requests, which takes a while: import it when there is something to ask, not before.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

_HERE = ("localhost", "127.0.0.1", "::1")
"""Names of this machine, to which no proxy leads."""


class Line:
    """A session with one connection, which any thread can cut.

    Args:
        verify: Whether to check the server's certificate; or the file with the authorities to check it by.
        use_proxies: Whether to go through the proxies that the environment names.
    """

    def __init__(self, verify: bool | str, use_proxies: bool = False) -> None:
        self.session = requests.Session()
        # Passwords of ~/.netrc have no place between jobmon and its server, and proxies for the outside
        # world only where the server may be there.
        self.session.trust_env = False
        self.session.verify = verify
        adapter = _watched_adapter(self._watch)
        self.session.mount("http://", adapter)
        self.session.mount("https://", adapter)
        self._use_proxies = use_proxies
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._is_cut = False

    def proxies(self, url: str) -> dict[str, str]:
        """What `requests` wants to know of the proxies on the way to that address."""
        if not self._use_proxies or urlsplit(url).hostname in _HERE:
            return {}
        return dict(get_environ_proxies(url))

    def cut(self) -> None:
        """End the connection; whoever reads from it or writes to it fails at once."""
        with self._lock:
            self._is_cut = True
            handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)
            handle.close()
        self.session.close()

    def _watch(self, connected: socket.socket) -> None:
        # TLS takes the socket over; a duplicate still reaches the connection.
        handle = connected.dup()
        with self._lock:
            previous, self._handle = self._handle, handle
            is_cut = self._is_cut
        if previous is not None:
            previous.close()
        if is_cut:
            self.cut()


def _watched_adapter(watch: Callable[[socket.socket], None]) -> HTTPAdapter:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            watch(connected)
            return connected

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            watch(connected)
            return connected

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    pools = {"http": PlainPool, "https": EncryptedPool}

    class Adapter(HTTPAdapter):
        def proxy_manager_for(self, proxy: str, **settings: Any) -> Any:
            manager = super().proxy_manager_for(proxy, **settings)
            manager.pool_classes_by_scheme = pools
            return manager

    adapter = Adapter(pool_connections=1, pool_maxsize=1, max_retries=0)
    adapter.poolmanager.pool_classes_by_scheme = pools
    return adapter

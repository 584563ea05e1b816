"""What went wrong with a question over HTTP, in words; see `http`, which must be imported as late."""

from __future__ import annotations

import json
import re
import ssl
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from jobmon_tui.errors import SourceError

MOST_COMPLAINT = 16 * 1024
"""Bytes of a refusal that are read for the reason."""
CREDENTIALS = "check the token, or the user and password, and the file that they are read from"


class ServerError(SourceError):
    """The server as a whole cannot be used; other questions would fail alike."""


class TooSlowError(SourceError):
    """An answer did not arrive within its time."""


class RefusedError(SourceError):
    """The server answered, but not with what was asked for.

    Args:
        status: HTTP's number for it.
        message: See `JobmonError`.
        hint: See `JobmonError`.
    """

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status


def too_slow(title: str, seconds: float) -> TooSlowError:
    """The error when the time is up."""
    return TooSlowError(
        f"{title} did not answer within {seconds:.3g} s", "it is slow or hangs: see its own logs"
    )


def refusal(title: str, response: requests.Response, secret: str) -> SourceError:
    """The error for an answer that is none of the wanted ones; reads what the server says of it.

    Args:
        title: The server in a user's words.
        response: Nothing of its body was read yet.
        secret: What must not be repeated, even where the server does.
    """
    status = f"{response.status_code} {response.reason or ''}".strip()[:100]
    if response.status_code in (401, 403):
        return ServerError(f"{title} refuses access ({status})", CREDENTIALS)
    if response.status_code == 407:
        return ServerError(
            f"a proxy in front of {title} wants a password ({status})", "see http_proxy and no_proxy"
        )
    if 300 <= response.status_code < 400 and "Location" in response.headers:
        where = without_credentials(response.headers["Location"])[:200]
        return ServerError(f"{title} points elsewhere: {where}", "set its address to that one")
    complaint = b""
    for piece in response.raw.stream(1024, decode_content=False):
        complaint += piece
        if len(complaint) >= MOST_COMPLAINT:
            break
    reason = _reason(complaint[:MOST_COMPLAINT])
    if secret:
        reason = reason.replace(secret, "***")
    later = response.headers.get("Retry-After", "")
    hint = f"it asks to be left alone for {int(later)} s" if re.fullmatch("[0-9]{1,6}", later) else ""
    said = f": {reason}" if reason else ""
    return RefusedError(response.status_code, f"{title} answers {status}{said}", hint)


def explained(title: str, address: str, error: BaseException, seconds: float) -> SourceError:
    """The error to raise for whatever ended a question."""
    if isinstance(error, SourceError):
        return error
    if isinstance(error, requests.exceptions.SSLError):
        return ServerError(
            f"no safe connection to {title}: {_root(error)}", "check its certificate and ca_file"
        )
    if isinstance(error, requests.exceptions.Timeout):
        return too_slow(title, seconds)
    if isinstance(error, ReadTimeoutError):
        return TooSlowError(f"{title} fell silent in the middle of its answer", "it is slow or hangs")
    if isinstance(error, (requests.exceptions.InvalidHeader, UnicodeEncodeError)):
        # Its own words would quote the token.
        return ServerError(
            f"the credentials for {title} cannot be sent: they hold odd characters", CREDENTIALS
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return ServerError(
            f"{title} cannot be reached through the proxy: {_root(error)}", "see http_proxy and no_proxy"
        )
    if isinstance(error, (requests.exceptions.ConnectionError, requests.exceptions.InvalidURL)):
        return ServerError(f"{title} cannot be reached: {_root(error)}", f"check {address}")
    if isinstance(error, (requests.exceptions.RequestException, HTTPError, OSError)):
        return SourceError(f"the answer of {title} broke off: {_root(error)}")
    return SourceError(f"{title} answers nonsense: {type(error).__name__}")


def without_credentials(url: str) -> str:
    """An address without the user and password that somebody may have put into it."""
    try:
        parts = urlsplit(url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return "an address that is none"


def _root(error: BaseException) -> str:
    """What is at the bottom of an exception that wraps others, in one short line."""
    seen = 0
    while seen < 10:
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = error.__cause__ or error.__context__
        if inner is None:
            break
        error, seen = inner, seen + 1
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.rstrip(".")
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(words).split())[:200]


def _reason(said: bytes) -> str:
    """What the server says went wrong: the ``error`` of its JSON, else the first line of its text."""
    try:
        document = json.loads(said)
    except (ValueError, RecursionError):
        lines = said.decode("utf-8", "replace").split("\n")
        return "" if lines[0].lstrip().startswith("<") else lines[0].strip()[:300]
    error = document.get("error") if isinstance(document, dict) else None
    return " ".join(str(error).split())[:300] if error else ""

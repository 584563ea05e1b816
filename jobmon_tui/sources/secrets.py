"""Reading a password or token from a file or the environment: never from a command line, never shown."""

from __future__ import annotations

import base64
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from jobmon_tui.errors import SourceError

MOST_BYTES = 64 * 1024
"""More than any token: a larger file is something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPlace:
    """Where a secret is kept. It knows the place only, so it may be shown and logged."""

    file: Path | None = None
    """A file with nothing else in it; white space around the secret does not count."""
    variable: str = ""
    """An environment variable; what the file says comes first."""

    def __bool__(self) -> bool:
        return self.file is not None or bool(self.variable)

    def read(self, what: str) -> str | None:
        """Read the secret anew, so that a renewed one is taken up.

        Args:
            what: What it is, for messages: ``InfluxDB token``.

        Returns:
            The secret; ``None`` where no place is set, or only a variable that is not set.

        Raises:
            SourceError: The file cannot be read, or what it holds is no single line of text.
        """
        if self.file is not None:
            return _checked(_read_file(self.file, what), what, str(self.file))
        value = os.environ.get(self.variable, "") if self.variable else ""
        return _checked(value, what, self.variable) if value.strip() else None


def authorization(title: str, *, token: SecretPlace, user: str, password: SecretPlace) -> str | None:
    """The HTTP header of that name; ``None`` where no secret is set.

    Args:
        title: Whom the secrets are for, for messages: ``Prometheus``.
        token: Comes before user and password.
        user: For basic authentication, together with a password.
        password: The user's.

    Raises:
        SourceError: A secret cannot be read.
    """
    bearer = token.read(f"{title} token")
    if bearer is not None:
        return f"Bearer {bearer}"
    secret = password.read(f"{title} password") if user else None
    if secret is None:
        return None
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def _read_file(path: Path, what: str) -> str:
    try:
        # Not to wait for ever on a pipe that nobody writes to.
        number = os.open(path.expanduser(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(number, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SourceError(f"{what}: {path} is no ordinary file")
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceError(
            f"{what}: {path} cannot be read: {error.strerror or error}",
            "put it into a file that only you can read",
        ) from None
    if len(content) > MOST_BYTES:
        raise SourceError(f"{what}: {path} is larger than {MOST_BYTES // 1024} KiB, so it is something else")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise SourceError(f"{what}: {path} holds no text") from None


def _checked(value: str, what: str, place: str) -> str:
    secret = value.strip()
    if not secret:
        raise SourceError(f"{what}: {place} is empty")
    # It becomes part of a header: a line break in it could forge another one.
    if not secret.isprintable():
        raise SourceError(f"{what}: {place} holds more than one line of plain text")
    return secret

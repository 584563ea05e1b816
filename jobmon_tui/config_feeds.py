"""The sections about where snapshots come from and who may fetch them; see `config_sections`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from jobmon_tui.config_rules import Between, Example, Listen, Url

Way = Literal["spool", "url", "live"]


@dataclass(frozen=True, kw_only=True)
class FeedSettings:
    """Where snapshots come from: what a collector records, what a server offers, or Slurm itself.

    Where several are set, the first that answers with something fresh is shown, and jobmon returns to a
    better one when it is back.
    """

    spool: Annotated[Path | None, Example("/var/spool/jobmon")] = None
    """The folder that a collector writes into, on this machine or on a shared file system."""
    url: Annotated[str | None, Url(), Example("https://jobs.example.org/jobmon")] = None
    """What stands before /data.py where `jobmon serve` or an older installation offers snapshots."""
    prefer: Annotated[tuple[Way, ...], Example(["url", "spool"])] = ("spool", "url", "live")
    """In which order they are tried; live asks Slurm. What is left out is not used."""
    stale_after: Annotated[float, Between(10, 86_400)] = 180.0
    """Seconds; a spool or server whose newest snapshot is older counts as failed."""
    timeout: Annotated[float, Between(0.1, 3600)] = 20.0
    """Seconds within which the server must have answered."""
    token_file: Annotated[Path | None, Example("/etc/jobmon/feed.token")] = None
    """A file that holds nothing but the bearer token that the server wants."""
    token_variable: str = "JOBMON_FEED_TOKEN"
    """The environment variable that holds the token where no file is named."""
    user: Annotated[str | None, Example("jobmon")] = None
    """Who asks, where there are passwords in place of tokens."""
    password_file: Annotated[Path | None, Example("/etc/jobmon/feed.password")] = None
    """A file that holds nothing but the user's password."""
    password_variable: str = "JOBMON_FEED_PASSWORD"
    """The environment variable that holds the password where no file is named."""
    ca_file: Annotated[Path | None, Example("/etc/ssl/our-ca.pem")] = None
    """The certificates to trust in place of the usual ones."""


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """What `jobmon serve` does. It offers the spool of the section above to everyone who can reach it."""

    listen: Annotated[str, Listen()] = "127.0.0.1:8150"
    """Where it listens, as address:port. Beyond this machine, put a web server with TLS in front of it."""
    connections: Annotated[int, Between(4, 10_000)] = 256
    """How many may be open at once; when more come, those that have been idle longest are closed."""

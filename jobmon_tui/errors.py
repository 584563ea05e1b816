"""The errors that reach a user: a sentence on what failed and, where there is one, what to do about it."""

from __future__ import annotations


class JobmonError(Exception):
    """Something failed in a way that the user can be told in words.

    Args:
        message: What failed, in one line, naming the thing (a file, a command, an option).
        hint: What the user can do about it, in one line; empty where nothing can be said.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class UsageError(JobmonError):
    """The command line or an option asks for something that does not exist or makes no sense."""


class SourceError(JobmonError):
    """An outside system did not answer, refused, or answered nonsense."""


class PluginError(JobmonError):
    """A site's backend could not be loaded or failed while it was used."""


class SnapshotError(JobmonError):
    """A recorded snapshot cannot be read: names the file, the path inside it and what was expected."""

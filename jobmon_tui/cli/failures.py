"""What a user sees when something fails, and where the rest of it is written."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jobmon_tui.errors import JobmonError, UsageError
from jobmon_tui.model.text import printable

if TYPE_CHECKING:
    import logging

FAILED = 1
ASKED_WRONGLY = 2
OWN_FAULT = 70
INTERRUPTED = 130
PIPE_CLOSED = 141
"""What a shell shows for a program that its reader left."""

LOG_FILE = "jobmon.log"
_LARGEST_LOG = 1_000_000
_OUTPUT_FAILS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a write to standard output fails with; an error of any other file names that file."""


def report_failure(error: BaseException) -> int:
    """Tell the user what ended the command.

    Returns:
        The exit status that it deserves.
    """
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0 if error.code is None else FAILED
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        _abandon_output()
        return PIPE_CLOSED
    if isinstance(error, OSError) and error.filename is None and error.errno in _OUTPUT_FAILS:
        _abandon_output()
        _complain(f"cannot write the output: {error.strerror}")
        return FAILED
    if isinstance(error, JobmonError):
        _complain(error.message, error.hint)
        return ASKED_WRONGLY if _is_usage(error) else FAILED
    place = write_traceback(error)
    where = f"the full traceback is in {place}" if place else "the traceback could not be written anywhere"
    _complain(f"{type(error).__name__}: {printable(error, 300)} (a fault of jobmon's: {where})")
    return OWN_FAULT


def flush_output() -> None:
    """Write out what was printed, while a failure can still be told.

    Raises:
        OSError: The reader left, the disk is full, or the like.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def relax_encoding() -> None:
    """Print a replacement for what the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


@contextmanager
def logged_to_file() -> Iterator[None]:
    """Send jobmon's log to a file in the user's state folder, made when there is something to log."""
    import logging

    logger = logging.getLogger("jobmon_tui")
    handler, level = _file_handler(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # Nothing may reach a handler that prints: it would tear the picture apart.
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = True


def log_path() -> Path:
    """Where the log is written."""
    from jobmon_tui.paths import user_state_folder

    return user_state_folder() / LOG_FILE


def write_traceback(error: BaseException) -> str:
    """Append an exception's traceback to the log file, or to one in the temporary folder.

    Returns:
        The path of that file; empty where none could be written.
    """
    import tempfile
    import time
    import traceback

    text = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {''.join(traceback.format_exception(error))}\n"
    try:
        path = _roomy(log_path())
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        return str(path)
    except OSError:
        pass
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", prefix="jobmon-", suffix=".log", delete=False
        ) as temporary:
            temporary.write(text)
        return temporary.name
    except OSError:
        return ""


def _file_handler() -> logging.Handler:
    import logging

    class LateFile(logging.Handler):
        """Opens the log when there is something to log; where it cannot be written, only it is lost."""

        def emit(self, record: logging.LogRecord) -> None:
            try:
                with _roomy(log_path()).open("a", encoding="utf-8", errors="backslashreplace") as file:
                    file.write(self.format(record) + "\n")
            except OSError:
                pass

    handler = LateFile()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


def _roomy(path: Path) -> Path:
    """Make sure that the log's folder is there, and put a log away that has grown too large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LARGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    return path


def _complain(message: str, hint: str = "") -> None:
    try:
        print(f"jobmon: {printable(message)}", file=sys.stderr)
        if hint:
            print(f"        {printable(hint)}", file=sys.stderr)
    except (OSError, ValueError):
        # Nobody listens there; the exit status still tells.
        pass


def _is_usage(error: JobmonError) -> bool:
    from jobmon_tui.analysis.filter_terms import FilterError

    return isinstance(error, UsageError | FilterError)


def _abandon_output() -> None:
    """Keep Python from trying, and failing, once more to write the output when it ends."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass

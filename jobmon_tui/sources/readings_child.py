"""The program that takes readings of a large cluster: is told a source, then asked, for ever.

Started by `readings_process` as ``python -m jobmon_tui.sources.readings_child``. It ends when its standard
input does, that is when jobmon does, however that came about and whatever is being read.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, BinaryIO

from jobmon_tui.errors import JobmonError, SourceError
from jobmon_tui.sources.readings import ReadingsSource
from jobmon_tui.sources.readings_wire import pieces_of_answer, pieces_of_error, pieces_of_series


def serve(questions: Iterator[Any], answers: BinaryIO) -> None:
    """Make the source that comes first, then answer question after question.

    Args:
        questions: What makes the source, then the name of each method that is called, with its arguments.
        answers: Where the pieces of the answers go.
    """
    source: ReadingsSource = next(questions)()
    for name, arguments in questions:
        for piece in _pieces(source, name, arguments):
            answers.write(piece)
        answers.flush()


def _pieces(source: ReadingsSource, name: str, arguments: tuple[Any, ...]) -> Iterator[bytes]:
    try:
        if name == "load":
            return pieces_of_answer(source.load(*arguments))
        return pieces_of_series(source.series(*arguments))
    except SourceError as error:
        return pieces_of_error(error)
    except JobmonError as error:
        return pieces_of_error(SourceError(error.message, error.hint))


def _arriving(stream: BinaryIO) -> Iterator[Any]:
    """What is asked, one after the other; read by a thread, so that the end is noticed at once."""
    arrived: SimpleQueue[Any] = SimpleQueue()

    def read() -> None:
        # What comes is this program's own: only jobmon itself writes to this pipe.
        while True:
            try:
                arrived.put(pickle.load(stream))
            except Exception:
                os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    take: Callable[[], Any] = arrived.get
    while True:
        yield take()


def main() -> None:
    """Serve standard input and output; whatever anybody prints goes to standard error."""
    sys.setswitchinterval(0.05)  # Nobody is drawing here.
    # Where cores are scarce, who answers keys comes first.
    with suppress(OSError):
        os.nice(5)
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        try:
            serve(_arriving(sys.stdin.buffer), answers)
        except (BrokenPipeError, KeyboardInterrupt):
            os._exit(0)


if __name__ == "__main__":
    main()

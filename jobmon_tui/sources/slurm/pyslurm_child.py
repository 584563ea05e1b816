"""The program that holds pyslurm: reads a user name (or an empty line) and answers one reading, for ever.

Started by `pyslurm_process` as ``python -m jobmon_tui.sources.slurm.pyslurm_child``; it ends when its
standard input does, that is when jobmon does, however that came about.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO, TextIO

from jobmon_tui.errors import SourceError
from jobmon_tui.sources.slurm.pyslurm_reader import PyslurmReader
from jobmon_tui.sources.slurm.pyslurm_wire import piece_of_error, pieces_of, prepare_pickle


def serve(questions: TextIO, answers: BinaryIO, reader: PyslurmReader) -> None:
    """Answer every line of ``questions`` with the pieces of one reading."""
    prepare_pickle()
    for line in questions:
        try:
            for piece in pieces_of(reader.read(line.strip() or None)):
                answers.write(piece)
        except SourceError as error:
            answers.write(piece_of_error(error))
        answers.flush()


def main() -> None:
    """Serve standard input and output; what libslurm prints goes to standard error."""
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        try:
            serve(sys.stdin, answers, PyslurmReader())
        except (BrokenPipeError, KeyboardInterrupt):
            os._exit(0)


if __name__ == "__main__":
    main()

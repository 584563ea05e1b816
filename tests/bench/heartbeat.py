"""``python -m tests.bench.heartbeat FILE ...``: jobmon, with its UI thread under observation.

Once the first frame is out, a coroutine asks to be woken every 2 ms; how much later it is woken is how long
the thread was busy with something else. Each delay above 5 ms goes into the file, with the pictures so far.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import jobmon_tui.tui.app as app_module
from jobmon_tui.cli import main
from jobmon_tui.tui.app import JobmonApp

BEAT = 0.002


class Observed(JobmonApp):
    """jobmon, writing down when its thread was blocked."""

    CSS_PATH = str(Path(app_module.__file__).with_name("jobmon.tcss"))
    record: Path

    def on_ready(self) -> None:
        """Begin to observe."""
        self._observer = asyncio.create_task(self._observe())

    async def _observe(self) -> None:
        with self.record.open("w", buffering=1, encoding="ascii") as file:
            while True:
                asked = time.monotonic()
                await asyncio.sleep(BEAT)
                late = time.monotonic() - asked - BEAT
                if late > 0.005:
                    file.write(f"{late:.4f} {self.picture.number if self.picture else 0}\n")


if __name__ == "__main__":
    Observed.record = Path(sys.argv[1])
    app_module.JobmonApp = Observed  # type: ignore[misc]
    sys.exit(main(sys.argv[2:]))

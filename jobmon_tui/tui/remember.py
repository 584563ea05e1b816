"""What jobmon remembers between runs: theme, interval, columns, sorting. Never anything of the cluster."""

from __future__ import annotations

import json
import logging
import tempfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from jobmon_tui.paths import user_state_folder

FILE = "watch.json"

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Remembered:
    """The choices of this user that survive a restart."""

    theme: str = ""
    interval: float = 0.0
    """Seconds; 0: as the feed suggests."""
    group: str = ""
    """What the heatmap groups nodes by."""
    columns: dict[str, list[str]] = field(default_factory=dict)
    """Table to the keys of the columns that were chosen."""
    sorting: dict[str, list[Any]] = field(default_factory=dict)
    """Table to the column it is sorted by and whether that is reversed."""

    @classmethod
    def load(cls) -> Remembered:
        """Read them; a missing, broken or older file costs only what it does not hold."""
        try:
            document = json.loads(_path().read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cls()
        if not isinstance(document, dict):
            return cls()
        blank = cls()
        known = {
            one.name: document[one.name]
            for one in fields(cls)
            if isinstance(document.get(one.name), type(getattr(blank, one.name)))
        }
        return cls(**known)

    def save(self) -> None:
        """Write them whole or not at all; a home that cannot be written costs only the memory."""
        path = _path()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=path.parent, prefix=".watch-", delete=False
            ) as file:
                json.dump(asdict(self), file)
            Path(file.name).replace(path)
        except OSError as error:
            _log.info("cannot remember the choices: %s", error)


def _path() -> Path:
    return user_state_folder() / FILE

"""Finding and loading backends by name, by file and by dotted path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from jobmon_tui import paths
from jobmon_tui.backends.base import BackendBase
from jobmon_tui.backends.demo import DemoBackend
from jobmon_tui.backends.loading import available_backends, load_backend
from jobmon_tui.errors import PluginError, UsageError

PLAIN = """\
from backend_base import BackendBase


class Backend(BackendBase):
    def hostnames(self):
        return ["{name}"]
"""


@pytest.fixture(autouse=True)
def modules_as_before() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name == "backend_base" or name.startswith("jobmon_backend_file_"):
            del sys.modules[name]


def write(folder: Path, name: str, text: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"backend_{name}.py"
    file.write_text(text or PLAIN.format(name=f"{name} in {folder.name}"), encoding="utf-8")
    return file


def test_names_come_without_importing(tmp_path: Path) -> None:
    file = write(tmp_path, "mysite", "raise SystemExit('imported')")
    write(tmp_path, "base", "raise SystemExit('imported')")
    (tmp_path / "backend_.py").touch()
    (tmp_path / "other.py").touch()
    found = available_backends([tmp_path, tmp_path / "absent"])
    assert found == {
        "mysite": str(file),
        "slurm": "jobmon_tui.backends.slurm:SlurmBackend",
        "demo": "jobmon_tui.backends.demo:DemoBackend",
        "measured": "jobmon_tui.backends.measured:MeasuredBackend",
        "ozstar": "jobmon_tui.backends.ozstar:OzstarBackend",
    }


def test_named_folder_then_entry_point_then_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = paths.backend_folders()[0]
    write(users, "mine")
    write(users, "demo")
    write(tmp_path, "slurm")
    assert load_backend("mine").hostnames() == ["mine in backends"]
    assert type(load_backend("demo")) is DemoBackend
    assert load_backend("slurm", folders=[tmp_path]).hostnames() == [f"slurm in {tmp_path.name}"]
    found = available_backends([tmp_path])
    assert (found["mine"], found["slurm"]) == (
        str(users / "backend_mine.py"),
        str(tmp_path / "backend_slurm.py"),
    )
    assert found["demo"] == "jobmon_tui.backends.demo:DemoBackend"


def test_entry_points_of_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry_points(group: str) -> EntryPoints:
        return EntryPoints([EntryPoint("installed", f"{__name__}:Installed", group)])

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    assert available_backends()["installed"] == f"{__name__}:Installed"
    assert type(load_backend("installed")) is Installed


class Installed(BackendBase):
    """Stands for a class in an installed package."""

    class Nested(BackendBase):
        """Found by a dotted name."""


def test_dotted_path_and_file_path(tmp_path: Path) -> None:
    assert type(load_backend(f"{__name__}:Installed")) is Installed
    assert type(load_backend(f"{__name__}:Installed.Nested")) is Installed.Nested
    file = tmp_path / "anything.py"
    file.write_text(PLAIN.format(name="n1"), encoding="utf-8")
    backend = load_backend(str(file))
    assert backend.hostnames() == ["n1"]
    assert backend.title == "anything"


def test_title_is_the_name_unless_the_class_has_one(tmp_path: Path) -> None:
    write(tmp_path, "plain")
    write(tmp_path, "titled", PLAIN.format(name="") + "    title = 'OzSTAR'\n")
    assert load_backend("plain", folders=[tmp_path]).title == "plain"
    assert load_backend("titled", folders=[tmp_path]).title == "OzSTAR"


def test_both_ways_of_importing_the_base(tmp_path: Path) -> None:
    write(
        tmp_path,
        "module",
        "import backend_base\n\n\nclass Backend(backend_base.BackendBase):\n    pass\n",
    )
    # The old file's own base class lies beside it, and must not be taken.
    (tmp_path / "backend_base.py").write_text("class BackendBase: pass\n", encoding="utf-8")
    backend = load_backend("module", folders=[tmp_path])
    assert isinstance(backend, BackendBase)


def test_a_file_may_import_its_neighbours_but_they_hide_nothing(tmp_path: Path) -> None:
    (tmp_path / "site_names.py").write_text("HOSTS = ['n7']\n", encoding="utf-8")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')\n", encoding="utf-8")
    write(
        tmp_path,
        "neighbour",
        "import json\nfrom site_names import HOSTS\nfrom backend_base import BackendBase\n\n\n"
        "class Backend(BackendBase):\n    def hostnames(self):\n        return HOSTS\n",
    )
    assert load_backend("neighbour", folders=[tmp_path]).hostnames() == ["n7"]
    assert not (tmp_path / "__pycache__" / "backend_neighbour.cpython-311.pyc").exists()


def test_options_reach_the_constructor(tmp_path: Path) -> None:
    write(
        tmp_path,
        "sized",
        "from backend_base import BackendBase\n\n\nclass Backend(BackendBase):\n"
        "    def __init__(self, nodes=1):\n        self.count = nodes\n\n"
        "    def hostnames(self):\n        return [f'n{i}' for i in range(self.count)]\n",
    )
    assert len(load_backend("sized", folders=[tmp_path], options={"nodes": 3}).hostnames()) == 3
    with pytest.raises(UsageError, match="'sized' has no option 'jobs'"):
        load_backend("sized", folders=[tmp_path], options={"jobs": 3})


def test_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    write(tmp_path, "mysite")
    with pytest.raises(UsageError, match="no backend named 'mysit'") as raised:
        load_backend("mysit", folders=[tmp_path])
    assert raised.value.hint == "Did you mean 'mysite'? There are: demo, measured, mysite, ozstar, slurm."


def test_loading_twice_gives_two_backends(tmp_path: Path) -> None:
    file = write(tmp_path, "again")
    first = load_backend("again", folders=[tmp_path])
    file.write_text(PLAIN.format(name="changed"), encoding="utf-8")
    second = load_backend("again", folders=[tmp_path])
    assert (first.hostnames(), second.hostnames()) == ([f"again in {tmp_path.name}"], ["changed"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no.such.module:Backend", "cannot import the backend no.such.module:Backend: ModuleNotFoundError"),
        (f"{__name__}:Absent", "has no class named Absent"),
        (f"{__name__}:write", "write is not derived from BackendBase"),
        ("/no/such/file.py", "cannot read the backend /no/such/file.py: No such file or directory"),
    ],
)
def test_what_cannot_be_loaded_is_named(name: str, words: str) -> None:
    with pytest.raises(PluginError) as raised:
        load_backend(name)
    assert words in raised.value.message
    assert raised.value.hint

"""Finding a backend by name and loading it: ours, an installed package's, or a site's single file.

In the order in which they are tried:

1. a path ending in ``.py``, or ``package.module:Class``;
2. ``backend_<name>.py`` in a folder that was named on the command line;
3. an entry point of the group ``jobmon_tui.backends`` (our own backends are such entry points);
4. ``backend_<name>.py`` in the user's folder, then in the site's.

Files written for the web-based jobmon begin with ``from backend_base import BackendBase``; they get ours.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from jobmon_tui import paths
from jobmon_tui.backends.base import BackendBase
from jobmon_tui.backends.faults import HINT, PLUGIN_FAILURES, describe, place_of
from jobmon_tui.backends.finding import BUILT_IN, available_backends, backend_entry_points, backend_files
from jobmon_tui.backends.output import printed_to_log
from jobmon_tui.errors import JobmonError, PluginError, UsageError

__all__ = ["available_backends", "load_backend", "offer_backend_base"]


def load_backend(
    name: str,
    *,
    folders: Sequence[Path] = (),
    options: Mapping[str, object] | None = None,
    offered: Mapping[str, object] | None = None,
) -> BackendBase:
    """Load one backend and construct it; it is not started yet (`BackendBase.init`).

    Args:
        name: Its name, ``package.module:Class``, or the path of a file.
        folders: Folders named on the command line, which are searched first.
        options: Keyword arguments for its constructor.
        offered: More of them, of which it gets those that its constructor names as keyword-only: a site's own
            backend takes the sections of the configuration that it asks for, and no others.

    Raises:
        UsageError: There is no such backend, or it does not know such an option.
        PluginError: It cannot be loaded; names the file, the line and the method.
    """
    with printed_to_log():
        if name.endswith(".py"):
            cls = _class_in_file(Path(name))
        elif ":" in name:
            cls = _class_at(name)
        else:
            cls = _class_called(name, folders)
        backend = _construct(cls, name, {**_asked_for(cls, offered or {}), **(options or {})})
    if not (isinstance(backend.title, str) and backend.title):
        backend.title = Path(name).stem.removeprefix("backend_") if name.endswith(".py") else name
    return backend


def _class_called(name: str, folders: Sequence[Path]) -> type[BackendBase]:
    for found, path in backend_files(folders):
        if found == name:
            return _class_in_file(path)
    if name in BUILT_IN:
        return _class_at(BUILT_IN[name])
    for found, target in backend_entry_points():
        if found == name:
            return _class_at(target)
    for found, path in backend_files(paths.backend_folders()):
        if found == name:
            return _class_in_file(path)
    raise _unknown(name, available_backends(folders))


def _unknown(name: str, available: Iterable[str]) -> UsageError:
    names = sorted(available)
    close = difflib.get_close_matches(name, names, n=1)
    meant = f"Did you mean {close[0]!r}? " if close else ""
    return UsageError(f"there is no backend named {name!r}", f"{meant}There are: {', '.join(names)}.")


def _class_at(target: str) -> type[BackendBase]:
    """The class at ``package.module:Class``."""
    module_name, _, class_name = target.partition(":")
    module = _imported(partial(importlib.import_module, module_name), target, ())
    return _backend_class(module, class_name or "Backend", module_name)


def _class_in_file(path: Path) -> type[BackendBase]:
    """The class ``Backend`` in a file."""
    offer_backend_base()
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        # The file may import its neighbours; last, so that they hide nothing that is installed.
        sys.path.append(folder)
    module = _imported(partial(_execute, path), str(path), (str(path),))
    return _backend_class(module, "Backend", str(path))


def _execute(path: Path) -> ModuleType:
    name = f"jobmon_backend_file_{path.stem}"
    module = ModuleType(name)
    module.__file__ = str(path)
    # Registered first: dataclasses and pickle look their module up there while it runs.
    sys.modules[name] = module
    # Compiled here rather than by the import system, which would leave __pycache__ in the site's folder.
    source = SourceFileLoader(name, str(path)).get_data(str(path))
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def offer_backend_base() -> None:
    """Let ``from backend_base import BackendBase`` find our class."""
    module = ModuleType("backend_base", "jobmon's BackendBase, under the name that older files import.")
    module.BackendBase = BackendBase  # type: ignore[attr-defined]
    sys.modules["backend_base"] = module


def _imported(load: Callable[[], ModuleType], origin: str, files: tuple[str, ...]) -> ModuleType:
    try:
        return load()
    except JobmonError:
        raise
    except OSError as error:
        if error.filename is not None and str(error.filename) in files:
            raise PluginError(f"cannot read the backend {origin}: {error.strerror}", HINT) from error
        raise _broken(error, files, origin) from error
    except PLUGIN_FAILURES as error:
        raise _broken(error, files, origin) from error


def _broken(error: BaseException, files: tuple[str, ...], origin: str) -> PluginError:
    if files or isinstance(error, SyntaxError):
        return PluginError(f"{place_of(error, files)}: {describe(error)}", HINT)
    return PluginError(f"cannot import the backend {origin}: {describe(error)}", HINT)


def _backend_class(module: ModuleType, class_name: str, origin: str) -> type[BackendBase]:
    found: Any = module
    for part in class_name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise PluginError(
            f"{origin}: has no class named {class_name}",
            f"Define one: class {class_name}(BackendBase).",
        )
    if not (isinstance(found, type) and issubclass(found, BackendBase)):
        raise PluginError(
            f"{origin}: {class_name} is not derived from BackendBase",
            "Begin the file with: from backend_base import BackendBase.",
        )
    return found


def _asked_for(cls: type[BackendBase], offered: Mapping[str, object]) -> dict[str, object]:
    import inspect

    if not offered:
        return {}
    parameters = inspect.signature(cls).parameters
    named = {name for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}
    return {name: value for name, value in offered.items() if name in named}


def _construct(cls: type[BackendBase], name: str, options: Mapping[str, object]) -> BackendBase:
    if options:
        _check_options(cls, name, options)
    file = getattr(sys.modules.get(cls.__module__), "__file__", None) or cls.__module__
    try:
        return cls(**options)
    except JobmonError:
        raise
    except PLUGIN_FAILURES as error:
        raise PluginError(f"{place_of(error, (file,), cls.__init__)}: {describe(error)}", HINT) from error


def _check_options(cls: type[BackendBase], name: str, options: Mapping[str, object]) -> None:
    import inspect

    known = inspect.signature(cls).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return
    for option in options:
        if option not in known:
            raise UsageError(f"the backend {name!r} has no option {option!r}")

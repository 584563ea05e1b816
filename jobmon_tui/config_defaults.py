"""The documentation of the configuration as a configuration file: every key, what it means, its default.

The text is taken from the very classes that hold the values, so it cannot tell of keys that do not exist.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping

from jobmon_tui.config_sections import Settings
from jobmon_tui.config_text import key_text, value_text
from jobmon_tui.config_values import Key, keys_of
from jobmon_tui.errors import JobmonError

_WIDTH = 100

_INTRODUCTION = """\
The configuration of jobmon. A line with a single # right before a key shows the key with its default, or \
with an example where it has none: take the # away to set it.

Looked for, key by key, from the highest rank: options on the command line; the file named by --config or \
else by the variable JOBMON_CONFIG; the user's own, ~/.config/jobmon/config.toml; the site's, \
/etc/jobmon/config.toml. A list or a table of names is replaced as a whole. An empty text ("") unsets a key \
that has no default. Relative paths begin at the folder of the file they stand in.

No secret belongs here: what is secret stands alone in a file of its own, which nobody else may read."""

_CLUSTERS = """\
Further clusters, each with the same sections: [clusters.NAME.slurm], [clusters.NAME.ganglia], ... They are \
shown by `jobmon -M NAME`. What a cluster does not set is as above, but for where snapshots are kept: \
feed.spool, feed.url and collect.spool are those of one cluster alone."""


def default_config() -> str:
    """A configuration file that sets nothing and documents everything.

    Raises:
        JobmonError: jobmon was installed without its source, where the documentation stands.
    """
    lines = [*_comment(_INTRODUCTION), *_section(Settings, ()), "", *_comment(_CLUSTERS)]
    return "\n".join(lines) + "\n"


def _section(section: type, path: tuple[str, ...]) -> Iterator[str]:
    documentation = _documentation(section)
    keys = keys_of(section)
    if path:
        yield from ("", "", *_comment(documentation[""]), f"[{key_text(path)}]")
    for name, key in keys.items():
        if key.section is None:
            yield from ("", *_comment(documentation[name]), *_value(name, key))
    for name, key in keys.items():
        if key.section is not None:
            yield from _section(key.section, (*path, name))


def _value(name: str, key: Key) -> Iterator[str]:
    has_default = key.default is not None and (key.example is None or bool(key.default))
    if has_default:
        yield f"#{key_text((name,))} = {value_text(key.default)}"
        return
    yield f"# Example ({'not set' if key.default is None else 'empty'} by default):"
    yield f"#{key_text((name,))} = {value_text(key.example)}"


def _comment(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        if paragraph is not text and not text.startswith(paragraph):
            yield "#"
        for line in textwrap.wrap(" ".join(paragraph.split()), _WIDTH - 2):
            yield f"# {line}"


def _documentation(section: type) -> Mapping[str, str]:
    """The text under each field of a class by its name, and under the empty name that of the class."""
    try:
        module = ast.parse(textwrap.dedent(inspect.getsource(section)))
    except OSError:
        raise JobmonError("jobmon was installed without its source, and the documentation with it") from None
    body = module.body[0]
    assert isinstance(body, ast.ClassDef)
    texts = {"": ast.get_docstring(body) or ""}
    for before, statement in zip(body.body, body.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name):
            text = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                texts[before.target.id] = text.value.replace("``", "`")
    return texts

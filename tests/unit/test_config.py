"""The configuration: which file wins, what is refused and in which words, and what may lie at its path."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.warnings import Thresholds
from jobmon_tui.config import Config, ConfigError, Settings, load_config
from jobmon_tui.config_defaults import default_config
from jobmon_tui.config_file import LARGEST
from jobmon_tui.config_measuring import Threads
from jobmon_tui.config_rules import split_address
from jobmon_tui.config_text import key_text, value_text
from jobmon_tui.config_values import keys_of


class Files:
    """A site's, a user's and a named file, to be written."""

    def __init__(self, folder: Path) -> None:
        self.site, self.user = folder / "etc", folder / "home"
        self.named = folder / "named.toml"
        for one in (self.site, self.user):
            one.mkdir()

    def write(self, *, site: str | None = None, user: str | None = None, named: str | None = None) -> None:
        for path, text in ((self.site, site), (self.user, user)):
            if text is not None:
                (path / "config.toml").write_text(text, encoding="utf-8")
        if named is not None:
            self.named.write_text(named, encoding="utf-8")

    def load(self, override: Path | None = None, **environment: str) -> Config:
        return load_config(environment, self.user, self.site, override)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def loaded(files: Files, text: str) -> Config:
    files.write(user=text)
    return files.load()


def refused(files: Files, text: str) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        loaded(files, text)
    message = caught.value.message
    assert "\n" not in message
    return message.removeprefix(f"{files.user / 'config.toml'}"), caught.value.hint


# -- which file wins ---------------------------------------------------------------------------------------


def test_without_files_everything_has_its_default(files: Files) -> None:
    config = files.load()
    assert config == Config(sources=config.sources)
    assert [(file.level, file.is_there) for file in config.sources.files] == [
        ("site", False),
        ("user", False),
    ]
    assert config.sources.values == {}


def test_the_higher_file_wins_key_by_key(files: Files) -> None:
    files.write(
        site="[watch]\ninterval = 60\ntheme = 'site'\nview = 'queue'\nfilter = 'gpu>0'\n",
        user="[watch]\n\ninterval = 30\ntheme = 'user'\nfilter = ''\n",
        named="[watch]\ninterval = 20\n",
    )
    config = files.load(JOBMON_CONFIG=str(files.named))
    watch = config.watch
    assert (watch.interval, watch.theme, watch.view, watch.filter) == (20, "user", "queue", "")
    places = {key: (one.place.level, one.place.line) for key, one in config.sources.values.items()}
    assert places == {
        "watch.interval": ("named", 2),
        "watch.theme": ("user", 4),
        "watch.view": ("site", 4),
        "watch.filter": ("user", 5),
    }
    assert str(config.sources.values["watch.interval"].place) == f"{files.named}, line 2"
    assert files.load().watch.interval == 30


def test_a_flag_takes_the_place_of_the_variable(files: Files, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[watch]\nview = 'jobs'\n", encoding="utf-8")
    files.write(named="[watch]\ninterval = 20\n")
    watch = files.load(other, JOBMON_CONFIG=str(files.named)).watch
    assert (watch.view, watch.interval) == ("jobs", None)


def test_lists_and_tables_of_names_are_replaced_as_a_whole(files: Files) -> None:
    files.write(
        site="[ganglia]\naddresses = ['a:1', 'b:1']\nmetrics = { x = 'load', y = 'power' }\ntimeout = 3\n",
        user="[ganglia]\naddresses = ['c:1']\n[ganglia.metrics]\nz = 'load'\n",
    )
    ganglia = files.load().ganglia
    assert (ganglia.addresses, dict(ganglia.metrics), ganglia.timeout) == (("c:1",), {"z": "load"}, 3)


@pytest.mark.parametrize(
    ("user", "options"),
    [
        ("[watch]\ninterval = 5", {"a": 1}),
        ("[backend]\nname = 'mine'", {}),
        ("[backend]\nname = 'mine'\noptions = { b = 2 }", {"b": 2}),
        ("[backend]\nname = 'theirs'", {"a": 1}),
        ("[backend]\noptions = { b = 2 }", {"b": 2}),
    ],
)
def test_options_stay_with_the_backend_they_are_for(user: str, options: dict[str, int], files: Files) -> None:
    files.write(site="[backend]\nname = 'theirs'\noptions = { a = 1 }\n", user=user)
    assert dict(files.load().backend.options) == options


def test_an_empty_text_unsets(files: Files) -> None:
    files.write(site="[influxdb]\nurl = 'http://a'\ntoken_file = '/t'\n", user="[influxdb]\nurl = ''\n")
    influxdb = files.load().influxdb
    assert (influxdb.url, influxdb.token_file) == (None, Path("/t"))


def test_clusters_begin_as_the_top_is(files: Files) -> None:
    config = loaded(
        files,
        "[slurm]\ntimeout = 5\n[backend]\nname = 'top'\noptions.a = 1\n"
        "[clusters.north.watch]\ninterval = 7\n"
        "[clusters.'my site'.backend]\nname = 'other'\n[clusters.empty]\n",
    )
    assert set(config.clusters) == {"north", "my site", "empty"}
    north, site = config.clusters["north"], config.clusters["my site"]
    assert (north.watch.interval, north.slurm.timeout, dict(north.backend.options)) == (7, 5, {"a": 1})
    assert (site.watch.interval, site.backend.name, dict(site.backend.options)) == (None, "other", {})
    assert config.clusters["empty"].slurm == config.slurm
    assert config.watch.interval is None
    assert config.sources.values['clusters."my site".backend.name'].place.line == 9
    assert "clusters.empty" not in config.sources.values


def test_the_settings_of_a_cluster_hold_in_place_of_those_at_the_top(files: Files) -> None:
    config = loaded(
        files,
        "[slurm]\ntimeout = 5\nconf = '/top.conf'\n[watch]\ntheme = 'a'\ninterval = 3\n"
        "[backend]\nname = 'top'\noptions.a = 1\n"
        "[clusters.north.watch]\ninterval = 7\n[clusters.north.slurm]\nconf = 'north.conf'\n"
        "[clusters.'my site'.backend]\nname = 'other'\n",
    )
    north = config.of_cluster("north")
    assert (config.cluster, north.cluster) == (None, "north")
    assert (north.watch.interval, north.watch.theme, north.slurm.timeout) == (7, "a", 5)
    assert north.slurm.conf is not None
    assert north.slurm.conf.name == "north.conf"
    assert north.slurm.conf.is_absolute()
    # A complaint about a key names the line that set it.
    assert north.sources.values["watch.interval"].place.line == 11
    assert north.sources.values["watch.theme"].place.line == 5
    assert north.clusters == config.clusters
    site = config.of_cluster("my site")
    assert site.backend.name == "other"
    assert "backend.options" not in site.sources.values
    assert "backend.options" in north.sources.values
    with pytest.raises(KeyError):
        config.of_cluster("south")


def test_paths_begin_at_their_file_or_home(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    config = loaded(
        files,
        "[backend]\npath = ['backends', '~/b', '/opt/b']\n[prometheus]\ntoken_file = '~/token'\n",
    )
    assert config.backend.path == (files.user / "backends", Path("/home/ada/b"), Path("/opt/b"))
    assert config.prometheus.token_file == Path("/home/ada/token")


def test_a_value_of_each_kind(files: Files) -> None:
    config = loaded(
        files,
        "[slurm]\nprefer = 'commands'\n[watch]\ninterval = 2\n[watch.columns]\njobs = ['id', 'user']\n"
        "[nodes.threaded]\n'milan*' = { cores = 64, threads = 2 }\n",
    )
    assert config.slurm.prefer == "commands"
    assert type(config.watch.interval) is float
    assert config.watch.columns.jobs == ("id", "user")
    assert config.nodes.threaded == {"milan*": Threads(cores=64, threads=2)}


# -- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[watch]\nintervall = 5", ", line 2: [watch] has no key intervall", "Did you mean interval?"),
        ("\n[wacth]\ninterval = 5", ", line 2: there is no section [wacth]", "Did you mean watch?"),
        ("interval = 5", ", line 1: interval stands in no section", "It belongs in [watch] or [influxdb]."),
        (
            "[watch]\ntimeout = 5",
            ", line 2: [watch] has no key timeout",
            "It belongs in [feed] or [slurm] or",
        ),
        ("[watch]\nxyz = 5", ", line 2: [watch] has no key xyz", "There are: interval, theme, view,"),
        ("[influxdb]\npassword = 'x'", ": [influxdb] has no key password", "Did you mean password_file?"),
        ("[watch]\n'a b' = 5", ', line 2: [watch] has no key "a b"', "There are"),
        ("[watch]\ninterval = '5'", "watch.interval must be a number, not text in quotes", "interval = 10"),
        ("[watch]\ninterval = true", "watch.interval must be a number, not true or false", "interval = 10"),
        ("[watch]\ninterval = nan", "watch.interval must be from 0.5 to 86400", "interval = 10"),
        ("[watch]\ninterval = inf", "watch.interval must be from 0.5 to 86400", ""),
        ("[watch]\ninterval = 1" + "0" * 400, "watch.interval must be a number", ""),
        ("[watch]\ninterval = 2020-01-01", "must be a number, not a date or time", ""),
        ("[watch]\ntheme = 5", "watch.theme must be text in quotes, not a whole number", 'theme = "'),
        ("watch = 5", ", line 1: watch must be a table", "[watch]"),
        ("[ganglia]\naddresses = 'a'", "must be a list, not text in quotes", "addresses = ["),
        (
            "[ganglia]\naddresses = ['a',\n''\n]",
            ", line 2: ganglia.addresses must not be empty (element 2)",
            "",
        ),
        ("[ganglia]\naddresses = ['a', 5]", "must be text in quotes, not a whole number (element 2)", ""),
        ("[ganglia]\naddresses = ['a:1', 'b']", "must be written as host:port (element 2)", "example"),
        ("[ganglia]\nmetrics = 5", "must be a table, not a whole number", ""),
        ("[ganglia.metrics]\na = 'x'\nb = 5", ", line 3: ganglia.metrics.b must be text in quotes", ""),
        ("[slurm]\nprefer = 'rest'", "slurm.prefer must be one of 'auto', 'commands', 'pyslurm'", "auto"),
        ("[slurm]\nprefer = ['auto']", "slurm.prefer must be one of", "auto"),
        ("[slurm]\ntimeout = -1", "slurm.timeout must be from 1 to 3600", "timeout = 30"),
        ("[influxdb]\nurl = 'ftp://a'", "must begin with http:// or https://", 'url = "http://'),
        ("[influxdb]\nurl = 'http://'", "must begin with http:// or https:// and a host name", ""),
        ("[influxdb]\nurl = 'http://a:b'", "influxdb.url is no address of a web service", ""),
        ("[influxdb]\nurl = 'http://a/ b'", "must not hold blanks or control characters", ""),
        ('[influxdb]\ntoken_file = "a\\u0000"', "must be a path, which has no NUL", ""),
        ("[backend]\npath = ['~nobody_is_called_so/x']", "whose home that is nobody knows", ""),
        ("[nodes.threaded]\na = {cores=2}", ": nodes.threaded.a must hold cores and threads", "cores = 64"),
        ("[nodes.threaded]\na = {cores=2,threads=2,x=1}", "must hold cores and threads, nothing else", ""),
        ("[nodes.threaded]\na = {cores=0,threads=2}", "nodes.threaded.a.cores must be from 1", ""),
        ("[nodes.threaded]\na = {cores=2.0,threads=2}", "cores must be a whole number, not a number", ""),
        ("clusters = 5", ", line 1: clusters must hold a table for each cluster", ""),
        ("[clusters]\na = 5", ", line 2: clusters.a must be a table: [clusters.a]", ""),
        ("[clusters.a]\nwatch.x = 5", ", line 2: [clusters.a.watch] has no key x", "There are"),
        ("[clusters.a.wacth]\n", ", line 1: there is no section [clusters.a.wacth]", "Did you mean watch?"),
        ("[watch]\n\ninterval == 5", ", line 3: invalid value", "jobmon config --defaults"),
        ("[watch\n", ", line 1: expected", ""),
        ("a = 1\na = 2", ", line 2: cannot overwrite a value", ""),
        ("a = '''", ", line 1: expected", ""),
        ("a = " + "[" * 5000, ": brackets within brackets", ""),
        ("a = " + "9" * 5000, ": exceeds the limit", ""),
        ("x = 1\n" + "a." * 30_000 + "a = 1", ", line 2: a key of 30001 parts", ""),
    ],
)
def test_refused_with_line_and_suggestion(text: str, message: str, hint: str, files: Files) -> None:
    said, suggested = refused(files, text)
    assert message in said
    assert hint in suggested


@pytest.mark.parametrize(
    "text",
    [
        "[influxdb]\npassword = 'hunter2'",
        "[influxdb]\ntoken_file = ['hunter2']",
        "[influxdb]\nurl = 'http://ada:hunter2@a/'",
        "[influxdb]\nurl = 'hunter2'",
        "[influxdb]\nurl = 'http://[hunter2'",
        "[influxdb]\nurl = 'http://ada:hunter2@a:b/'",
        "[influxdb]\nurl = 'http://a:hunter2'",
        "token = 'hunter2'",
        "[slurm]\nprefer = 'hunter2'",
        "[prometheus]\ntoken_file = 'hunter2",
    ],
)
def test_no_message_repeats_a_value(text: str, files: Files) -> None:
    assert "hunter2" not in " ".join(refused(files, text))


def test_everything_wrong_in_all_files_is_told(files: Files) -> None:
    files.write(site="x = 1\n", user="[watch]\na = 1\ninterval = 5\nb = 1\n", named="[")
    with pytest.raises(ConfigError) as caught:
        files.load(files.named)
    said = [caught.value.message, *(other.message for other in caught.value.others)]
    assert [message.partition(":")[0] for message in said] == [
        f"{files.site / 'config.toml'}, line 1",
        f"{files.user / 'config.toml'}, line 2",
        f"{files.user / 'config.toml'}, line 4",
        f"{files.named}, line 1",
    ]


# -- what may lie at its path ------------------------------------------------------------------------------


def test_hostile_paths_end_in_one_line(files: Files, tmp_path: Path) -> None:
    place = files.user / "config.toml"
    place.mkdir()
    assert said_of(files) == f"cannot read {place}: it is a folder"
    place.rmdir()
    os.mkfifo(place)
    assert said_of(files) == f"cannot read {place}: it is not a regular file"
    place.unlink()
    place.symlink_to(place)
    assert "Too many levels of symbolic links" in said_of(files)
    place.unlink()
    place.symlink_to(tmp_path / "gone")
    assert said_of(files) == f"{place}: a link to something that is not there"
    place.unlink()
    place.write_bytes(b"[watch]\nview = '\xff'\n")
    assert said_of(files) == f"{place}, line 2: not UTF-8"
    with place.open("wb") as file:
        file.truncate(2**40)
    assert said_of(files) == f"{place}: larger than {LARGEST // 1024} KiB; this is no configuration of jobmon"
    place.write_bytes(os.urandom(1000) + b"\xff")
    assert str(place) in said_of(files)


def said_of(files: Files) -> str:
    with pytest.raises(ConfigError) as caught:
        files.load()
    return caught.value.message


def test_a_file_that_may_not_be_read(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, who may read everything.
    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    files.write(user="[watch]\n")
    monkeypatch.setattr(os, "open", refuse)
    assert said_of(files).endswith("config.toml: Permission denied")


def test_a_named_file_must_be_there(files: Files, tmp_path: Path) -> None:
    gone = tmp_path / "gone.toml"
    with pytest.raises(ConfigError, match=f"there is no configuration file {gone}"):
        files.load(gone)
    with pytest.raises(ConfigError, match=f"there is no configuration file {gone}"):
        files.load(JOBMON_CONFIG=str(gone))
    with pytest.raises(ConfigError, match="null"):
        files.load(Path("a\0b"))
    assert files.load(JOBMON_CONFIG="").watch.interval is None


def test_a_folder_that_is_a_file_has_no_configuration(files: Files, tmp_path: Path) -> None:
    files.user = tmp_path / "file"
    files.user.write_text("", encoding="utf-8")
    assert files.load().sources.values == {}


def test_a_byte_order_mark_and_windows_lines(files: Files) -> None:
    (files.user / "config.toml").write_bytes(b"\xef\xbb\xbf[watch]\r\n\r\ninterval = 5\r\n")
    config = files.load()
    assert config.watch.interval == 5
    assert config.sources.values["watch.interval"].place.line == 3


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_bytes(content)
    try:
        load_config({}, folder, folder / "none")
    except ConfigError as error:
        assert str(folder) in error.message  # noqa: PT017


# -- what is documented ------------------------------------------------------------------------------------


def test_the_printed_defaults_are_the_defaults(files: Files) -> None:
    text = default_config()
    config = loaded(files, text)
    assert config == Config(sources=config.sources)
    assert config.sources.values == {}
    # Every line that gives a default, and none that gives an example.
    lines = text.splitlines()
    defaults = [
        line[1:] if re.match(r"#\w", line) and not before.startswith("# Example") else line
        for before, line in zip(["", *lines], lines, strict=False)
    ]
    config = loaded(files, "\n".join(defaults))
    assert config == Config(sources=config.sources)
    assert len(config.sources.values) > 20


def test_every_printed_example_can_be_used(files: Files) -> None:
    config = loaded(files, re.sub(r"(?m)^#(?=\w)", "", default_config()))
    assert set(config.sources.values) == set(_keys(Settings, ()))


def test_every_key_is_documented() -> None:
    lines = default_config().splitlines()
    for place, line in enumerate(lines):
        if re.match(r"#\w", line) or line.startswith("["):
            assert lines[place - 1].startswith("# "), line
    assert all(len(line) <= 100 or re.match(r"#\w", line) for line in lines)


def _keys(section: type, above: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for name, key in keys_of(section).items():
        path = (*above, name)
        found += _keys(key.section, path) if key.section else [key_text(path)]
    return found


def test_thresholds_agree_with_those_of_the_warnings() -> None:
    assert asdict(Config().thresholds) == asdict(Thresholds())


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("head:8649", ("head", 8649)),
        ("10.0.0.1:1", ("10.0.0.1", 1)),
        ("[2001:db8::1]:65535", ("2001:db8::1", 65535)),
        *(
            (text, None)
            for text in ("head", "head:", ":1", "::1:8649", "h:0", "h:65536", "h:+1", "h:1 ", "h h:1")
        ),
        *((text, None) for text in ("[]:1", "h:٣", "h\n:1", "h:" + "9" * 5000)),
    ],
)
def test_addresses(text: str, address: tuple[str, int] | None) -> None:
    if address is None:
        with pytest.raises(ValueError, match=r"there is no|in brackets"):
            split_address(text)
    else:
        assert split_address(text) == address


def test_a_configuration_cannot_be_changed() -> None:
    def check(value: Any) -> None:
        if is_dataclass(value) and not isinstance(value, type):
            with pytest.raises((AttributeError, TypeError)):
                setattr(value, fields(value)[0].name, None)
            for one in fields(value):
                check(getattr(value, one.name))
        assert not isinstance(value, list | dict | set)

    check(Config())


_values = st.recursive(
    st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.dates()
    | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_values, st.lists(st.text(max_size=8), min_size=1, max_size=3))
def test_what_is_written_is_read_again(value: Any, path: list[str]) -> None:
    text = f"{key_text(tuple(path))} = {value_text(value)}"
    assert text.isprintable()
    expected: Any = value
    for part in reversed(path):
        expected = {part: expected}
    assert tomllib.loads(text) == expected

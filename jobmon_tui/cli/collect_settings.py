"""From the section ``[collect]`` of the configuration to what the collector is made of."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from jobmon_tui.cli.settings import setting_error
from jobmon_tui.config import Config
from jobmon_tui.feeds.recorder import Keeping, Recorder, Store
from jobmon_tui.feeds.spool_folder import SpoolFolder
from jobmon_tui.feeds.spool_lock import SpoolLock, lock_path

if TYPE_CHECKING:
    from jobmon_tui.feeds.write_back import WriteBack
    from jobmon_tui.sources.influxdb import InfluxOptions

_STORE = "jobmon_tui.feeds.store"


def recorder_of(spool: Path, config: Config) -> Recorder:
    """What writes the spool.

    Raises:
        ConfigError: There is no such owner or group.
    """
    settings = config.collect
    mode = int(settings.mode.removeprefix("0o"), 8)
    folder = SpoolFolder(spool, mode=mode, owner=_owner(config), group=_group(config))
    keeping = Keeping(
        history_length=settings.history_length,
        delete_age=settings.history_delete_age,
        snapshot_files=settings.snapshot_files,
        most_array_tasks=settings.most_array_tasks,
    )
    return Recorder(
        folder,
        SpoolLock(lock_path(spool, settings.lock_file), spool),
        keeping,
        open_store=_store_opener(mode) if settings.store and find_spec(_STORE) is not None else None,
    )


def write_back_of(config: Config) -> WriteBack | None:
    """What writes to InfluxDB; ``None`` where that is not wanted.

    Raises:
        ConfigError: Nobody says where.
    """
    settings = config.collect.influxdb
    if not settings.write:
        return None
    from jobmon_tui.feeds.write_back import Measurements, WriteBack
    from jobmon_tui.sources.influxdb_write import InfluxWriter

    return WriteBack(
        InfluxWriter(_influx_options(config)),
        Measurements(
            job=settings.job_measurement,
            collector=settings.collector_measurement,
            source=settings.source_measurement,
        ),
    )


def _influx_options(config: Config) -> InfluxOptions:
    from jobmon_tui.sources.influxdb import InfluxOptions
    from jobmon_tui.sources.secrets import SecretPlace

    read, written = config.influxdb, config.collect.influxdb
    url = written.url or read.url
    if url is None:
        raise setting_error(
            config,
            "collect.influxdb.write",
            "does not say where InfluxDB answers",
            "Set collect.influxdb.url or influxdb.url.",
        )
    # What opens one server must not be told to another.
    is_same = url == read.url
    token = SecretPlace(file=written.token_file)
    password = SecretPlace(file=written.password_file)
    user = written.user or ""
    if is_same and not token and not user:
        user = read.user or ""
        token = SecretPlace(file=read.token_file, variable=read.token_variable)
        password = SecretPlace(file=read.password_file, variable=read.password_variable)
    return InfluxOptions(
        url=url,
        dialect=written.dialect or read.dialect,
        database=written.database or read.database,
        retention_policy=written.retention_policy or "",
        org=written.org or read.org or "",
        bucket=written.bucket or read.bucket,
        user=user,
        password=password,
        token=token,
        ca_file=read.ca_file,
        timeout=read.timeout,
    )


def _store_opener(mode: int) -> Callable[[Path], Store]:
    def open_store(folder: Path) -> Store:
        store: Store = import_module(_STORE).StoreWriter(folder, mode=mode)
        return store

    return open_store


def _owner(config: Config) -> int | None:
    name = config.collect.owner
    if name is None or name.isdigit():
        return None if name is None else int(name)
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise setting_error(config, "collect.owner", f"names nobody on this machine: {name!r}") from None


def _group(config: Config) -> int | None:
    name = config.collect.group
    if name is None or name.isdigit():
        return None if name is None else int(name)
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise setting_error(config, "collect.group", f"names no group of this machine: {name!r}") from None

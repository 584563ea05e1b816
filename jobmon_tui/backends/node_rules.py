"""What the configuration's section ``[nodes]`` comes to, for one node after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from jobmon_tui.backends.cores_map import CoresMap, ThreadedNodes
from jobmon_tui.backends.host_patterns import EVERY_HOST, HostPatterns
from jobmon_tui.config_measuring import NodeSettings
from jobmon_tui.errors import UsageError
from jobmon_tui.model.snapshot import Node


class NodeRules:
    """Which nodes are shown and counted, how their cores are numbered, which devices of theirs matter.

    Args:
        settings: As configured.

    Raises:
        UsageError: Something that should name nodes does not; tells the key.
    """

    def __init__(self, settings: NodeSettings) -> None:
        self._reported = _patterns("reported", settings.reported) or EVERY_HOST
        self._counted = _patterns("counted", settings.counted) or EVERY_HOST
        self.cores = CoresMap(
            column_ordered=_patterns("column_ordered", settings.column_ordered),
            threaded=tuple(
                ThreadedNodes(_patterns("threaded", [hosts]), threads.cores, threads.threads)
                for hosts, threads in settings.threaded.items()
            ),
        )
        self.network_interface = Devices("network_interface", settings.network_interface)
        """The network interface of a node whose traffic counts."""
        self.jobfs_device = Devices("jobfs_device", settings.jobfs_device)
        """The disk of a node that is its job disk."""

    def nodes(self, nodes: Iterable[Node]) -> list[Node]:
        """The nodes that are shown, each with whether its cores count."""
        return [
            node if self._counted.matches(node.name) else replace(node, is_counted=False)
            for node in nodes
            if self._reported.matches(node.name)
        ]


class Devices:
    """A device's name, by host.

    Args:
        key: The configuration's key, for what is told when it makes no sense.
        names: Hosts to the device's name; of several entries that match, the first counts.

    Raises:
        UsageError: An entry names no host.
    """

    def __init__(self, key: str, names: Mapping[str, str]) -> None:
        self._devices = tuple((_patterns(key, [hosts]), device) for hosts, device in names.items())

    def __bool__(self) -> bool:
        return bool(self._devices)

    def __iter__(self) -> Iterator[tuple[HostPatterns, str]]:
        """The hosts and their device, in the order in which they count."""
        return iter(self._devices)

    def __call__(self, host: str) -> str | None:
        """The device of a host; ``None`` where nothing is configured."""
        return next((device for hosts, device in self._devices if hosts.matches(host)), None)


def _patterns(key: str, texts: Iterable[str]) -> HostPatterns:
    try:
        return HostPatterns(texts)
    except UsageError as error:
        raise UsageError(f"nodes.{key}: {error.message}", error.hint) from None

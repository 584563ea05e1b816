"""The unit file by which systemd runs the collector, made for this installation."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Sequence
from pathlib import Path

from jobmon_tui.errors import UsageError

_UNIT = """\
# Written by: jobmon collect --systemd-unit
# Save it as /etc/systemd/system/jobmon-collect.service, then:
#   install -d -o {user} {spool_word}
#   systemctl daemon-reload && systemctl enable --now jobmon-collect
# How it does: systemctl status jobmon-collect; journalctl -u jobmon-collect; jobmon doctor

[Unit]
Description=jobmon collector: snapshots of the cluster for everyone
Wants=network-online.target
After=network-online.target remote-fs.target munge.service slurmctld.service

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
{user_line}
# A cycle that hangs for twice this long is ended, and the service started anew.
WatchdogSec=180
TimeoutStartSec=300
TimeoutStopSec=20
Restart=on-failure
RestartSec=10
# What jobmon remembers between runs: /var/lib/jobmon.
StateDirectory=jobmon
Environment=XDG_STATE_HOME=/var/lib
UMask=0022

# It reads the network and Slurm's configuration, and writes nothing but the spool.
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
"""


def unit_file(spool: Path, arguments: Sequence[str], lock_file: Path | None = None) -> str:
    """The text of the unit.

    Args:
        spool: The absolute path of the spool.
        arguments: What `jobmon collect` is to be called with besides the spool.
        lock_file: The lock's path where it is not in the spool.

    Raises:
        UsageError: A path or an argument cannot stand in a unit file.
    """
    words = [*_program(), "collect", "--spool", str(spool), *arguments]
    user = _user()
    # The folder above, too: a spool that was deleted is made again.
    writable = [spool.parent, *([] if lock_file is None else [lock_file.parent])]
    return _UNIT.format(
        command=" ".join(map(_word, words)),
        spool_word=_word(str(spool)),
        user=user or "USER",
        user_line=f"User={user}"
        if user
        else "# Better somebody who may ask Slurm for all jobs and own the spool:\n#User=USER",
        writable=" ".join(_word(str(path)) for path in dict.fromkeys(writable)),
    )


def _program() -> list[str]:
    """How this installation's jobmon is called."""
    script = Path(sys.executable).with_name("jobmon")
    return [str(script)] if os.access(script, os.X_OK) else [sys.executable, "-m", "jobmon_tui"]


def _user() -> str:
    """Who asks, if that is somebody to run a service as; empty for root and for those without a name."""
    try:
        return "" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""


def _word(text: str) -> str:
    """An argument as a unit file has it."""
    if not text.isprintable():
        raise UsageError(f"{text!r} cannot stand in a unit file", "Rename it to something printable.")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return escaped if escaped and not set(escaped) & set(" '\"\\;") else f'"{escaped}"'

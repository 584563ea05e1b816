"""The sampler by way of ssh: for sites that let users in where their jobs run, and want no more steps.

The script is the same and ends in the same way; but ssh tells it nothing of the job, so that it is told here
which one is meant, and looks at that job's control groups, processes and GPUs only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from jobmon_tui.errors import SourceError, UsageError
from jobmon_tui.sources.slurm.sampler_script import SCRIPT, checked_node

NODE = "{node}"
"""What stands for the node's name in the address that ssh is given."""
OPTIONS = (
    # Never a question on the terminal, which is ours to draw on: what would ask fails.
    "BatchMode=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=2",
    # A connection that stands already is used; none is left behind.
    "ControlMaster=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    # Less would hide why the node lets nobody in, more would tell of everything else.
    "LogLevel=INFO",
)
"""First of all, so that nothing in ~/.ssh/config says otherwise."""
KEPT = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LD_LIBRARY_PATH", "SSH_AUTH_SOCK", "KRB5CCNAME"})
"""All that ssh needs; not what would have it ask for a password in a window."""

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,254}\Z")
_NOISE = ("warning: permanently added", "connection to ")


class Complaint(NamedTuple):
    """Something that ssh says, in lower case, and the same in a user's words."""

    sign: str
    message: str
    hint: str


COMPLAINTS = (
    Complaint(
        "remote host identification has changed",
        "ssh knows {node} by another key: it may have been installed anew, or be another machine",
        "ask the site; then: ssh-keygen -R {node}",
    ),
    Complaint(
        "host key verification failed",
        "ssh does not know the key of {node}, and jobmon does not answer for you",
        "log in there once by hand (ssh {node}), or ask the site to publish its keys",
    ),
    Complaint(
        "pam_slurm_adopt",
        "{node} lets in only those who have a job there, and says that you have none",
        "the job may just have ended; or set observe.via to srun",
    ),
    Complaint(
        "permission denied",
        "{node} does not let you in without a password, and jobmon never asks for one",
        "set up a key (ssh-keygen, ssh-copy-id), or set observe.via to srun",
    ),
    Complaint(
        "could not resolve hostname",
        "ssh knows no machine called {node}",
        "observe.ssh_host says what nodes are called where ssh is concerned",
    ),
    Complaint("connection refused", "{node} takes no logins: nothing listens for ssh there", ""),
    Complaint("no route to host", "{node} cannot be reached from here", "set observe.via to srun"),
    Complaint("timed out", "{node} does not answer ssh", "it may be down, or not reachable from here"),
    Complaint(
        "kex_exchange_identification",
        "{node} ended the connection before any login",
        "too many at once, or it lets this machine not in",
    ),
    Complaint("connection closed by", "{node} ended the connection", "it may let only some users in"),
)
"""The most telling ones first: what refuses a login says several things."""


def checked_host(host: str) -> str:
    """The address template, if it is one.

    Raises:
        UsageError: It is something else, such as an option of ssh.
    """
    if not _HOST.match(host.replace(NODE, "node")):
        raise UsageError(f"observe.ssh_host cannot be {host!r}", f"Write it like {NODE}.cluster.example.org.")
    return host


def ssh_command(node: str, host: str = NODE, arguments: Sequence[str] = ()) -> list[str]:
    """The command line that opens a shell on a node; what it runs is sent to it.

    Args:
        node: The node, as Slurm calls it.
        host: What ssh calls it, with ``{node}`` for that name.
        arguments: More of ssh's arguments.
    """
    options = [word for option in OPTIONS for word in ("-o", option)]
    return ["ssh", "-T", *options, *arguments, "--", host.replace(NODE, node), "exec /bin/sh -s"]


def ssh_script(number: str, node: str, gpus: Collection[int] = ()) -> str:
    """What that shell is sent.

    Args:
        number: The job's plain number.
        node: The node, as Slurm calls it.
        gpus: The indices of the job's GPUs there.
    """
    if not number.isdecimal():
        raise SourceError(f"{number!r} is not the number of a job")
    listed = ",".join(str(int(index)) for index in sorted(gpus))
    told = f"job={number} node={checked_node(node)} own= held={len(gpus) or ''} gpus={listed}\n"
    return told + SCRIPT


def ssh_environment(base: Mapping[str, str]) -> dict[str, str]:
    """The environment of ssh.

    Args:
        base: The environment to take it from.
    """
    return {name: value for name, value in base.items() if name in KEPT} | {"LC_ALL": "C"}


def why_ssh_ended(complaint: str, node: str) -> SourceError:
    """What ssh complained of, in words.

    Args:
        complaint: All that it said.
        node: The node.
    """
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    lines = [line for line in lines if not line.lower().startswith(_NOISE)]
    said = "\n".join(lines).lower()
    for sign, message, hint in COMPLAINTS:
        if sign in said:
            return SourceError(message.format(node=node), hint.format(node=node))
    if not lines:
        return SourceError("the job is no longer observed: the connection has ended")
    return SourceError(f"ssh: {lines[-1][:500]}")

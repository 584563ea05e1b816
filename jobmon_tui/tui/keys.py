"""The keys that work everywhere in the main screen. Panes and views add their own.

The first part of an id is the heading under which the help lists the key; the tooltip is what it says there.
"""

from __future__ import annotations

from textual.binding import Binding, BindingType

TOP_VIEWS = (
    ("1", "Cluster", "cluster"),
    ("2", "Jobs", "jobs"),
    ("3", "Nodes", "nodes"),
    ("5", "Queue", "queue"),
)
"""Key, title and name of the views that a digit opens."""
CLUSTERS_VIEW = ("0", "Clusters", "clusters")
"""The same of the view that there is where several clusters are configured."""

MAIN_BINDINGS: list[BindingType] = [
    *(
        Binding(key, f"open_view('{name}')", title, show=False, id=f"view.{name}", tooltip=f"{title} view")
        for key, title, name in (*TOP_VIEWS, CLUSTERS_VIEW)
    ),
    Binding("C", "pick_cluster", show=False, id="view.cluster_of", tooltip="Show another cluster"),
    Binding(
        "slash", "filter", "filter", key_display="/", id="filter.type", tooltip="Filter jobs as you type"
    ),
    Binding("u", "pick_user", "user", id="filter.user", tooltip="Show one user's jobs"),
    Binding(
        "U",
        "mine",
        "mine",
        show=False,
        id="filter.mine",
        tooltip="Show only my jobs, or everyone's again",
    ),
    Binding(
        "colon",
        "jump",
        "jump",
        key_display=":",
        id="move.jump",
        tooltip="Jump to a view, job, node or user",
    ),
    Binding(
        "backspace",
        "last_place",
        "last view",
        show=False,
        id="move.last",
        tooltip="Back to the last view",
    ),
    Binding("escape", "out", "back", show=False, id="move.out", tooltip="Go back, or clear the filter"),
    Binding("tab", "app.focus_next", "pane", show=False, id="move.pane", tooltip="Next pane of the view"),
    Binding("shift+tab", "app.focus_previous", show=False, id="move.pane_back", tooltip="Previous pane"),
    Binding("n", "open_node", "node", show=False, id="move.node", tooltip="Open the node of the job"),
    Binding(
        "m",
        "next_reading",
        "reading",
        id="picture.reading",
        tooltip="Colour the nodes by another reading",
    ),
    Binding(
        "g", "next_group", "group", show=False, id="picture.group", tooltip="Group the nodes differently"
    ),
    Binding(
        "t",
        "time_machine",
        "time",
        id="time.open",
        tooltip="The time machine: what was at any instant that is kept",
    ),
    Binding("L", "live", show=False, id="time.leave", tooltip="Back to the present"),
    Binding("y", "yank", "yank", show=False, id="table.yank", tooltip="Copy job ids or node names (OSC 52)"),
    Binding("r", "app.refresh_now", "refresh", show=False, id="picture.refresh", tooltip="Refresh now"),
    Binding("space", "app.toggle_pause", "pause", show=False, id="picture.pause", tooltip="Pause, or go on"),
    Binding("plus,equals_sign", "app.pace(1)", show=False, id="picture.slower", tooltip="Refresh less often"),
    Binding("minus", "app.pace(-1)", show=False, id="picture.faster", tooltip="Refresh more often"),
    Binding(
        "T", "app.next_theme", "theme", show=False, id="app.theme", tooltip="Next theme: dark, light, ..."
    ),
    Binding("ctrl+l", "redraw", show=False, id="app.redraw", tooltip="Draw the whole screen anew"),
    Binding("question_mark", "help", "help", key_display="?", id="app.help", tooltip="This help"),
    Binding("q", "quit_or_out", "quit", id="app.quit", tooltip="Go back; at the top: quit"),
]

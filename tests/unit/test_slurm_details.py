"""What jobs hold, from scontrol's list of jobs, which users may have written into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.sources.slurm.details import DetailsReader
from tests.unit.slurm_printouts import scontrol_prints_job

ONE_NODE = ("Nodes=n1 CPU_IDs=0-2,8 Mem=2048 GRES=gpu:tesla:2(IDX:0,3)",)
OTHER_NODE = ("Nodes=n2 CPU_IDs=5 Mem=64 GRES=",)


def test_reads_the_layouts_of_those_that_have_one() -> None:
    dump = (
        scontrol_prints_job(1, "PENDING")
        + scontrol_prints_job(2, layout=ONE_NODE)
        + scontrol_prints_job(3, "PENDING")
        + scontrol_prints_job(4, layout=(*ONE_NODE, "Nodes=n[3-4] CPU_IDs=0 Mem=10 GRES=gpu:tesla:1(IDX:1)"))
    )
    found = DetailsReader().read(dump.encode())
    assert set(found) == {2, 4}
    one, three = found[2], found[4]
    assert one.layout == {"n1": (0, 1, 2, 8)}
    assert one.gpu_layout == {"n1": (0, 3)}
    assert (one.memory_layout, one.memory_on_each, one.n_gpus) == ({"n1": 2048}, 2048, 2)
    assert (one.tres_requested, one.tres_allocated) == ("cpu=4,mem=8G,node=1", "cpu=4,mem=8G,node=2")
    assert (one.stdout, one.stderr) == ("/home/ann/2.out", "/home/ann/2.err")
    assert three.layout == {"n1": (0, 1, 2, 8), "n3": (0,), "n4": (0,)}
    assert three.gpu_layout == {"n1": (0, 3), "n3": (1,), "n4": (1,)}
    assert (three.n_gpus, three.memory_on_each) == (4, 2048)


def test_the_one_line_of_older_versions_tells_what_is_allocated() -> None:
    dump = scontrol_prints_job(2, layout=ONE_NODE).replace("   ReqTRES=cpu=4,mem=8G,node=1\n", "")
    found = DetailsReader().read(dump.replace("AllocTRES=", "TRES=").encode())[2]
    assert (found.tres_requested, found.tres_allocated) == (None, "cpu=4,mem=8G,node=2")


def test_gpus_without_files_are_counted_and_memory_that_nobody_hands_out_is_unknown() -> None:
    dump = scontrol_prints_job(2, layout=("Nodes=n1 CPU_IDs=0 Mem=0 GRES=gpu:tesla(CNT:3)",))
    found = DetailsReader().read(dump.encode())[2]
    assert (found.n_gpus, found.gpu_layout, found.memory_layout, found.memory_on_each) == (3, {}, {}, None)


@pytest.mark.parametrize("text", ["", "No jobs in the system\n", "\n     Nodes=n1 CPU_IDs=0 Mem=1 GRES=\n"])
def test_no_job_is_no_layout(text: str) -> None:
    assert DetailsReader().read(text.encode()) == {}


@pytest.mark.parametrize(
    "line",
    [
        "Nodes=n[1-999999999] CPU_IDs=0 Mem=1 GRES=",
        "Nodes=n[1 CPU_IDs=0 Mem=1 GRES=",
        "Nodes=n1 CPU_IDs=0",
    ],
)
def test_a_line_of_nonsense_costs_only_itself(line: str) -> None:
    found = DetailsReader().read(scontrol_prints_job(2, layout=(line, *ONE_NODE)).encode())
    assert found[2].layout == {"n1": (0, 1, 2, 8)}


FORGED = scontrol_prints_job(5, layout=OTHER_NODE)


def test_a_name_cannot_pose_as_another_job() -> None:
    name = f"x\n\n{FORGED}"
    dump = scontrol_prints_job(2, layout=ONE_NODE, name=name) + scontrol_prints_job(5, layout=ONE_NODE)
    found = DetailsReader().read(dump.encode(), [name])
    assert found[5].layout == {"n1": (0, 1, 2, 8)}
    assert found[2].layout == {"n1": (0, 1, 2, 8)}


def test_of_two_records_of_one_job_none_is_believed() -> None:
    comment = f"   Comment=x\n\n{FORGED}"
    dump = scontrol_prints_job(2, layout=ONE_NODE, more=comment) + scontrol_prints_job(5, layout=ONE_NODE)
    found = DetailsReader().read(dump.encode())
    assert set(found) == {2}


def test_what_did_not_change_is_shared_between_dumps() -> None:
    reader = DetailsReader()
    before = reader.read((scontrol_prints_job(2, layout=ONE_NODE) + FORGED).encode())
    after = reader.read((scontrol_prints_job(2, layout=OTHER_NODE) + FORGED).encode())
    assert after[5] is before[5]
    assert after[2].layout == {"n2": (5,)}


@given(st.binary(max_size=300), st.integers(0, 3000))
def test_any_damage_is_read_without_a_crash(noise: bytes, place: int) -> None:
    dump = (scontrol_prints_job(1, layout=ONE_NODE) + FORGED).encode()
    reader = DetailsReader()
    reader.read(dump[:place] + noise + dump[place:] + b"\n")
    reader.read(dump[:place] + b"\n")


def test_a_dump_that_is_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="cut short"):
        DetailsReader().read(FORGED.encode()[:-30])

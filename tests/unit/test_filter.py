from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobmon_tui.analysis.filter import JOB_FIELDS, FilterError, JobFilter, parse_filter, quote
from jobmon_tui.analysis.index import index_snapshot
from jobmon_tui.analysis.node_filter import NODE_FIELDS, parse_node_filter
from jobmon_tui.model.snapshot import Job, Node, Snapshot


def job(job_id: str = "100", **more: Any) -> Job:
    facts: dict[str, Any] = {"name": "train", "username": "asr", "state": "RUNNING", "n_cpus": 4}
    return Job(job_id=job_id, **(facts | more))


def passes(text: str, **more: Any) -> bool:
    return parse_filter(text).matches(job(**more), now=1_000_000.0)


def refusal(text: str, parse: Callable[[str], object] = parse_filter) -> FilterError | None:
    try:
        parse(text)
    except FilterError as error:
        return error
    return None


def failure(text: str) -> FilterError:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    return caught.value


class TestFreeWords:
    @pytest.mark.parametrize(
        "word", ["1422", "BANKS", "asr", "milan", "pend", "physics", "john41", "an*s.sh"]
    )
    def test_look_into_everything_that_names_a_job(self, word: str) -> None:
        one = job(
            "14225",
            name="banks.sh",
            partition="milan",
            state="PENDING",
            account="physics",
            layout={"john40": (0,), "john41": (1,)},
        )
        assert parse_filter(word).matches(one)
        assert not parse_filter(word).matches(job("7", username="zoe"))

    def test_all_must_hold(self) -> None:
        assert passes("train asr")
        assert not passes("train jor")

    def test_do_not_reach_from_one_field_into_the_next(self) -> None:
        assert not passes("trainasr")
        assert not passes("tr*asr")

    def test_can_be_turned_round(self) -> None:
        assert not passes("-train")
        assert not passes("!train")
        assert passes("-relax")
        assert not passes("asr -tr*n")

    def test_quotes_keep_blanks_and_asterisks(self) -> None:
        assert passes('"my job"', name="this is my job 7")
        assert not passes('"my job"', name="my other job")
        assert not passes('"tr*n"')

    def test_find_nodes_of_a_folded_list(self) -> None:
        assert passes("c003", nodes="c[001-004]")
        assert not passes("c005", nodes="c[001-004]")

    def test_node_list_that_is_none_is_plain_text(self) -> None:
        assert passes("node:c[9-1", nodes="c[9-1")
        assert not passes("node:c9", nodes="c[9-1")

    def test_unset_fields_are_not_the_word_none(self) -> None:
        assert not passes("none")


class TestFields:
    @pytest.mark.parametrize(
        ("text", "fields", "expected"),
        [
            ("user:asr", {}, True),
            ("user:as", {}, False),
            ("user:ASR", {}, True),
            ("user:a*", {}, True),
            ("user:?sr", {}, True),
            ("user:?r", {}, False),
            ("user:jor,asr", {}, True),
            ("user!=asr", {}, False),
            ("-user:asr", {}, False),
            ("-user:jor,zoe", {}, True),
            ("name:rai", {}, True),
            ("name=rai", {}, False),
            ("name:rai*", {}, False),
            ("name:*rai*", {}, True),
            ("partition:gpu", {"partition": "main,gpu"}, True),
            ("partition:gp", {"partition": "main,gpu"}, False),
            ("node:john4*", {"layout": {"bryan1": (0,), "john41": (0,)}}, True),
            ("node:john4", {"layout": {"john41": (0,)}}, False),
            ("node:c2", {"nodes": "c[1-3]"}, True),
            ("-node:*", {}, True),
            ("cores>=4", {}, True),
            ("cores>4", {}, False),
            ("cores:4", {}, True),
            ("cores=2,4", {}, True),
            ("cores!=4", {}, False),
            ("cores > 3", {}, True),
            ("cores:>3", {}, True),
            ("gpu>0", {"n_gpus": 1}, True),
            ("gpu>0", {}, False),
            ("nodes>4", {"n_nodes": 5}, True),
            ("nodes>4", {}, False),
            ("nodes!=4", {}, False),
            ("-nodes>4", {}, True),
            ("mem>64G", {"memory_request": 65537.0}, True),
            ("mem>64G", {"memory_request": 65536.0}, False),
            ("mem=1.5t", {"memory_request": 1.5 * 1024**2}, True),
            ("mem=512", {"memory_request": 512.0}, True),
            ("used>=1GiB", {"memory": {"a": 1024.0, "b": 3.0}}, True),
            ("used<1G", {}, False),
            ("peak>1G", {"memory_max": 2048.0}, True),
            ("time<2h", {"run_time": 119.9}, True),
            ("time<2h", {"run_time": 120.0}, False),
            ("time>=1d12h", {"run_time": 2160.0}, True),
            ("time=90", {"run_time": 90.0}, True),
            ("time=1:30:00", {"run_time": 90.0}, True),
            ("time=1-02:00", {"run_time": 26 * 60.0}, True),
            ("limit>7d", {"time_limit": None}, True),
            ("limit:unlimited", {"time_limit": None}, True),
            ("limit:unlimited", {"time_limit": 60.0}, False),
            ("left<1h", {"time_limit": 60.0, "run_time": 30.0}, True),
            ("left<1h", {"time_limit": 60.0, "state": "PENDING"}, False),
            ("wait>1h", {"state": "PENDING", "submit_time": 1_000_000 - 3601.0}, True),
            ("wait>1h", {"state": "PENDING", "submit_time": 1_000_000 - 3600.0}, False),
            ("wait=10m", {"submit_time": 400.0, "start_time": 1000.0}, True),
            ("priority>10", {"priority": 11}, True),
            ("reason:depend", {"reason": "Dependency"}, True),
            ("reason:none", {}, False),
            ('account:""', {}, True),
            ('account:""', {"account": "physics"}, False),
            ("qos:high", {"qos": "high"}, True),
            ("feature:sky", {"features": "skylake&ib"}, True),
            ("reservation:maint*", {"reservation": "maintenance"}, True),
            ("exit>0", {"state": "FAILED", "exit_code": "2:0"}, True),
            ("exit:137", {"state": "FAILED", "exit_code": "0:9"}, True),
            ("exit:0", {"exit_code": "0:0"}, False),
            ("tasks>50", {"task_count": 88}, True),
        ],
    )
    def test_meaning(self, text: str, fields: dict[str, Any], expected: bool) -> None:
        assert passes(text, **fields) is expected

    def test_id_of_an_array_means_its_tasks(self) -> None:
        task, pending = job("5_7", array_id="5"), job("5_[8-9]", array_id="5", state="PENDING")
        assert [parse_filter("id:5").matches(one) for one in (task, pending, job("55"))] == [
            True,
            True,
            False,
        ]
        assert [parse_filter("id:5_7").matches(one) for one in (task, pending)] == [True, False]
        assert [parse_filter("array:5").matches(one) for one in (task, job("5"))] == [True, False]

    def test_wait_of_pending_jobs_is_unknown_without_the_time(self) -> None:
        waiting = job(state="PENDING", submit_time=0.0)
        assert not parse_filter("wait>=0").matches(waiting)
        assert parse_filter("wait>=0").matches(waiting, now=1.0)

    @pytest.mark.parametrize(
        ("word", "states"),
        [
            ("R", {"RUNNING"}),
            ("running", {"RUNNING"}),
            ("run", {"RUNNING"}),
            ("PD", {"PENDING"}),
            ("cg", {"COMPLETING"}),
            ("comp", {"COMPLETING", "COMPLETED"}),
            ("active", {"RUNNING", "COMPLETING"}),
            ("ended", {"COMPLETED", "TIMEOUT"}),
            ("waiting", {"PENDING"}),
            ("*ING", {"RUNNING", "PENDING", "COMPLETING"}),
            ("to,pd", {"TIMEOUT", "PENDING"}),
        ],
    )
    def test_states(self, word: str, states: set[str]) -> None:
        every = ("RUNNING", "PENDING", "COMPLETING", "COMPLETED", "TIMEOUT")
        wanted = parse_filter(f"state:{word}")
        assert {state for state in every if wanted.matches(job(state=state))} == states
        other = parse_filter(f"state!={word}")
        assert {state for state in every if not other.matches(job(state=state))} == states

    def test_every_field_has_names_of_its_own(self) -> None:
        for fields in (JOB_FIELDS, NODE_FIELDS):
            names = [name for field in fields for name in field.names]
            assert len(names) == len(set(names))
            assert all(field.description and field.example for field in fields)

    @pytest.mark.parametrize("fields", [JOB_FIELDS, NODE_FIELDS])
    def test_every_example_can_be_typed(self, fields: Any) -> None:
        parse = parse_filter if fields is JOB_FIELDS else parse_node_filter
        for field in fields:
            for example in field.example.replace(" or ", ", ").split(", "):
                joint = "" if example[0] in "<>" else ":"
                assert parse(f"{field.names[0]}{joint}{example}")


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "message", "position"),
        [
            ("user:", "expected a user name after user:", 5),
            ("gpu> ", "expected a number after gpu>", 5),
            ("user: asr", "expected a user name after user:", 5),
            ("asr cores:many", "expected a number after cores:", 10),
            ("mem>lots", "expected an amount of memory after mem>", 4),
            ("time<soon", "expected a time after time<", 5),
            ("user:asr,", "expected another value after the comma", 9),
            ("user:,asr", "expected a value before the comma", 5),
            ('name:"my', 'expected a closing "', 8),
            ('"a"b', "expected a blank after the closing quote", 3),
            ("train -", "expected a word or a field after -", 7),
            ("state:sleeping", 'there is no state "sleeping"', 6),
            ("user>asr", "expected : or = after user", 5),
            ("cores>4,8", "expected one value only after cores>", 8),
            ("a colour:red", 'there is no field "colour"', 2),
        ],
    )
    def test_say_what_is_wrong_and_where(self, text: str, message: str, position: int) -> None:
        error = failure(text)
        assert (error.message, error.position) == (message, position)
        assert error.expected

    def test_guess_what_was_meant(self) -> None:
        assert failure("pratition:gpu").hint == "did you mean partition?"
        assert failure("state:runing").hint == "did you mean running?"
        assert failure("-usr:asr").position == 1
        assert "quote" in failure("lr=0.01").hint

    @given(st.text())
    def test_anything_is_understood_or_refused_in_words(self, text: str) -> None:
        for parse in (parse_filter, parse_node_filter):
            error = refusal(text, parse)
            assert error is None or (error.message and 0 <= error.position <= len(text))

    @given(
        st.lists(
            st.sampled_from(
                [
                    *"-!:=<>*?\"', 9a",
                    *(name for field in JOB_FIELDS for name in field.names),
                    "state:",
                    "5G",
                    "2h",
                ]
            ),
            max_size=8,
        )
    )
    def test_what_looks_like_a_filter_is_too(self, parts: list[str]) -> None:
        text = "".join(parts)
        error = refusal(text)
        if error is not None:
            assert 0 <= error.position <= len(text)
        else:
            assert parse_filter(text).matches(job(), now=0.0) in (True, False)


class TestQuoting:
    @given(st.text(), st.text())
    def test_a_quoted_value_means_itself(self, value: str, other: str) -> None:
        wanted = parse_filter(f"name={quote(value)}")
        assert wanted.matches(job(name=value))
        assert wanted.matches(job(name=other)) is (value.casefold() == other.casefold())

    @given(st.text(min_size=1))
    def test_a_quoted_word_is_one_word(self, value: str) -> None:
        wanted = parse_filter(quote(value))
        assert len(wanted.terms) == 1
        assert wanted.matches(job(name=f"<{value}>"))

    @given(st.text(min_size=1))
    def test_a_user_is_found_again(self, name: str) -> None:
        assert JobFilter().with_user(name).user == name

    def test_plain_names_stay_readable(self) -> None:
        assert quote("asr") == "asr"
        assert quote("my job") == '"my job"'


class TestUser:
    @pytest.mark.parametrize(
        ("text", "user"),
        [
            ("user:asr gpu>0", "asr"),
            ("owner=asr", "asr"),
            ("user:asr,jor", None),
            ("user:a*", None),
            ("-user:asr", None),
            ("asr", None),
            ("", None),
        ],
    )
    def test_only_when_nobody_elses_jobs_can_pass(self, text: str, user: str | None) -> None:
        assert parse_filter(text).user == user

    def test_is_exchanged_and_taken_away(self) -> None:
        wanted = parse_filter('gpu>0 user:asr -user:zoe name:"a  b"')
        assert wanted.with_user("jor").text == 'user:jor gpu>0 -user:zoe name:"a  b"'
        assert wanted.with_user(None).text == 'gpu>0 -user:zoe name:"a  b"'
        assert wanted.with_user(None).user is None


def test_empty_filter_is_falsy_and_lets_all_through() -> None:
    assert not parse_filter("  ")
    assert parse_filter("  ").matches(job())
    assert parse_filter("a")
    assert parse_filter("").select([job()]) == [job()]


def test_select_keeps_the_order() -> None:
    jobs = [job(str(number), n_cpus=number % 3) for number in range(9)]
    assert [one.job_id for one in parse_filter("cores:2").select(jobs)] == ["2", "5", "8"]


@pytest.mark.slow
def test_fifty_thousand_jobs_are_searched() -> None:
    jobs = [
        job(str(number), name=f"run{number % 999}", layout={f"c{number % 300}": (0,)})
        for number in range(50_000)
    ]
    wanted = parse_filter("run77")
    found = wanted.select(jobs)
    assert len(found) == 50 * 11


class TestNodes:
    NODE = Node(
        name="john41",
        state="MIXED",
        flags=("DRAIN",),
        n_cpus=36,
        n_gpus=2,
        cpus_allocated=20,
        memory_total=192_000,
        cpu_load=33.5,
        partitions=("milan", "gpu"),
        features=("skylake", "ib"),
        reason="bad disk",
    )
    IDLE = Node(name="john9", state="IDLE", up=True, n_cpus=8, cpus_allocated=0)

    @pytest.mark.parametrize(
        "text",
        [
            "john",
            "disk skylake",
            "node:john4*",
            "state:mixed",
            "state:drained",
            "state:out",
            "-state:up",
            "partition:gpu",
            "feature:ib",
            "reason:disk",
            "cores>=36",
            "gpus:2",
            "mem>187G",
            "load>33",
            "free:0",
            "user:asr",
            "job:5_7",
            "job:5",
            "jobs>0",
        ],
    )
    def test_fields(self, text: str) -> None:
        task = job("5_7", array_id="5", layout={"john41": (0,)})
        index = index_snapshot(
            Snapshot(timestamp=0, nodes={"john41": self.NODE, "john9": self.IDLE}, jobs={"5_7": task})
        )
        assert parse_node_filter(text).matches(self.NODE, index)
        assert (text == "john") is parse_node_filter(text).matches(self.IDLE, index)

    def test_free_cores_and_up(self) -> None:
        assert parse_node_filter("free=8 state:up state:idle").matches(self.IDLE)

"""Fault plans are data; byte faults are a machine that is played here with invented times."""

from dataclasses import replace
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.errors import FaultSyntaxError, MisuseError
from course_lib.faults import FAULTS, LARGEST, Fault, FaultPlan, parse_duration, plan_for
from course_lib.hops.actions import Close, Forward, Send, Wait
from course_lib.hops.play import ByteFaults
from tests.strategies import cuts


@st.composite
def any_fault(draw):
    name = draw(st.sampled_from(sorted(FAULTS)))
    kind = FAULTS[name]
    least = {"status": 400, "size": 1}.get(kind.value, 0)
    value = draw(st.integers(least, 599 if kind.value == "status" else LARGEST - 1)) if kind.value else None
    at = (0 if name == "status" else draw(st.integers(0, LARGEST - 1))) if kind.placed else None
    return Fault(
        name,
        at=at,
        until=draw(st.none() | st.integers(at + 1, LARGEST)) if kind.placed and name != "status" else None,
        value=value,
        most=draw(st.none() | st.integers(value + 1, LARGEST)) if kind.value == "size" else None,
        times=draw(st.none() | st.integers(1, LARGEST)),
    )


faults = st.lists(any_fault(), max_size=5, unique_by=lambda fault: fault.name).map(tuple)
plans = st.builds(FaultPlan, faults, st.integers())


@given(plans)
def test_a_plan_reads_what_it_prints(plan):
    assert FaultPlan.parse(str(plan)) == plan


@pytest.mark.parametrize(
    "text",
    [
        *("cut@5", "reset@5", "truncate@6", "stall@3:2s", "status@0:429", "error@4", "garble@2", "slow_start:1s"),
        *("cut@5*1", "split:1", "split:1-8", "merge:500ms", "drop@4096", "cut@5, stall@3:2s", ""),
        *("drop@1-4096", "cut@2-30*1", "stall@0-9:2s", "reset@4096", "split_utf8, split_crlf, split:1"),
        "cut@2-30, seed:7",
    ],
)
def test_every_way_to_write_a_fault_prints_as_it_was_written(text):
    assert str(FaultPlan.parse(text)) == text


def test_spaces_and_other_spellings_of_a_duration_mean_the_same():
    assert FaultPlan.parse(" stall@3:1500ms ,cut@5") == FaultPlan.parse("stall@3:1.5s, cut@5")
    assert parse_duration("1.05s") == 1050


@pytest.mark.parametrize("text", ["explode@3", "cut5", "cut @ 5", "cut", "cut@x", "cut@5:1", "cut@-1", "", "cut@٣"])
def test_what_is_no_fault_is_refused_with_a_list_of_what_there_is(text):
    with pytest.raises(FaultSyntaxError, match="cut@5"):
        FaultPlan.parse(f"cut@1, {text}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stall@3", "needs a value"),
        ("stall@3:2", "duration"),
        ("stall@3:2h", "duration"),
        ("slow_start@1:1s", "no place"),
        ("status@1:429", "@0"),
        ("status@0:200", "400 to 599"),
        ("status@0", "needs a value"),
        ("split:0", "1 to"),
        ("split:8-2", "LEAST-MOST"),
        ("merge:5", "duration"),
        ("cut@5*0", "from 1"),
        ("split:1, split:2", "once"),
        ("split_utf8, split_utf8", "once"),
        ("split_crlf:3", "no value"),
        ("drop@9-9", "FIRST-LAST"),
        ("drop@9-1", "FIRST-LAST"),
        ("split@1-2:3", "no place"),
        ("status@0-3:429", "@0"),
    ],
)
def test_a_fault_with_a_wrong_place_or_value_says_which(text, said):
    with pytest.raises(FaultSyntaxError, match=said):
        FaultPlan.parse(text)


def test_a_fault_for_the_first_answers_holds_for_no_other():
    plan = FaultPlan.parse("cut@5*2, stall@1:1s")
    assert [str(plan.for_answer(n)) for n in (0, 1, 2)] == ["cut@5*2, stall@1:1s"] * 2 + ["stall@1:1s"]


@given(plans, st.integers(0, 5))
def test_for_each_answer_every_place_of_a_range_is_drawn_once_and_depends_on_seed_and_number_only(plan, number):
    drawn = plan.for_answer(number)
    assert drawn == plan.for_answer(number)
    assert replace(drawn, seed=plan.seed + 1).for_answer(0).faults == drawn.faults, "one place is no range"
    kept = [fault for fault in plan.faults if fault.times is None or number < fault.times]
    for before, after in zip(kept, drawn.faults, strict=True):
        assert replace(after, at=before.at, until=before.until) == before
        assert after.at is None or before.at <= after.at <= (before.until or before.at)


def test_every_place_of_a_range_comes_up():
    plan = FaultPlan.parse("cut@3-6, stall@3-6:1s")
    drawn = [replace(plan, seed=seed).for_answer(number).faults for number in range(30) for seed in range(5)]
    assert {fault.at for pair in drawn for fault in pair} == {3, 4, 5, 6}
    assert len({(cut.at, stall.at) for cut, stall in drawn}) == 16, "each fault has its own draw"
    assert len({replace(plan, seed=seed).for_answer(0).faults[0].at for seed in range(30)}) > 1


@pytest.mark.parametrize(
    "made",
    [
        *(lambda at=at: Fault("cut", at) for at in ("5", -1, True, 1.5, LARGEST + 1)),
        lambda: Fault("stall", 3, "2s"),
        lambda: FaultPlan("cut@5"),
        lambda: FaultPlan(["cut@5"]),
        lambda: FaultPlan((Fault("cut", 5),), seed="7"),
    ],
)
def test_what_could_not_be_read_again_cannot_be_made_either(made):
    with pytest.raises(FaultSyntaxError, match="got "):
        made()


def test_a_plan_may_be_made_of_a_list():
    assert FaultPlan([Fault("cut", 5)]) == FaultPlan.parse("cut@5")


def test_a_plan_has_one_seed():
    with pytest.raises(FaultSyntaxError, match="one seed"):
        FaultPlan.parse("cut@5, seed:1, seed:2")


@pytest.mark.parametrize(("layer", "text"), [("byte", "cut@5"), ("token", "split:1")])
def test_a_fault_of_the_other_layer_is_refused_with_its_home(layer, text):
    with pytest.raises(MisuseError, match=r"chaos\(|create_app\("):
        plan_for(layer, text)


@pytest.mark.parametrize("text", ["stall@1:1s", "reset@5"])
def test_what_both_layers_know_is_written_alike(text):
    assert plan_for("byte", text) == plan_for("token", text)


# byte faults


def play(text, arrivals, seed=0):
    """Feed (time, bytes) pairs, obey every Wait; return [(time, bytes)], and the time of the Close or None."""
    machine, sent, now, wake = ByteFaults(FaultPlan.parse(text), seed), [], 0.0, None
    coming = [*arrivals, (arrivals[-1][0] if arrivals else 0.0, None)]
    while True:
        if wake is not None and (not coming or wake <= coming[0][0]):
            now, doing = wake, machine.tick(wake)
        elif coming:
            now, data = coming.pop(0)
            doing = machine.end(now) if data is None else machine.feed(data, now)
        else:
            return sent, None
        wake = None
        for action in doing:
            if isinstance(action, Send):
                sent.append((now, action.data))
            elif isinstance(action, Wait):
                assert action.until > now
                wake = action.until
            else:
                return sent, now


def pieces(text, *arrivals):
    return [data for _, data in play(text, [(0.0, data) for data in arrivals])[0]]


def test_without_faults_bytes_pass_as_they_came():
    assert play("", [(1.0, b"ab"), (2.0, b"c")]) == ([(1.0, b"ab"), (2.0, b"c")], 2.0)


def test_split_cuts_into_pieces_of_that_size():
    assert [data for _, data in play("split:2", [(0.0, b"abcde")])[0]] == [b"ab", b"cd", b"e"]


def test_a_range_of_sizes_is_drawn_from_the_seed():
    data = bytes(range(256))
    one, again, other = (play("split:1-8", [(0.0, data)], seed)[0] for seed in (1, 1, 2))
    assert one == again != other
    assert {len(piece) for _, piece in one} <= set(range(1, 9))


@given(st.binary(min_size=1, max_size=300), st.lists(st.integers(0, 300)), st.integers(0, 9))
def test_the_places_of_the_cuts_do_not_depend_on_how_the_bytes_come_in(data, cuts, seed):
    def places(arrivals):
        ends, pieces = set(), play("split:3-9", arrivals, seed)[0]
        for _, piece in pieces:
            ends.add(max(ends, default=0) + len(piece))
        return ends

    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    arrivals = [(0.0, data[start:end]) for start, end in pairwise(edges)]
    assert places([(0.0, data)]) | set(edges[1:]) == places(arrivals)


def test_split_utf8_cuts_before_each_further_byte_of_a_character():
    assert pieces("split_utf8", "aé€b".encode()) == [b"a\xc3", b"\xa9\xe2", b"\x82", b"\xacb"]


def test_split_crlf_cuts_between_the_two_and_nowhere_else():
    assert pieces("split_crlf", b"a\r\n\r\nb\rc\n\n") == [b"a\r", b"\n\r", b"\nb\rc\n\n"]


@given(st.text("aé€🙂\r\n", min_size=1, max_size=40), st.data())
def test_every_character_and_every_crlf_is_cut_however_the_bytes_come_in(text, data):
    whole = text.encode()
    arrivals = [piece for piece in data.draw(cuts(whole)) if piece]
    sent = pieces("split_utf8, split_crlf, split:5-50", *arrivals)
    assert b"".join(sent) == whole
    ends = set(accumulate(map(len, sent)))
    assert {place for place, byte in enumerate(whole) if 0x80 <= byte < 0xC0} <= ends
    assert {place + 1 for place in range(len(whole)) if whole[place : place + 2] == b"\r\n"} <= ends


def test_reset_ends_like_drop_but_with_rst_and_the_earlier_of_both_wins():
    def end(text):
        return ByteFaults(FaultPlan.parse(text)).feed(b"abcdef", 0.0)

    assert end("reset@4") == [Send(b"abcd"), Close(reset=True)]
    assert end("reset@4, drop@2") == [Send(b"ab"), Close()]
    assert end("drop@4, reset@2") == [Send(b"ab"), Close(reset=True)]


def test_a_stream_that_ends_before_its_reset_ends_properly():
    machine = ByteFaults(FaultPlan.parse("reset@4"))
    assert [*machine.feed(b"abc", 0.0), *machine.end(0.0)] == [Send(b"abc"), Close()]


def test_requests_pass_as_they_are_and_a_missing_server_is_an_end():
    machine = ByteFaults(FaultPlan.parse("split:1, drop@0"))
    assert machine.asked(b"abc", 0.0) == [Forward(b"abc")]
    assert machine.unreachable(0.0) == [Close()]


def test_merge_holds_bytes_from_the_first_of_them_for_the_window():
    arrivals = [(0.0, b"a"), (0.3, b"b"), (0.6, b"c"), (2.0, b"d")]
    assert play("merge:500ms", arrivals)[0] == [(0.5, b"ab"), (1.1, b"c"), (2.0, b"d")]


def test_the_end_of_the_stream_flushes_what_merge_holds():
    assert play("merge:500ms", [(0.0, b"a")]) == ([(0.0, b"a")], 0.0)


def test_drop_closes_after_exactly_that_many_bytes():
    sent, closed = play("drop@5", [(0.0, b"abc"), (1.0, b"def"), (2.0, b"g")])
    assert (sent, closed) == ([(0.0, b"abc"), (1.0, b"de")], 1.0)


def test_drop_at_zero_closes_before_anything_is_sent():
    assert ByteFaults(FaultPlan.parse("drop@0")).tick(7.0) == [Close()]


def test_stall_holds_the_byte_that_comes_next():
    sent, _ = play("stall@2:1s", [(0.0, b"abc"), (0.5, b"d")])
    assert sent == [(0.0, b"ab"), (1.0, b"cd")]


def test_stalls_at_the_same_place_add_up():
    assert play("stall@2:1s, stall@2:2s", [(0.0, b"abc")])[0] == [(0.0, b"ab"), (3.0, b"c")]


def test_several_faults_work_together():
    sent, closed = play("split:2, stall@3:1s, drop@6", [(0.0, b"abcdefgh")])
    assert (sent, closed) == ([(0.0, b"ab"), (0.0, b"c"), (1.0, b"d"), (1.0, b"ef")], 1.0)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.binary(max_size=40)), max_size=8),
    st.integers(1, 5),
    st.integers(0, 60),
    st.integers(0, 99),
)
def test_nothing_is_lost_or_reordered_before_the_drop(gaps, size, drop, seed):
    now, arrivals = 0.0, []
    for gap, data in gaps:
        now += gap
        arrivals.append((now, data))
    text = f"split:1-{size + 1}, merge:700ms, stall@7:2s, stall@7:1s, stall@20:1s, drop@{drop}"
    sent, closed = play(text, arrivals, seed)
    whole = b"".join(data for _, data in arrivals)
    assert b"".join(data for _, data in sent) == whole[:drop]
    assert closed is not None
    assert [time for time, _ in sent] == sorted(time for time, _ in sent)


def test_what_is_kept_back_is_counted_and_nothing_is_kept_after_a_drop():
    machine = ByteFaults(FaultPlan.parse("stall@1:1s, drop@2"))
    machine.feed(b"abcd", 0.0)
    assert machine.held == 3
    machine.tick(5.0)
    machine.feed(b"efg", 6.0)
    assert machine.held == 0

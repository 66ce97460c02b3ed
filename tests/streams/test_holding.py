"""The logic of the buffering proxy, with invented bytes and times; what leaves is judged by h11."""

import gzip

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.hops.actions import Close, Forward, Send, Wait
from course_lib.hops.answer import Policy
from course_lib.hops.holding import MOST, Holding
from tests.strategies import cuts

GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def to_client(actions):
    return b"".join(action.data for action in actions if isinstance(action, Send))


def to_server(actions):
    return b"".join(action.data for action in actions if isinstance(action, Forward))


def closes(actions):
    return [action for action in actions if isinstance(action, Close)]


def exchange(policy, request, pieces, *, ends=False):
    """All actions of one request and its answer, in order."""
    proxy = Holding(policy)
    doing = proxy.asked(request, 0.0)
    for piece in pieces:
        doing += proxy.feed(piece, 0.0)
    return doing + (proxy.end(0.0) if ends else [])


def read(data, *, method="GET", version="1.1", ended=False):
    """(head, body) of an answer, as h11 understands it; it must be complete."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "a")], http_version=version))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    if ended:
        client.receive_data(b"")
    head, body = None, b""
    while True:
        event = client.next_event()
        if isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return head, body
        else:
            assert isinstance(event, h11.InformationalResponse), event


def framed(kind, body, extra=b""):
    """The bytes of an answer."""
    if kind == "length":
        return b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (extra, len(body), body)
    if kind == "close":
        return b"HTTP/1.0 200 OK\r\n%b\r\n%b" % (extra, body)
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    wire = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return CHUNKED[:-2] + extra + b"\r\n" + wire + b"0\r\nx-trailer: 1\r\n\r\n"


policies = st.builds(Policy, st.integers(0, 60) | st.just(MOST), st.booleans(), st.none(), st.booleans(), st.booleans())


@given(st.data(), policies, st.sampled_from(["length", "chunked", "close"]), st.booleans(), st.binary(max_size=120))
def test_whatever_is_held_a_client_reads_the_same_body(data, policy, kind, old, body):
    version = "1.0" if old else "1.1"
    request = b"GET / HTTP/%b\r\nhost: a\r\naccept-encoding: gzip\r\n\r\n" % version.encode()
    accel = data.draw(st.sampled_from([b"", b"x-accel-buffering: no\r\n"]))
    answer = framed(kind, body, accel)
    pieces = data.draw(cuts(answer))
    doing = exchange(policy, request, pieces, ends=kind == "close")
    head, got = read(to_client(doing), ended=bool(closes(doing)))
    fields = dict(head.headers)
    assert head.http_version == b"1.1"
    assert (gzip.decompress(got) if fields.get(b"content-encoding") == b"gzip" else got) == body
    assert (fields.get(b"content-encoding") == b"gzip") == policy.gzip
    assert not (old and b"transfer-encoding" in fields)
    assert len(closes(doing)) == (policy.http10 or kind == "close" or (old and (kind != "length" or policy.gzip)))


@given(
    st.data(),
    st.lists(st.sampled_from([GET, b"\r\n", b"x", b"5\r\n", CHUNKED, b"0\r\n\r\n", b"HTTP/1.1 101 A\r\n\r\n"])),
)
def test_no_bytes_of_either_side_break_the_proxy(data, parts):
    proxy = Holding(Policy(data.draw(st.integers(0, 9)), http10=data.draw(st.booleans())))
    closed = False
    for part in parts:
        if closed:
            break  # nothing comes any more from a connection that is closed
        feed = data.draw(st.sampled_from([proxy.asked, proxy.feed]))
        doing = feed(part, 0.0)
        closed = bool(closes(doing))
        assert not closed or isinstance(doing[-1], Close)
    assert closed or closes(proxy.end(0.0))


@given(st.data(), st.sampled_from(["length", "chunked"]))
def test_the_whole_body_is_held_until_its_last_byte_and_the_head_with_it(data, kind):
    answer = framed(kind, b"some text in the body")
    proxy = Holding(Policy(MOST))
    proxy.asked(GET, 0.0)
    for piece in data.draw(cuts(answer[:-1])):
        assert proxy.feed(piece, 0.0) == []
    assert read(to_client(proxy.feed(answer[-1:], 0.0)))[1] == b"some text in the body"


def test_the_head_passes_at_once_when_nothing_is_held():
    proxy = Holding(Policy(0))
    proxy.asked(GET, 0.0)
    assert to_client(proxy.feed(CHUNKED, 0.0)) == CHUNKED
    assert to_client(proxy.feed(b"1\r\na\r\n", 0.0)) == b"1\r\na\r\n"


def test_bytes_are_held_until_there_are_enough_of_them_and_leave_together():
    proxy = Holding(Policy(4))
    assert to_server(proxy.asked(GET, 0.0)) == GET
    assert proxy.feed(CHUNKED + b"3\r\nabc\r\n", 0.0) == []
    assert to_client(proxy.feed(b"2\r\nde\r\n", 0.0)).endswith(b"\r\n\r\n5\r\nabcde\r\n")
    assert proxy.feed(b"1\r\nf\r\n", 0.0) == []
    assert to_client(proxy.feed(b"0\r\n\r\n", 0.0)) == b"1\r\nf\r\n0\r\n\r\n"


def test_more_than_the_limit_is_never_held():
    proxy = Holding(Policy(MOST))
    proxy.asked(GET, 0.0)
    assert proxy.feed(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + bytes(MOST - 1), 0.0) == []
    assert len(to_client(proxy.feed(b"x", 0.0))) > MOST


@pytest.mark.parametrize(
    ("request_", "answer", "closed"),
    [
        (GET, framed("chunked", b"0123456789")[:-20], Close()),
        (GET, framed("length", b"0123456789")[:-3], Close()),
        (GET.replace(b"1.1", b"1.0"), framed("chunked", b"0123456789")[:-20], Close(reset=True)),
    ],
    ids=["chunked", "length", "to HTTP/1.0, which knows no other sign"],
)
def test_what_was_truncated_stays_truncated(request_, answer, closed):
    doing = exchange(Policy(MOST), request_, [answer], ends=True)
    sent = to_client(doing)
    assert b"0123456" in sent, "what there is of it passes"
    assert closes(doing) == [closed]
    if not closed.reset:
        with pytest.raises(h11.RemoteProtocolError):
            read(sent, ended=True)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"),
        (b"HEAD / HTTP/1.1\r\nhost: a\r\n\r\n", CHUNKED),
        (GET, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (GET, b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
        (GET, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    ],
)
def test_answers_without_a_body_pass_at_once_and_the_connection_goes_on(request_, answer):
    proxy = Holding(Policy(MOST))
    for _ in range(2):
        assert to_server(proxy.asked(request_, 0.0)) == request_
        assert to_client(proxy.feed(answer, 0.0)) == answer


def test_pipelined_requests_go_on_one_at_a_time_with_their_bodies():
    post = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    proxy = Holding(Policy(MOST))
    assert to_server(proxy.asked(post + GET + post, 0.0)) == post
    assert proxy.waiting == len(GET + post)
    doing = proxy.feed(framed("length", b"one"), 0.0)
    assert read(to_client(doing))[1] == b"one"
    assert to_server(doing) == GET
    doing = proxy.feed(framed("length", b"two") + b"HTTP/1.1 200", 0.0)
    assert to_server(doing) == post
    assert not closes(doing)
    assert read(to_client(proxy.feed(framed("length", b"three")[12:], 0.0)))[1] == b"three"


def test_the_body_of_a_request_passes_before_its_answer_and_may_go_on_after_it():
    head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n"
    proxy = Holding(Policy(0))
    assert to_server(proxy.asked(head + b"a", 0.0)) == head + b"a"
    assert to_client(proxy.feed(framed("length", b"enough"), 0.0))
    assert to_server(proxy.asked(b"bcd" + GET, 0.0)) == b"bcd" + GET


def test_interim_answers_pass_at_once():
    proxy = Holding(Policy(MOST))
    proxy.asked(GET, 0.0)
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    assert to_client(proxy.feed(interim, 0.0)) == interim
    assert read(to_client(proxy.feed(framed("length", b"x"), 0.0)))[1] == b"x"


UPGRADE = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade, x-mine\r\nupgrade: websocket\r\nx-mine: 1\r\n\r\n"


def test_behind_an_upgrade_all_bytes_pass_as_they_are():
    proxy = Holding(Policy(MOST, gzip=True))
    assert to_server(proxy.asked(UPGRADE + b"early", 0.0)) == UPGRADE
    switched = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"
    doing = proxy.feed(switched + b"\x81\x02hi", 0.0)
    assert to_client(doing) == switched + b"\x81\x02hi"
    assert to_server(doing) == b"early"
    assert to_server(proxy.asked(b"GET / HTTP/9", 0.0)) == b"GET / HTTP/9"
    assert proxy.end(0.0) == [Close()]


def test_an_http10_proxy_drops_what_concerns_one_connection_only():
    proxy = Holding(Policy(MOST, http10=True))
    assert to_server(proxy.asked(UPGRADE, 0.0)) == b"GET / HTTP/1.0\r\nhost: a\r\nconnection: close\r\n\r\n"
    doing = proxy.feed(framed("length", b"x", b"connection: keep-alive\r\n"), 0.0)
    assert [value for name, value in read(to_client(doing))[0].headers if name == b"connection"] == [b"close"]
    assert closes(doing) == [Close()]


def answered(doing):
    """Status of an answer that the proxy has made itself; it closes then."""
    assert closes(doing) == [Close()]
    return read(to_client(doing))[0].status_code


def test_what_is_broken_is_answered_with_the_status_that_says_whose_fault_it_is():
    chunked_post = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    assert answered(exchange(Policy(0), b"nonsense\r\n\r\n", [])) == 400
    assert answered(exchange(Policy(0), b"HTTP/1.1 200 OK\r\n\r\n", [])) == 400
    assert answered(exchange(Policy(0, http10=True), chunked_post, [])) == 411
    assert answered(exchange(Policy(0), GET, [b"nonsense\r\n\r\n"])) == 502
    assert answered(exchange(Policy(0), GET, [GET])) == 502
    assert answered(exchange(Policy(0), GET, [b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n"])) == 502
    assert answered(exchange(Policy(0), GET, [b"HTTP/1.1 200 OK\r\nhal"], ends=True)) == 502
    proxy = Holding(Policy(0))
    assert proxy.unreachable(0.0) == []
    assert answered(proxy.asked(GET, 0.0)) == 502


def test_what_breaks_behind_the_first_byte_cuts_the_answer_off():
    doing = exchange(Policy(0), GET, [CHUNKED + b"3\r\nabc\r\nnonsense\r\n"])
    assert to_client(doing).endswith(b"3\r\nabc\r\n")
    assert closes(doing) == [Close()]


def test_a_server_that_speaks_unasked_is_cut_off():
    assert Holding(Policy(0)).feed(b"HTTP/1.1 408 Request Timeout\r\n\r\n", 0.0) == [Close()]


@pytest.mark.parametrize(
    ("asked", "answer", "compressed"),
    [
        (b"accept-encoding: gzip\r\n", b"", True),
        (b"accept-encoding: br, gzip;q=0.5\r\n", b"", True),
        (b"accept-encoding: *\r\n", b"cache-control: no-store\r\n", True),
        (b"accept-encoding: gzip;q=0, *\r\n", b"", False),
        (b"accept-encoding: gzip; q=0.0\r\n", b"", False),
        (b"accept-encoding: br\r\n", b"", False),
        (b"", b"", False),
        (b"accept-encoding: gzip\r\n", b"cache-control: no-store, no-transform\r\n", False),
        (b"accept-encoding: gzip\r\ncache-control: no-transform\r\n", b"", False),
        (b"accept-encoding: gzip\r\n", b"content-encoding: br\r\n", False),
        (b"accept-encoding: gzip\r\n", b'etag: "1"\r\naccept-ranges: bytes\r\n', True),
    ],
)
def test_only_what_may_be_compressed_is(asked, answer, compressed):
    request = GET[:-2] + asked + b"\r\n"
    body = b"token " * 50
    head, got = read(to_client(exchange(Policy(0, gzip=True), request, [framed("length", body, answer)])))
    assert (gzip.decompress(got) if compressed else got) == body
    fields = dict(head.headers)
    assert (b"content-length" in fields) == (not compressed)
    assert (fields.get(b"vary") == b"accept-encoding") == compressed
    assert not {b"etag", b"accept-ranges"} & set(fields), "they name the bytes as they were"


def test_a_part_of_a_body_is_not_compressed():
    part = framed("length", b"part").replace(b"200 OK", b"206 Partial Content")
    request = GET[:-2] + b"accept-encoding: gzip\r\n\r\n"
    assert read(to_client(exchange(Policy(0, gzip=True), request, [part])))[1] == b"part"


def test_the_compressor_buffers_unless_the_server_asks_that_nobody_does():
    request = GET[:-2] + b"accept-encoding: gzip\r\n\r\n"
    for x_accel, live in [(b"", False), (b"x-accel-buffering: no\r\n", True)]:
        proxy = Holding(Policy(0, gzip=True, x_accel=True))
        proxy.asked(request, 0.0)
        proxy.feed(CHUNKED[:-2] + x_accel + b"\r\n5\r\ntoken\r\n", 0.0)
        assert (len(to_client(proxy.feed(b"5\r\ntoken\r\n", 0.0))) > 0) == live


def test_x_accel_buffering_is_obeyed_only_by_a_proxy_that_does_and_not_passed_on_by_it():
    answer = CHUNKED[:-2] + b"x-accel-buffering: no\r\n\r\n1\r\na\r\n"
    assert to_client(exchange(Policy(MOST), GET, [answer])) == b""
    sent = to_client(exchange(Policy(MOST, x_accel=True), GET, [answer]))
    assert sent.endswith(b"1\r\na\r\n")
    assert b"accel" not in sent


def test_silence_is_cut_and_answered_while_there_was_no_answer():
    proxy = Holding(Policy(0, idle=10.0))
    assert proxy.tick(100.0) == [Wait(110.0)], "time counts from the first call"
    assert proxy.asked(GET, 105.0)[0] == Wait(115.0)
    assert proxy.tick(110.0) == [Wait(115.0)]
    assert answered(proxy.tick(115.0)) == 504
    assert proxy.tick(200.0) == []


def test_silence_inside_an_answer_cuts_it_off_and_comments_keep_it_alive():
    proxy = Holding(Policy(0, idle=10.0))
    proxy.asked(GET, 0.0)
    for time in range(0, 60, 9):
        assert not closes(proxy.feed(CHUNKED if time == 0 else b"3\r\n:\n\n\r\n", float(time)))
    assert proxy.tick(64.0) == [Close()]

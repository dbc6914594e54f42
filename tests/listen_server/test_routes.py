"""Which route a path belongs to, with the oddities of real urls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listen_server.routes import RouteTable, faults_of

DEFAULT = ("/listen", "/record/{vendor}", "/api/v1/record/{vendor}")


def table(*patterns: str) -> RouteTable[str]:
    return RouteTable({pattern: f"target of {pattern}" for pattern in patterns})


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/listen", "/listen"),
        ("/listen/", "/listen"),
        ("/listen/any/tail", "/listen"),
        ("/listen//", "/listen"),
        ("/listen:4433", "/listen"),
        ("/listen/1:4433", "/listen"),
        ("/record/aws_s3", "/record/{vendor}"),
        ("/record/aws_s3/more", "/record/{vendor}"),
        ("/api/v1/record/google", "/api/v1/record/{vendor}"),
    ],
)
def test_a_path_belongs_to_the_route_that_it_begins_with(path: str, pattern: str) -> None:
    match = table(*DEFAULT).match(path)

    assert match is not None
    assert match.pattern == pattern
    assert match.target == f"target of {pattern}"


@pytest.mark.parametrize(
    "path", ["/", "", "listen", "/listener", "/listen:port", "/a/listen", "/record", "/record/"]
)
def test_another_path_belongs_to_none(path: str) -> None:
    assert table(*DEFAULT).match(path) is None


def test_a_port_that_jambonz_left_in_the_path_is_no_part_of_a_parameter() -> None:
    match = table(*DEFAULT).match("/record/aws_s3:4433")

    assert match is not None
    assert match.params == {"vendor": "aws_s3"}


def test_a_colon_that_is_no_port_stays() -> None:
    match = table("/calls/{id}").match("/calls/a:b/1:443")

    assert match is not None
    assert match.params == {"id": "a:b"}


def test_a_path_is_decoded_once_and_not_twice() -> None:
    match = table("/record/{vendor}").match("/record/..%2F..%2Fetc")

    assert match is not None
    assert match.params == {"vendor": "..%2F..%2Fetc"}


@pytest.mark.parametrize("turned", [False, True])
def test_the_longest_route_wins_and_a_plain_one_before_a_parameter(turned: bool) -> None:  # noqa: FBT001 - a case, not an option
    patterns = ["/listen", "/listen/{mailbox}", "/listen/~all", "/listen/support", "/{any}"]
    routes = table(*(reversed(patterns) if turned else patterns))

    found = {
        path: match.pattern if (match := routes.match(path)) else None
        for path in ("/listen", "/listen/42", "/listen/support/x", "/listen/~all", "/other")
    }

    assert found == {
        "/listen": "/listen",
        "/listen/42": "/listen/{mailbox}",
        "/listen/support/x": "/listen/support",
        "/listen/~all": "/listen/~all",
        "/other": "/{any}",
    }


def test_a_dot_in_a_route_is_a_dot() -> None:
    assert table("/a.b").match("/axb") is None


@pytest.mark.parametrize("pattern", [*DEFAULT, "/a-b/c.d/~e", "/{a}", "/x/{a}/{b_2}"])
def test_a_route_that_can_be_is_no_fault(pattern: str) -> None:
    assert faults_of([pattern]) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "/",
        "listen",
        "/listen/",
        "//x",
        "/a b",
        "/{A}",
        "/{a",
        "/a{b}",
        "/{a}/{a}",
        "/a\n",
        "/ä",
    ],
)
def test_a_route_that_cannot_be_is_named_with_an_example(pattern: str) -> None:
    (fault,) = faults_of(["/listen", pattern])

    assert repr(pattern) in fault
    assert "/record/{vendor}" in fault


@given(st.text(), st.text(alphabet="/{}abc:0 .%"))
def test_any_path_has_an_answer(anything: str, near: str) -> None:
    routes = table(*DEFAULT, "/{a}/{b}")

    routes.match(anything)
    routes.match("/" + near)


@given(st.text(alphabet="/{}abc_"))
def test_whatever_is_no_fault_is_a_route(pattern: str) -> None:
    if not faults_of([pattern]):
        match = table(pattern).match(pattern.replace("{", "").replace("}", ""))
        assert match is not None
        assert match.pattern == pattern

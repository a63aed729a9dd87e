from rempart.kernel import errors
from rempart.kernel.errors import RempartError


def all_errors(root=RempartError):
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from all_errors(child)


def test_every_error_has_its_own_code():
    codes = [error.code for error in (RempartError, *all_errors())]
    assert len(set(codes)) == len(codes)


def test_what_is_unavailable_says_when_to_come_back():
    assert errors.LedgerUnavailable("down").retry_after_s > 0
    assert errors.TooManyRequests("slow down", retry_after_s=30).retry_after_s == 30


def test_an_invalid_request_says_where():
    refusal = errors.InvalidRequest("wrong", (("identifiers.birth_rank", "1 to 9"),))
    assert refusal.fields == (("identifiers.birth_rank", "1 to 9"),)

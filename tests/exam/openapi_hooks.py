"""What schemathesis can't read from the description: which bytes are a picture. It loads this by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

from tests.exam.fuzz import mutated
from tests.exam.fuzz_files import wholes
from tests.factories import pictures

_read = [content for _, content in wholes()] + [pictures.encoded(pictures.ultrasound(seed)) for seed in range(8)]
schemathesis.openapi.format(
    "binary",
    st.one_of(st.sampled_from(_read), st.integers(0, 10_000).map(lambda number: mutated(number)[1]), st.binary()),
)


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext, _failure: object, _case: schemathesis.Case, response: schemathesis.Response
) -> bool:
    """gunicorn refuses a request line that is too long itself, as a page: no part of this interface."""
    return bool(response.status_code != 414)

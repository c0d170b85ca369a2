"""What schemathesis can't read from the description: which bytes are a picture. It loads this by SCHEMATHESIS_HOOKS."""

from __future__ import annotations

import schemathesis
from hypothesis import strategies as st

from tests.exam.fuzzing.fuzz import mutated
from tests.exam.fuzzing.fuzz_files import wholes
from tests.factories import pictures

_read = [content for _, content in wholes()] + [pictures.encoded(pictures.ultrasound(seed)) for seed in range(8)]
schemathesis.openapi.format(
    "binary",
    st.one_of(st.sampled_from(_read), st.integers(0, 10_000).map(lambda number: mutated(number)[1]), st.binary()),
)


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext, failure: object, case: schemathesis.Case, response: schemathesis.Response
) -> bool:
    """Drop what the tool takes for an acceptance of broken data, or for something lost, and is none.

    414 is a refusal, if not one of its list. An empty list breaks the description of a form's field, yet a form sends
    nothing for it: it can't be told from none. An image that was declined is there, and has no mask.
    """
    is_sent_empty = isinstance(case.body, dict) and [] in case.body.values()
    is_none = is_sent_empty or response.status_code == 414
    if type(failure).__name__ == "EnsureResourceAvailability":
        return not case.path.endswith("/mask.png")
    return not (is_none and type(failure).__name__ == "AcceptedNegativeData")

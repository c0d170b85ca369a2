"""The categories of an answer and their order of urgency: what rows, rules, pages and figures all name."""

from __future__ import annotations

PROMPT, ROUTINE, CLEAR, UNSURE, DECLINED, FAILED = "prompt", "routine", "clear", "unsure", "declined", "failed"
CATEGORIES = (PROMPT, UNSURE, ROUTINE, CLEAR, DECLINED, FAILED)

# Order of the triage list: what a doctor should see first has the highest number.
URGENCY = {PROMPT: 5, UNSURE: 4, FAILED: 3, ROUTINE: 2, CLEAR: 1, DECLINED: 0}

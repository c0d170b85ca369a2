"""The exam: bad inputs (B), faults (F) and loads (L), each row a test against the real server over HTTP.

`README.md` beside this file says how a row is written and how the page `docs/reference/exam.md` comes about.
"""

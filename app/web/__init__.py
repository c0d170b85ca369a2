"""Extensions of Flask, figures and log lines, counters."""

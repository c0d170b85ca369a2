"""Rows of the exam whose part does not exist here, and why: the page prints both."""

LEFT_OUT = {
    "F22": "Answers of CPU and GPU compared: no GPU at hand when the exam was run.",
    "F24": "A queue server (Redis) that stops: there is none; the row in the database is the queue.",
    "F25": "A task of a queue server delivered twice: there is none; F4 and F12 examine leases instead.",
    "F26": "An object store that is slow or fails: pictures are kept in a folder; F8 and F9 examine its disk.",
    "F27": "A database server that restarts: the database is embedded; F11 and F14 examine it.",
    "L4": "Latency on a GPU: no GPU at hand when the exam was run.",
    "L5": "Throughput on a GPU: no GPU at hand when the exam was run.",
}

"""Compressed streams that no library here writes.

Lossless JPEG (ITU-T T.81, process 14), made by hand; High-Throughput JPEG 2000 (ITU-T T.814) of a ramp, written once by
OpenJPH 0.26.3.
"""

from __future__ import annotations

import struct
from base64 import b64decode

import numpy as np
from numpy.typing import NDArray

# What the streams of OpenJPH hold, in shades of 8 bits: brighter by one with each row and each column.
RAMP = np.add(*np.indices((96, 112))).astype(np.uint8)
RAMP_IN_COLOUR = np.dstack([RAMP, 206 - RAMP, np.full_like(RAMP, 60)])  # red, green, blue
_CATEGORIES = range(17)  # of differences, by the number of their bits


def lossless_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Uint8 `H x W` or `H x W x 3` as lossless JPEG with predictor 1 (the left neighbour), without colour markers."""
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels
    height, width, count = planes.shape
    components = b"".join(bytes((number, 0x11, 0)) for number in range(1, count + 1))
    frame = struct.pack(">BHHB", 8, height, width, count) + components
    # Every category gets a code of five bits: 17 of 32.
    table = bytes((0, 0, 0, 0, 0, len(_CATEGORIES), *[0] * 11)) + bytes(_CATEGORIES)
    scan = bytes((count,)) + b"".join(bytes((number, 0)) for number in range(1, count + 1)) + b"\1\0\0"
    segments = _segment(0xC3, frame) + _segment(0xC4, table) + _segment(0xDA, scan)
    return b"\xff\xd8" + segments + _coded(planes.astype(np.int32)) + b"\xff\xd9"


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def _coded(planes: NDArray[np.int32]) -> bytes:
    predicted = np.empty_like(planes)
    predicted[:, 1:] = planes[:, :-1]
    predicted[1:, 0] = planes[:-1, 0]
    predicted[0, 0] = 128
    bits = "".join(_code(int(difference)) for difference in (planes - predicted).ravel())
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


def _code(difference: int) -> str:
    size = abs(difference).bit_length()
    if size == 0:
        return "00000"
    value = difference if difference > 0 else difference + (1 << size) - 1
    return f"{size:05b}{value:0{size}b}"


# `RAMP`, lossless.
HTJ2K_GREY = b64decode(
    "/0//UQApQAAAAABwAAAAYAAAAAAAAAAAAAAAcAAAAGAAAAAAAAAAAAABBwEB/1AACAACAAAAAv9SAAwAAgABAAUEBEAB/1wAEyBIUFBQUFBQUFBQ"
    "UFBQSEhI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAOsAAf+TwC0g/z+//3/fhXoNYf4An3QQBzcAwBHAFSCVEwCiKIrAAAG+tgDA"
    "FXAFYBAAAvznAv1+y3cAEAAA4Po5I/fJ7LgAwBXwBaYAAAAA8Pf8p6enp6dCegAIAAAAAPj/bE9knv2Se/ZJ7L0AwBacAWsAAAAA/j/09PT09PT0"
    "9PT09PJwAQIAAOD/fxfv3+/f79/v3+/f79/ssgHALcgF0YAAAAAAAAD/W/9//AKUpSlKUpSlKUpSlKUpS+YBAAAAAAAAAP9//388A66666666666"
    "6666666666666666nAH/2Q=="
)
# 16 times `RAMP`, lossless, as of 16 bits.
HTJ2K_DEEP = b64decode(
    "/0//UQApQAAAAABwAAAAYAAAAAAAAAAAAAAAcAAAAGAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQkJCQkJCQ"
    "kJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAZYAAf+TwAAt8P9//3v/d/9fH+AP6Mfz43fbfdu87l2z/j9zQgAxtwDAABUQ"
    "AAVY4xiAD+ALdgBIIokkksBCAb62AMAAFdAABaQiRUREioj85y/X4Yt3ACJFRERERET++gYwI/Yxgey6AMAAFrQAAW8AEAgEAoFAIBAIBPL3/Ap6"
    "enp6cQJ7AJAQCAQCgUAgEAgEAvn/bAEPYhAe/YhAe/YhAeyxAcAAF0cAAF2ohmEYhmEYhmEYhmEYhmEYhmEY/j/6enp6enp6enp6enCCcQFGwzAM"
    "wzAMwzAMwzAMwzAMwzAMwzD+/38UAQge/YQge/YQge/YQge/YQge/YQge/YQgey/AcAALt4AAXpI7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u7u/1v/"
    "f/ynp6enp6enp6enp6enp6enp6enp6enp8J/Ad7d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3/f/9/PHJ798nv3ye/fJ798nv3ye/fJ798nv3y"
    "e/fJ798nv3ye/fJ798nsvQL/2Q=="
)
# `RAMP_IN_COLOUR`, lossless.
HTJ2K_COLOUR = b64decode(
    "/0//UQAvQAAAAABwAAAAYAAAAAAAAAAAAAAAcAAAAGAAAAAAAAAAAAADBwEBBwEBBwEB/1AACAACAAAAA/9SAAwAAgABAQUEBEAB/1wAEyBQWFhY"
    "WFhYWFhYWFhYUFBQ/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAABzYAAf+TwBaAMYQxDoJoNkzjAP3Oky63AMAWkCPj46Oj8feTyWZQ"
    "Db+AIAM3AMAWkJs3NjY3m4k6MYHOCfcAIAc3AKAEwP9/1b60AMAI4AVIlRMAoiiKwAABvrYAwAkgBVC/23QASCQS+cAQgb62AMAKiAEw/3/nX6/b"
    "dgD7j9/stgDACrgBWBAAAvznAv1+y3cAEAAA4Po5I/fJ7LgAwAq4AV6iEKIQ5y/X4At3AKIQQgjx+gAAI/YAAey6AMAKyAFbACb/f/f8FPT09PTy"
    "egD/f/9sB9/v3+/f7LsA/v9yAEUAwAr4AWmAAAAAAPD3/Kenp6enQnoACAAAAAD4/2xPZJ79knv2Sey9AMALQgBaoAAAAAAAAPf8p6enp6fCegAQ"
    "AAAAAAAA/v9sz3ye/fJ798nsvQDAC+n4AX0/AC+nwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA4ABtrWta1rWtaznAAAAAAacAAAAABpwAAAAAGnAAAAAAacAAAAABpwAAAAAGnAAAAAAacAAAAABpwAAA"
    "AAGnAAAAAAavlSpUqVKlSpUqVK2xBQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAA8Ata1rWta1rWs4AAAAAAaAAAAAAGgAAAAABoAAAAAAaAAAAAAGgAAAAABoAAAAAAaAAAAAAGgAAAAABoAAAAAAaK"
    "lSpUqVKlSpUqVK2+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAABoAAAAAAaAAAAAAGgAAAAABoAAAAAAaAAAAAAGgAAAAABoAAAAAAaAAAAAAGgAAAAABoAAAAAAaKlSpUqVKlSpUq"
    "VK27BMALTgBawAAAAP4/9PT09PT09PT09PTycAECAADg/38X79/v3+/f79/v3+/f7LIBwAtqAF0YAAAAAAAAAAAA/j/wp6enp6enp6enp6dCcQEI"
    "AAAAAAAAAAAA4P9/FASe/ZJ79knv2Se/ZJ79knv2Sey4AcAXTQBdTAF/VUAAAADw/39//3//ACIiIiIiIiIiIiIiKtVVVVVVVVVVVVVVVVUgAgAA"
    "AAAAAPh//3/+uAAAAAAANtttttttttttttMzMzMzMzMzMzMzMgICAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA8ADPjjjjjjjjjjjjjjjjjjjjjjjjjiy6666666666666666666666666"
    "66m666666666666666666666666666m666666666666666666666666666m666666666666666666666666666m6666666666666666666666666"
    "66m666666666666666666666666666m666666666666666666666666666m666666666666666666666666666m6666666666666666666666666"
    "66m666666666666666666666666666m666666666666666666666666666m666666666666666666666666666m6666666666666666666666666"
    "66m666666666666666666666666666m666666666666666666666666666m666666666666666666666666666m6666666666666666666666666"
    "66m666666666666666666666666666m666666666666666666666666666m666666666666666666666666666m6666666666666666666666666"
    "66m666666666666666666666666666m/fv379+/fv379+/fv379+/fv379+/fvw+H8AW5AF0YAAAAAAAAP9b/3/8ApSlKUpSlKUpSlKUpSlL5gEA"
    "AAAAAAAA/3//fzwDrrrrrrrrrrrrrrrrrrrrrrrrrrqcAcAXSwBdUAAAAAAAAP9b/3/8FPT09PT09PT09PT09PT09PT09PT09PTyfwECAAAAAAAA"
    "/v9//38/79/v3+/f79/v3+/f79/v3+/f79/v3+/f79/ssgL/2Q=="
)
# `RAMP`, nearly.
HTJ2K_LOSSY = b64decode(
    "/0//UQApQAAAAABwAAAAYAAAAAAAAAAAAAAAcAAAAGAAAAAAAAAAAAABBwEB/1AACAACAAAAIP9SAAwAAgABAAUEBEAA/1wAIyJZqVmLWYtZblGZ"
    "UZlRhknLSctJ2kJCQkJCljogOiA52P9kABcAAU9wZW5KUEggVmVyIDAuMjYuMy7/kAAKAAAAAACQAAH/k8ALWMtN5I+e680eHOTaxQKw/QFnCGAH"
    "NwDACqgBWkygm6EGFup9lgB8Ps+DQRD8OT3PMbYAwBaEAWmAbMaMGTNmO/y9f5e59LkaAICxw46NHRs77HeR/T5KbqGM6gDAK2AWgAAAAPf8Kenp"
    "6eniegAEAADg/2wC917917917LwAAAD/2Q=="
)

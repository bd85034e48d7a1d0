"""Check, before an ONNX file is run, that it contains all of its weights.

An ONNX file can name other files that contain its weights, and some versions of ONNX
Runtime read them from any folder. An ONNX file is a protocol buffer: records of a field
number, a kind and a value. A value can be a list of records itself. This module walks
through all records that can contain a tensor.
"""

from __future__ import annotations

from collections.abc import Iterator

# For each message of onnx.proto, the fields that lead to tensors, and to which message.
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # fields of a tensor
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5  # kinds of a value


def has_external_data(content: bytes) -> bool:
    """Return whether a tensor of an ONNX file is stored in another file.

    Raise ValueError if `content` is not a protocol buffer.
    """
    waiting = [("model", memoryview(content))]
    while waiting:
        message, part = waiting.pop()
        for field, kind, value in _records(part):
            if message == "tensor":
                if field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value):
                    return True
            elif field in _FIELDS[message]:
                if kind != _BYTES or isinstance(value, int):
                    raise ValueError("it is not an ONNX file")
                waiting.append((_FIELDS[message][field], value))
    return False


def _records(part: memoryview) -> Iterator[tuple[int, int, memoryview | int]]:
    """Yield the field number, the kind and the value of each record."""
    place = 0
    while place < len(part):
        tag, place = _varint(part, place)
        field, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _varint(part, place)
            yield field, kind, value
            continue
        if kind == _BYTES:
            size, place = _varint(part, place)
        elif kind in (_FIXED_32, _FIXED_64):
            size = 4 if kind == _FIXED_32 else 8
        else:
            raise ValueError("it is not an ONNX file")
        if place + size > len(part):
            raise ValueError("it is truncated")
        yield field, kind, part[place : place + size]
        place += size


def _varint(part: memoryview, place: int) -> tuple[int, int]:
    """Return a number of at most ten bytes, seven bits in each, and the next place."""
    number = 0
    for step in range(10):
        if place + step >= len(part):
            break
        byte = part[place + step]
        number |= (byte & 0x7F) << (7 * step)
        if byte < 0x80:
            return number, place + step + 1
    raise ValueError("it is not an ONNX file")

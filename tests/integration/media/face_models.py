"""
A face model that can be told by looking: magenta squares are faces.

It has the form of YuNet as `cv2.FaceDetectorYN` reads it: for strides of 8, 16 and 32 pixels a score (`cls`),
another (`obj`), a box and five points, which here come from one convolution each. Written as ONNX (protocol
buffers, onnx.proto of ONNX 1.10) by hand, since no model comes with the program.
"""

from __future__ import annotations

import struct

import numpy as np

_INTS, _FLOAT = 7, 1


def magenta_model() -> bytes:
    """Return the model; its faces are cells of 8, 16 or 32 pixels that are pure magenta."""
    nodes, weights, outputs = b"", b"", b""
    for stride in (8, 16, 32):
        # Blue, green, red: a cell of pure magenta comes to 1, any other to less.
        magenta = np.array([0.5, -2.0, 0.5], np.float32)[None, :, None, None] / (255 * stride**2)
        kernels = {
            "cls": magenta,
            "obj": magenta,
            "bbox": np.zeros((4, 3, 1, 1)),
            "kps": np.zeros((10, 3, 1, 1)),
        }
        for name, kernel in kernels.items():
            whole = np.broadcast_to(kernel, (len(kernel), 3, stride, stride)).astype(np.float32)
            weights += _field(5, _tensor(f"{name}_{stride}_w", whole))
            nodes += _field(1, _convolution(f"{name}_{stride}", stride))
            outputs += _field(12, _value(f"{name}_{stride}", ()))
    graph = nodes + _field(2, b"magenta") + weights + _field(11, _value("input", (1, 3, 320, 320))) + outputs
    return _number(1, 7) + _field(7, graph) + _field(8, _number(2, 11))


def _convolution(name: str, stride: int) -> bytes:
    sides = b"".join(
        _field(5, _field(1, what) + _number(8, stride) * 2 + _number(20, _INTS))
        for what in (b"kernel_shape", b"strides")
    )
    ends = _field(1, b"input") + _field(1, f"{name}_w".encode()) + _field(2, name.encode())
    return ends + _field(4, b"Conv") + sides


def _tensor(name: str, values: np.ndarray) -> bytes:
    dims = b"".join(_number(1, side) for side in values.shape)
    return dims + _number(2, _FLOAT) + _field(8, name.encode()) + _field(9, values.tobytes())


def _value(name: str, sides: tuple[int, ...]) -> bytes:
    shape = _field(2, b"".join(_field(1, _number(1, side)) for side in sides))
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, _FLOAT) + shape))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return struct.pack(f"{len(parts) + 1}B", *parts, value)

"""Reads and writes safetensors files of 32-bit floats."""

import array
import json
import struct
import sys


def read_safetensors(content):
    """Arrays by name: numpy arrays where numpy is installed, else nested lists."""
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    data = memoryview(content)[8 + length :]
    tensors = {}
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        if tensor["dtype"] != "F32":
            raise ValueError(f"{name} has the type {tensor['dtype']}; only F32 is supported")
        begin, end = tensor["data_offsets"]
        tensors[name] = _array(data[begin:end], tensor["shape"])
    return tensors


def _array(data, shape):
    try:
        import numpy

        return numpy.frombuffer(bytes(data), dtype="<f4").reshape(shape)
    except ImportError:
        values = array.array("f", bytes(data))
        if sys.byteorder == "big":
            values.byteswap()
        return _nested(list(values), shape)


def _nested(values, shape):
    if not shape:
        return values[0]
    if len(shape) == 1:
        return values
    step = len(values) // shape[0] if shape[0] else 0
    return [_nested(values[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]


def write_safetensors(tensors):
    """The file of arrays, torch tensors or nested lists by name."""
    header, blocks, at = {}, [], 0
    for name, tensor in tensors.items():
        shape, values = _flat(tensor)
        block = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(block)]}
        blocks.append(block)
        at += len(block)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(blocks)


def _flat(tensor):
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu().numpy()
    if hasattr(tensor, "tolist") and hasattr(tensor, "shape"):
        return list(tensor.shape), tensor.reshape(-1).tolist()
    shape, values = [], tensor
    while isinstance(values, (list, tuple)):
        shape.append(len(values))
        if not values or not isinstance(values[0], (list, tuple)):
            break
        values = [item for row in values for item in row]
    if not shape:
        return [], [float(tensor)]
    # The lengths above count all rows of a level; each row has its share.
    for level in range(len(shape) - 1, 0, -1):
        shape[level] //= shape[level - 1]
    return shape, list(values)

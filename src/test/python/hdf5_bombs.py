"""Writes chunk_bombs.h5 and shared_samples.h5, which claim or unpack to far more than they hold.

python src/test/python/hdf5_bombs.py src/test/resources/interop (h5py 3.16)
"""
import struct
import sys
import zlib

import h5py
import numpy as np

HUGE = 1 << 30


def raw(file, name, code, options, chunk, size=64):
    """A dataset of one chunk of `size` 8-byte integers whose stored bytes are `chunk`."""
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((size,))
    plist.set_filter(code, h5py.h5z.FLAG_OPTIONAL, options)
    space = h5py.h5s.create_simple((size,))
    dataset = h5py.h5d.create(file.id, name.encode(), h5py.h5t.NATIVE_INT64, space, plist)
    dataset.write_direct_chunk((0,), chunk, 0)


with h5py.File(sys.argv[1] + "/chunk_bombs.h5", "w") as file:
    # LZF keeps the size of a chunk among its options.
    raw(file, "lzf", 32000, (4, 261, HUGE), b"\0" * 64)
    # LZ4 and Bitshuffle with LZ4 begin with the chunk's size and that of a block, big-endian.
    head = struct.pack(">QI", HUGE, HUGE)
    raw(file, "lz4", 32004, (0,), head + b"\0" * 64)
    raw(file, "bitshuffle", 32008, (0, 3, 8, 0, 2), head + b"\0" * 64)
    # A chunk of 512 bytes that inflates to 4 MiB.
    raw(file, "deflate", 1, (9,), zlib.compress(bytes(4 << 20), 9))
    file.create_dataset("honest", data=np.arange(4000), chunks=(1000,), compression="lzf")

# h5py sets LZF's options to the true size.
path = sys.argv[1] + "/chunk_bombs.h5"
with open(path, "rb") as file:
    content = file.read()
true = struct.pack("<III", 4, 261, 512)
assert content.count(true) == 1
with open(path, "wb") as file:
    file.write(content.replace(true, struct.pack("<III", 4, 261, HUGE)))

# A data set of 4,000 spike trains, each of which is the same long array of the file.
path = sys.argv[1] + "/shared_samples.h5"
with h5py.File(path, "w") as file:
    for name, kind in (("times", np.float32), ("units", np.uint16)):
        samples = file.create_dataset("spikes/" + name, (4000,), h5py.vlen_dtype(kind))
        for i in range(4000):
            samples[i] = np.zeros(0, kind)
        samples[0] = np.zeros(10_000, kind)
    file["labels"] = np.zeros(4000, np.uint8)
    places = [file["spikes/" + name].id.get_offset() for name in ("times", "units")]
with open(path, "r+b") as file:
    for place in places:
        file.seek(place)
        reference = file.read(16)
        file.seek(place)
        file.write(reference * 4000)

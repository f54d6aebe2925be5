"""Writes external_link.h5 and external_data.h5, whose arrays lie in another file of the machine that reads them.

python src/test/python/hdf5_links.py src/test/resources/interop (h5py 3.16)
"""
import sys

import h5py
import numpy as np

SECRET = "/tmp/spikewise-external-secret.bin"


def names():
    """Every place at which a reader looks: columns of events, spike trains, a NIR graph."""
    return [f"events/{name}" for name in "xytp"] + [
        "spikes/times",
        "spikes/units",
        "labels",
        "node/nodes/a/weight",
        "node/nodes/a/type",
        "node/edges",
        "node/type",
    ]


with h5py.File(sys.argv[1] + "/external_link.h5", "w") as file:
    for name in names():
        file[name] = h5py.ExternalLink(SECRET, "/secret")
with h5py.File(sys.argv[1] + "/external_data.h5", "w") as file:
    for name in names():
        file.create_dataset(name, (400,), np.uint8, external=[(SECRET, 0, 400)])

"""Writes the arrays of images for the reader tests with NumPy in the layouts that Keras' mnist.npz and MedMNIST
have, and files that no reader here takes. Argument: the folder to write to (src/test/resources/images)."""
import sys

import numpy as np

out = sys.argv[1]
rng = np.random.default_rng(7)


def images(n, *shape):
    return rng.integers(0, 256, (n, *shape), dtype=np.uint8)


# keras.datasets.mnist: mnist.npz with x_train [n, 28, 28], y_train [n]; cifar10 has labels [n, 1]
np.savez(f"{out}/keras.npz", x_train=images(4, 6, 5), y_train=np.array([5, 0, 4, 1], np.uint8),
         x_test=images(2, 6, 5), y_test=np.array([7, 2], np.uint8))
# MedMNIST (pathmnist.npz): *_images [n, 28, 28, 3], *_labels [n, 1]
np.savez_compressed(f"{out}/medmnist.npz", train_images=images(3, 6, 5, 3), train_labels=np.array([[2], [0], [1]], np.uint8),
                    val_images=images(1, 6, 5, 3), val_labels=np.array([[1]], np.uint8),
                    test_images=images(2, 6, 5, 3), test_labels=np.array([[0], [2]], np.uint8))

# Blosc as PyTables and DSEC use it, which the HDF5 reader does not have
try:
    import tables
except ImportError:
    sys.exit("blosc.h5 needs PyTables")
with tables.open_file(f"{out}/../events/blosc.h5", "w") as f:
    group = f.create_group("/", "events")
    for name in "xytp":
        f.create_carray(group, name, obj=np.arange(2000, dtype="i8") % 30, filters=tables.Filters(complevel=5, complib="blosc:zstd"))

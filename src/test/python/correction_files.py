"""Writes the files of FileCorrectionsTest with NumPy. Argument: the output folder."""
import sys
import numpy as np

out = sys.argv[1]
rng = np.random.default_rng(3)
x = rng.integers(17, 256, (6, 1, 3, 4)).astype(np.uint8)
x[0, 0, 0, 0] = 255
y = np.array([0, 1, 2, 2, 1, 0])
np.savez(f"{out}/plain.npz", x=x, y=y)
np.savez(f"{out}/float_labels.npz", x=x, y=y.astype(np.float64))
np.savez(f"{out}/class_names.npz", x=x, y=y, classes=np.array(["cat", "dog", "owl"]), info=np.array({"a": 1}, dtype=object))
np.savez(f"{out}/text_labels.npz", x=x, y=np.array(["cat", "dog"])[y % 2])
np.savez(f"{out}/pickled.npz", x=np.array([1, "a"], dtype=object), y=y)
np.savez(f"{out}/one_hot.npz", x=x, y=np.eye(3)[y])
np.savez(f"{out}/time_first.npz", spikes=np.zeros((5, 6, 4), np.uint8), y=y)
np.savez(f"{out}/mixed_kinds.npz", x=x, y=y, x_test=x / 255, y_test=y)

# Ten events on 34 x 34, two of them in each of four equal windows and two more in the first.
ex, ey = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 33]), np.array([30, 31, 32, 3, 4, 5, 6, 7, 8, 9])
ep = np.array([0, 1] * 5)
et = np.array([0, 5, 10, 15, 30, 35, 55, 60, 80, 99])
fields = lambda order: [(k, f"{order}{t}") for k, t in (("x", "u2"), ("y", "u2"), ("t", "i8"), ("p", "i1"))]
def records(dtype, **columns):
    r = np.zeros(10, dtype=dtype)
    for k, v in columns.items():
        r[k] = v
    return r
all_columns = dict(x=ex, y=ey, t=et, p=ep)
np.save(f"{out}/rows_backwards.npy", np.stack([ex, ey, et, ep], 1)[::-1])
np.save(f"{out}/matlab_polarities.npy", records(fields("<"), **{**all_columns, "p": ep + 1}))
np.save(f"{out}/objects.npy", records(fields("<") + [("note", "O")], **all_columns))
np.savez(f"{out}/events_in_records.npz", events=records(fields("<"), **all_columns))
np.savez(f"{out}/frames.npz", frames=np.zeros((4, 2, 34, 34), np.uint8))

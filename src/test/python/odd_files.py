"""Writes data sets as they occur outside of benchmarks, for OddFilesTest, with NumPy, h5py, SciPy and Python's own modules.
Argument: the output folder."""
import gzip, io, os, pickle, struct, sys, tarfile, zipfile
import numpy as np, h5py, scipy.io
out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(7)

def save(name, data):
    open(f"{out}/{name}", "wb").write(data)

def npz(name, **arrays):
    np.savez_compressed(f"{out}/{name}", **arrays)

def npy(array):
    file = io.BytesIO(); np.save(file, array); return file.getvalue()

def archive(name, **files):
    entries = {k: v for k, v in files.items()}
    with zipfile.ZipFile(f"{out}/{name}", "w", zipfile.ZIP_DEFLATED) as z:
        for path, data in entries.items():
            z.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)

def folder(name, files):
    archive(name, **files)

def idx(array):
    return struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()

# images: value of pixel [i, r, c] is (i + 2 r + 4 c) % 16 + 1, at least one 16
i, r, c = np.meshgrid(np.arange(4), np.arange(3), np.arange(5), indexing="ij")
x = (i + 2 * r + 4 * c) % 16 + 1
x[0, 0, 0] = 16
y = np.array([0, 1, 2, 1])
npz("big_endian.npz", x=x.astype(">i4"), y=y.astype(">i8"))
npz("fortran.npz", x=np.asfortranarray(x.astype(np.int16)), y=y)
npz("uint16_scaled_by_255.npz", x=(x * 15).astype(np.uint16), y=y)
npz("uint16_12bit.npz", x=(x * 255).astype(np.uint16), y=y)
npz("float64.npz", x=x / 16.0, y=y.astype(float))
npz("half.npz", x=(x / 16).astype(np.float16), y=y.astype(np.uint8))
npz("bool.npz", x=x > 8, y=y)
npz("labels_half.npz", x=x, y=y + 0.5)
npz("labels_from_1.npz", x=x, y=y + 1)
npz("labels_negative.npz", x=x, y=y - 1)
npz("labels_one_hot.npz", x=x, y=np.eye(3)[y])
npz("labels_text.npz", x=x, y=np.array(["cat", "dog", "owl", "dog"]))
npz("labels_nan.npz", x=x, y=np.array([0, np.nan, 1, 2]))
npz("nan.npz", x=np.where(x == 16, np.nan, x), y=y)
npz("complex.npz", x=x.astype(np.complex64), y=y)
npz("objects.npz", x=np.array([np.zeros((2, 2)), np.zeros((3, 3))], dtype=object), y=y[:2])
npz("test_without_labels.npz", x=x, y=y, x_test=x)
npz("test_of_another_size.npz", x=x, y=y, x_test=x[:, :2], y_test=y)
npz("images_and_spikes.npz", x=x, spikes=x[:, None], y=y)
npz("other_names.npz", data=x, target=y)
npz("spikes.npz", spikes=(rng.random((2, 3, 2, 4, 6)) < 0.2).astype(np.uint8), y=np.array([0, 1]))
save("images.idx.gz", gzip.compress(idx(x), mtime=0)); save("labels.idx.gz", gzip.compress(idx(y), mtime=0))
save("images.idx", idx(x))
save("array.npy", npy(x))
save("table.csv", b"label,p1,p2\n" + b"1,0.5,0.25\n" * 100)
save("table_as_long_as_a_batch.csv", (b"1," * 3074)[: 3074 * 2])
save("batch.pickle", pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]}))
save("empty.npz", b"PK\5\6" + bytes(18))
tar = io.BytesIO(); tarfile.open(fileobj=tar, mode="w").close(); save("cifar.tar.gz", gzip.compress(tar.getvalue(), mtime=0))

# events: 40 on 8 x 8 pixels, 10 in each quarter of 4000 us
n = 40
ex, ey, ep = rng.integers(0, 8, n), rng.integers(0, 8, n), np.arange(n) % 2
et = np.arange(n) * 100
et[-1] = 3999
dtype = [("x", "<u2"), ("y", "<u2"), ("p", "i1"), ("t", "<i8")]

def records(x=ex, y=ey, p=ep, t=et, dtype=dtype):
    a = np.zeros(n, dtype)
    a["x"], a["y"], a["p"], a["t"] = x, y, p, t
    return npy(a)

def mat(**values):
    file = io.BytesIO(); scipy.io.savemat(file, values); return file.getvalue()

def hdf5(**groups):
    file = io.BytesIO()
    with h5py.File(file, "w") as f:
        for group, columns in groups.items():
            for name, values in columns.items():
                f[f"{group.replace('__', '/')}/{name}"] = values
    return file.getvalue()

order = np.roll(np.arange(n), 7)
folder("backwards.zip", {"0/a.npy": records(ex[order], ey[order], ep[order], et[order])})
folder("backwards_rows.zip", {"0/a.npy": npy(np.stack([ex, ey, et, ep], 1)[order])})
folder("big_endian.zip", {"0/a.npy": records(dtype=[("t", ">f8"), ("x", ">i2"), ("y", ">i2"), ("p", "?")], t=et / 1e6)})
folder("fortran.zip", {"0/a.npy": npy(np.asfortranarray(np.stack([ex, ey, et, ep], 1)))})
folder("polarity_minus_one.zip", {"0/a.npy": records(p=2 * ep - 1)})
folder("polarity_three.zip", {"0/a.npy": records(p=np.arange(n) % 3 - 1)})
folder("polarity_one_two.zip", {"0/a.npy": records(p=ep + 1)})
folder("epoch_nanoseconds.zip", {"0/a.npy": records(t=1_700_000_000_000_000_000 + et * 1000)})
folder("epoch_seconds.zip", {"0/a.npy": records(dtype=[("x", "u2"), ("y", "u2"), ("p", "u1"), ("t", "f8")], t=1_700_000_000 + et / 1e6)})
folder("unsigned_overflow.zip", {"0/a.npy": records(dtype=[("x", "u2"), ("y", "u2"), ("p", "u1"), ("t", "u8")], t=np.where(et > 2000, np.uint64(2**63 + 5), et.astype(np.uint64)))})
folder("nan_time.zip", {"0/a.npy": records(dtype=[("x", "u2"), ("y", "u2"), ("p", "u1"), ("t", "f8")], t=np.where(et == 100, np.nan, et))})
folder("datetime.zip", {"0/a.npy": npy(np.zeros(3, [("x", "u2"), ("y", "u2"), ("p", "u1"), ("t", "M8[us]")]))})
folder("two_sensors.zip", {"0/a.npy": records(), "1/b.npy": records(x=ex * 4)})
folder("two_units.zip", {"0/a.npy": records(), "1/b.npy": records(dtype=[("x", "u2"), ("y", "u2"), ("p", "u1"), ("t", "f8")], t=et / 1e6)})
folder("hdf5_xs.zip", {"0/a.hdf5": hdf5(events={"xs": ex, "ys": ey, "ts": et, "ps": ep.astype(bool)})})
folder("hdf5_stereo.zip", {"0/a.h5": hdf5(prophesee__left={"x": ex, "y": ey, "t": et, "p": ep}, prophesee__right={"x": ex, "y": ey, "t": et, "p": ep})})
folder("mat_struct.zip", {"0/a.mat": mat(TD={"x": ex[:, None], "y": ey[:, None], "ts": et[:, None], "p": ep[:, None]})})
folder("mat_two_structs.zip", {"0/a.mat": mat(TD={"x": ex, "y": ey, "ts": et, "p": ep}, EM={"x": ey, "y": ex, "ts": et, "p": ep})})
td = b"".join(struct.pack(">BBBH", a, b, d << 7, e) for a, b, d, e in zip(ex, ey, ep, et))
folder("nmnist.zip", {"0/a.bin": td})
folder("nmnist_truncated.zip", {"0/a.bin": td[:-2]})
folder("one_empty.zip", {"0/a.bin": td, "1/b.bin": b""})
folder("zip_in_zip.zip", {"data.zip": open(f"{out}/nmnist.zip", "rb").read()})
folder("csv.zip", {"0/a.csv": b"x,y,p,t\n1,2,0,100\n", "1/b.csv": b"x,y,p,t\n1,2,0,100\n"})
folder("no_folders.zip", {"a.bin": td})
def cached(label):
    file = io.BytesIO()
    with h5py.File(file, "w") as f:
        f["data/0"] = np.stack([ex, ey, et, ep], 1); f["target/0"] = label
    return file.getvalue()

folder("cache_with_labels.zip", {"nmnist_cache/0_0.hdf5": cached(7), "nmnist_cache/1_0.hdf5": cached(2)})
folder("some_with_labels.zip", {"cat/a.bin": td, "dog/b.hdf5": cached(7)})
save("empty.zip", b"PK\5\6" + bytes(18))

with h5py.File(f"{out}/shd_half_floats.h5", "w") as f:  # SHD itself stores its times as half floats
    times = f.create_dataset("spikes/times", (2,), dtype=h5py.vlen_dtype(np.float16))
    units = f.create_dataset("spikes/units", (2,), dtype=h5py.vlen_dtype(np.uint16))
    for s in range(2):
        times[s] = np.array([0.125, 0.25, 0.75], np.float16); units[s] = np.array([1, 699, 3], np.uint16)
    f["labels"] = np.array([0, 1], np.uint16)

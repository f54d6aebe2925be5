"""Writes the event recordings of the reader tests with the libraries themselves, and beside each an
.npz of what the library reads in it (x, y, p, t in microseconds). Arguments: a folder with checkouts of
tonic, spikingjelly, v2e, event_utils, speech2spikes and expelliarmus (built in place), and the output folder."""
import importlib.util, io, os, struct, subprocess, sys, types
import numpy as np, h5py, scipy.io
src, out = sys.argv[1], sys.argv[2]
rng = np.random.default_rng(1)

def module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    m = importlib.util.module_from_spec(spec); sys.modules[name] = m; spec.loader.exec_module(m); return m

def stub(name, **attrs):
    m = types.ModuleType(name); m.__dict__.update(attrs); sys.modules[name] = m; return m

def expect(name, x, y, p, t):
    np.savez_compressed(f"{out}/{name}.expected.npz", **{k: np.asarray(v).astype(np.int64) for k, v in dict(x=x, y=y, p=p, t=t).items()})

n = 600
x, y = rng.integers(0, 128, n), rng.integers(0, 120, n)
p = rng.integers(0, 2, n)
t = np.sort(rng.integers(0, 900_000, n))

# tonic: N-MNIST's sample, and its disk cache
tio = module("tonic_io", f"{src}/neuromorphs+tonic/tonic/io.py")
data = f"{src}/../tonicdata"
raw = open(f"{data}/sample_nmnist.bin", "rb").read()
open(f"{out}/nmnist.bin", "wb").write(raw)
e = tio.read_mnist_file(f"{out}/nmnist.bin", tio.events_struct)
expect("nmnist.bin", e["x"], e["y"], e["p"], e["t"])
stub("tonic"); 
text = open(f"{src}/neuromorphs+tonic/tonic/cached_dataset.py").read()
a = text.index("def save_to_disk_cache"); b = text.index("@dataclass", a)
scope = {"h5py": h5py, "np": np, "Union": __import__("typing").Union, "Path": __import__("pathlib").Path, "Tuple": tuple}
exec(text[a:b], scope)
events = tio.make_structured_array(x, y, t, p)
scope["save_to_disk_cache"](events, 7, f"{out}/tonic_cache.hdf5")
read, target = scope["load_from_disk_cache"](f"{out}/tonic_cache.hdf5")
assert target == 7
expect("tonic_cache.hdf5", read["x"], read["y"], read["p"], read["t"])

# SpikingJelly: events_np from an ATIS file without clock overflow, AEDAT 3.1 and CIFAR10-DVS's AEDAT 2
text = open(f"{src}/fangwei123456+spikingjelly/spikingjelly/datasets/utils.py").read()
scope = {"np": np, "struct": struct, "Union": __import__("typing").Union, "Path": __import__("pathlib").Path, "np_savez": np.savez, "logger": __import__("logging")}
for f, stop in (("def load_aedat_v3", "def load_ATIS_bin"), ("def load_ATIS_bin", "def load_npz_frames")):
    a = text.index(f); exec(text[a:text.index(stop, a)], scope)
few = b"".join(raw[i:i + 5] for i in range(0, 2000, 5) if raw[i + 1] != 240)
open(f"{out}/tmp.bin", "wb").write(few)
scope["_save_atis_bin_as_npz"](f"{out}/tmp.bin", f"{out}/spikingjelly.npz"); os.remove(f"{out}/tmp.bin")
e = np.load(f"{out}/spikingjelly.npz")
expect("spikingjelly.npz", e["x"], e["y"], e["p"], e["t"])
with open(f"{out}/aedat3.aedat", "wb") as f:  # no library writes it: by the format's description, read by SpikingJelly
    f.write(b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n")
    f.write(struct.pack("<HHIIIIII", 2, 1, 8, 4, 0, 2, 2, 2) + bytes(16))
    for k in range(0, n, 200):
        f.write(struct.pack("<HHIIIIII", 1, 1, 8, 4, k // 400, 200, 200, 200))
        for i in range(k, k + 200):
            f.write(struct.pack("<II", int(x[i]) << 17 | int(y[i]) << 2 | int(p[i]) << 1 | 1, int(t[i])))
e = scope["load_aedat_v3"](f"{out}/aedat3.aedat")
expect("aedat3.aedat", e["x"], e["y"], e["p"], e["t"])
text = open(f"{src}/fangwei123456+spikingjelly/spikingjelly/datasets/cifar10_dvs.py").read()
a = text.index("EVT_DVS = "); b = text.index("def _read_aedat_save_to_np", a)
scope = {"np": np, "os": os, "Union": __import__("typing").Union, "Path": __import__("pathlib").Path}
exec(text[a:b], scope)
with open(f"{out}/aedat2_dvs128.aedat", "wb") as f:
    f.write(b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n")
    for i in range(n):
        f.write(struct.pack(">II", int(y[i]) << 8 | int(x[i]) << 1 | int(p[i]), int(t[i])))
e = scope["_load_origin_data"](f"{out}/aedat2_dvs128.aedat")
expect("aedat2_dvs128.aedat", e["x"], e["y"], e["p"], e["t"])

# v2e: AEDAT 2 of a DAVIS346, HDF5
stub("engineering_notation", EngNumber=lambda v: v)
stub("v2ecore"); stub("v2ecore.v2e_utils", v2e_quit=sys.exit)
aedat2 = module("aedat2_output", f"{src}/SensorsINI+v2e/v2ecore/output/aedat2_output.py")
w = aedat2.AEDat2Output(f"{out}/aedat2_v2e.aedat", output_width=346, output_height=260)
w.appendEvents(np.stack([t * 1e-6 + 2e-7, x, y, 2.0 * p - 1], 1)); w.close()
expect("aedat2_v2e.aedat", x, y, p, t)
with h5py.File(f"{out}/v2e.h5", "w") as f:  # the lines of emulator.py that create and append to the data set
    d = f.create_dataset(name="events", shape=(0, 4), maxshape=(None, 4), dtype="uint32", compression="gzip")
    temp = np.stack([t * 1e-6 + 2e-7, x, y, 2.0 * p - 1], 1).astype(np.float32).astype(np.float64)
    temp[:, 0] = t
    temp[temp[:, 3] == -1, 3] = 0
    temp = temp.astype(np.uint32)
    d.resize(len(temp), axis=0); d[-len(temp):] = temp
expect("v2e.h5", x, y, p, t)

# event_utils
stub("cv2")
pack = module("event_packagers", f"{src}/TimoStoff+event_utils/lib/data_formats/event_packagers.py")
w = pack.hdf5_packager(f"{out}/event_utils.h5"); w.package_events(x.astype(np.int16), y.astype(np.int16), t * 1e-6, p.astype(bool)); w.events_file.close()
with h5py.File(f"{out}/event_utils.h5") as f:
    expect("event_utils.h5", f["events/xs"][:], f["events/ys"][:], f["events/ps"][:], np.rint(f["events/ts"][:] * 1e6))

# MATLAB: ST-MNIST's sample and SciPy's writer for version 5; h5py for version 7.3, which is HDF5 after 512 bytes
scipy.io.savemat(f"{out}/v5.mat", {"x": x.astype(np.uint16), "y": y.astype(np.uint16), "ts": t.astype(np.int32), "pol": (2 * p - 1).astype(np.int8)}, do_compression=True)
e = scipy.io.loadmat(f"{out}/v5.mat")
expect("v5.mat", e["x"].ravel(), e["y"].ravel(), e["pol"].ravel() > 0, e["ts"].ravel())
with h5py.File(f"{out}/v73.mat", "w", userblock_size=512) as f:
    for k, v in dict(x=x, y=y, ts=t, pol=2 * p - 1).items():
        f.create_dataset(k, data=v.astype(float)[None, :], compression="gzip")
with open(f"{out}/v73.mat", "r+b") as f:
    f.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
expect("v73.mat", x, y, p, t)

# Prophesee: expelliarmus reads and writes .dat, EVT 2 and EVT 3; no library at hand writes EVT 2.1
sys.path.insert(0, f"{src}/open-neuromorphic+expelliarmus")
for m in ("v2ecore",): sys.modules.pop(m)
from expelliarmus import Wizard
arr = np.zeros(n, dtype=[("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")])
arr["t"], arr["x"], arr["y"], arr["p"] = t + 5000, x, y, p
for enc, name in (("dat", "prophesee.dat"), ("evt2", "evt2.raw")):
    wiz = Wizard(encoding=enc)
    wiz.save(fpath=f"{out}/{name}", arr=arr)
    r = Wizard(encoding=enc).read(f"{out}/{name}")
    print(name, len(r), os.path.getsize(f"{out}/{name}"), open(f"{out}/{name}","rb").read()[:60], all((r[k] == arr[k]).all() for k in "txyp") if len(r) == n else "differs")
    expect(name, r["x"], r["y"], r["p"], r["t"])
open(f"{out}/ncars.dat", "wb").write(open(f"{data}/sample_ncars.dat", "rb").read())
r = Wizard(encoding="dat").read(f"{out}/ncars.dat"); expect("ncars.dat", r["x"], r["y"], r["p"], r["t"])
with open(f"{out}/evt3.raw", "wb") as f:  # by Prophesee's description: expelliarmus' writer leaves TIME_HIGH out, and its reader
    # adds 4,096 us wherever both TIME_HIGH and the wrapped TIME_LOW say that time went on; x, y and p are compared with it
    f.write(b"% evt 3.0\n% format EVT3;width=1280;height=720\n% end\n"); high, ex = -1, []
    w = lambda kind, v: f.write(struct.pack("<H", kind << 12 | int(v)))
    for i in range(n):
        tt = int(t[i]) + 16_500_000  # over the end of the 24-bit clock
        if tt >> 12 & 4095 != high: high = tt >> 12 & 4095; w(8, high)
        w(6, tt & 4095); w(0, y[i])
        if i % 10: w(2, x[i] | p[i] << 11)
        else: w(3, x[i] | p[i] << 11); w(4, 0b100000000101); w(5, 0b10000001)
        ex += [(x[i] + b, y[i], p[i], tt) for b in ((0,) if i % 10 else (0, 2, 11, 12, 19))]
r = Wizard(encoding="evt3").read(f"{out}/evt3.raw"); ex = np.array(ex)
assert (r["x"] == ex[:, 0]).all() and (r["y"] == ex[:, 1]).all() and (r["p"] == ex[:, 2]).all(); expect("evt3.raw", *ex.T)
with open(f"{out}/evt21.raw", "wb") as f:  # by Prophesee's description of the format
    f.write(b"% evt 2.1\n% format EVT21;width=1280;height=720\n% end\n"); high = -1
    ex = []
    for i in range(0, 300):
        tt = int(t[i])
        if tt >> 6 != high:
            high = tt >> 6; f.write(struct.pack("<Q", 8 << 60 | high << 32))
        mask = int(rng.integers(1, 1 << 32)); base = int(x[i]) & ~31
        f.write(struct.pack("<Q", int(p[i]) << 60 | (tt & 63) << 54 | base << 43 | int(y[i]) << 32 | mask))
        ex += [(base + b, y[i], p[i], tt) for b in range(32) if mask >> b & 1]
expect("evt21.raw", *zip(*ex))

# AEDAT 4: the head of DV's recording in tonic's tests, unpacked by the lz4 tool; and packed again by the zstd tool
d = open(f"{data}/sample.aedat4", "rb").read()
h = struct.unpack("<I", d[14:18])[0]; at = 18 + h
packets = []
while len(packets) < 6:
    s, z = struct.unpack("<ii", d[at:at + 8]); packets.append((s, d[at + 8:at + 8 + z])); at += 8 + z
open(f"{out}/aedat4_lz4.aedat4", "wb").write(d[:at])
head = bytearray(d[:18 + h])
ex, again = [], b""
for s, packed in packets:
    plain = subprocess.run(["lz4", "-dc"], input=packed, capture_output=True, check=True).stdout
    z = subprocess.run(["zstd", "-c"], input=plain, capture_output=True, check=True).stdout
    again += struct.pack("<ii", s, len(z)) + z
    if plain[8:12] == b"EVTS" and s == 0:
        root = 4 + struct.unpack("<I", plain[4:8])[0]; vt = root - struct.unpack("<i", plain[root:root + 4])[0]
        vec = root + struct.unpack("<H", plain[vt + 4:vt + 6])[0]; vec += struct.unpack("<I", plain[vec:vec + 4])[0]
        count = struct.unpack("<I", plain[vec:vec + 4])[0]
        ex.append(np.frombuffer(plain, np.dtype({"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "?"], "offsets": [0, 8, 10, 12], "itemsize": 16}), count, vec + 4))
e = np.concatenate(ex); print("aedat4", len(e), e[:3], e[-1])
expect("aedat4_lz4.aedat4", e["x"], e["y"], e["p"], e["t"])
root = 18 + struct.unpack("<I", head[18:22])[0]; vt = root - struct.unpack("<i", head[root:root + 4])[0]
at = root + struct.unpack("<H", head[vt + 4:vt + 6])[0]; assert struct.unpack("<i", head[at:at + 4])[0] == 1
head[at:at + 4] = struct.pack("<i", 3)
open(f"{out}/aedat4_zstd.aedat4", "wb").write(bytes(head) + again[:30000] if False else bytes(head) + again)
expect("aedat4_zstd.aedat4", e["x"], e["y"], e["p"], e["t"])

# Structured and unordered NumPy arrays
al = np.zeros(n, dtype=np.dtype([("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")], align=True))
al["x"], al["y"], al["p"], al["t"] = x, y, 2 * p - 1, t
mixed = rng.permutation(n); np.save(f"{out}/unsorted_aligned.npy", al[mixed])
o = mixed[np.argsort(t[mixed], kind="stable")]
expect("unsorted_aligned.npy", x[o], y[o], p[o], t[o])

# Files whose meaning nothing in them decides
np.save(f"{out}/ambiguous.npy", np.array([[0, 0, 1, 0], [1, 1, 0, 1]]))
np.save(f"{out}/fractions.npy", np.array([[3, 4, 0.00123456789, 1], [3, 4, 0.0022345, 0]]))
np.save(f"{out}/polarity.npy", np.array([(3, 4, 5, 7)], dtype=[("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "<i2")]))

# Denoising by tonic, which takes time 0 for an event of every pixel: these times begin after the filter time
d = module("denoise", f"{src}/neuromorphs+tonic/tonic/functional/denoise.py")
noisy = np.zeros(600, dtype=[("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")])
noisy["x"], noisy["y"], noisy["p"] = rng.integers(0, 16, 600), rng.integers(0, 12, 600), rng.integers(0, 2, 600)
noisy["t"] = np.sort(rng.integers(20_000, 420_000, 600))
np.save(f"{out}/noisy.npy", noisy)
kept = d.denoise_numpy(noisy, 10_000)
print("denoised", len(kept))
expect("noisy.npy", kept["x"], kept["y"], kept["p"], kept["t"])

# Audio: a digit spoken by espeak-ng, encoded by Speech2Spikes in double precision; torchaudio's MelSpectrogram is
# torch.stft (power 2, periodic Hann window, centred, reflected) times its own HTK filter bank
import torch, wave
def mel_filters(n_freqs, f_min, f_max, n_mels, rate):  # torchaudio.functional.melscale_fbanks, norm None, HTK
    mel = lambda f: 2595.0 * np.log10(1.0 + f / 700.0)
    freqs = torch.linspace(0, rate // 2, n_freqs, dtype=torch.float64)
    points = 700.0 * (10.0 ** (torch.linspace(mel(f_min), mel(f_max), n_mels + 2, dtype=torch.float64) / 2595.0) - 1.0)
    diff, slopes = points[1:] - points[:-1], points[None] - freqs[:, None]
    return torch.clamp(torch.minimum(-slopes[:, :-2] / diff[:-1], slopes[:, 2:] / diff[1:]), min=0)
stub("torchaudio")
s2s = module("s2s", f"{src}/Accenture+speech2spikes/speech2spikes.py")
for rate, more in ((16000, []), (8000, ["-b", "8", "-c", "2"])):
    name = f"seven_{rate}.wav"
    subprocess.run(["espeak-ng", "-v", "en", "-s", "350", "-w", f"{out}/tmp.wav", "seven"], check=True)
    subprocess.run(["sox", "-D", f"{out}/tmp.wav", "-r", str(rate), *more, f"{out}/{name}"], check=True); os.remove(f"{out}/tmp.wav")
    w = wave.open(f"{out}/{name}"); raw = w.readframes(w.getnframes())
    a = np.frombuffer(raw, "<i2") / 32768 if w.getsampwidth() == 2 else (np.frombuffer(raw, "u1") - 128.0) / 128
    a = torch.from_numpy(a.reshape(-1, w.getnchannels()).mean(1)); n_fft, hop = rate * 32 // 1000, rate * 5 // 1000
    power = torch.stft(a, n_fft, hop, window=torch.hann_window(n_fft, dtype=torch.float64), center=True, pad_mode="reflect", return_complex=True).abs() ** 2
    mel = mel_filters(n_fft // 2 + 1, 20.0, 4000.0, 20, rate).T @ power
    events = s2s.tensor_to_events(torch.log(mel.clamp(min=1e-10))[None])[0].numpy()  # 1e-10: Speech2Spikes alone has log 0 in silence
    k, band = np.nonzero(events.T)
    print(name, os.path.getsize(f"{out}/{name}"), len(k), events.shape)
    expect(name, band, 0 * band, events[band, k] > 0, k * 5000)

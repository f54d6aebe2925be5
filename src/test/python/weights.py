"""Makes interop/*.safetensors, *.npz and *.txt: what PyTorch, safetensors, NumPy and sinabs write for small networks.

    python weights.py OUT

Made with PyTorch 2.13.0, safetensors 0.8.0, NumPy 2.4.6 and sinabs 3.1.3.
"""

import pathlib
import sys

import numpy as np
import sinabs.activation as sa
import sinabs.layers as sl
import torch
from safetensors.torch import save_file
from torch import nn

out = pathlib.Path(sys.argv[1])
torch.manual_seed(1)

small = nn.Sequential(
    sl.FlattenTime(),
    nn.Conv2d(2, 4, (3, 2), stride=2, padding=(1, 0), groups=2),
    sl.IAFSqueeze(batch_size=1, spike_threshold=0.5, min_v_mem=-1.0),
    sl.SumPool2d(2),
    nn.Flatten(),
    nn.Linear(8, 3, bias=False),
    sl.LIFSqueeze(batch_size=1, tau_mem=20.0),
    sl.UnflattenTime(batch_size=1),
)
small(torch.ones(1, 1, 2, 8, 4))
state = {name: value.detach().clone() for name, value in small.state_dict().items()}
np.savez(out / "small.npz", **{name: value.numpy() for name, value in state.items()})
for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
    width = str(dtype).removeprefix("torch.")
    save_file({k: v.to(dtype).contiguous() for k, v in state.items()}, out / f"small-{width}.safetensors")

(out / "small.txt").write_text(str(small) + "\n")

tutorial = nn.Sequential(
    sl.FlattenTime(),
    nn.Conv2d(1, 16, kernel_size=5, bias=False),
    sl.IAFSqueeze(batch_size=5),
    sl.SumPool2d(2),
    nn.Conv2d(16, 32, kernel_size=5, bias=False),
    sl.IAFSqueeze(batch_size=5),
    sl.SumPool2d(2),
    nn.Conv2d(32, 120, kernel_size=4, bias=False),
    sl.IAFSqueeze(batch_size=5),
    nn.Flatten(),
    nn.Linear(120, 10, bias=False),
    sl.IAFSqueeze(batch_size=5),
    sl.UnflattenTime(batch_size=5),
)
(out / "tutorial.txt").write_text(str(tutorial) + "\n")

strange = nn.Sequential(
    nn.Conv2d(1, 4, 3, padding="same"),
    sl.IAF(spike_fn=sa.SingleSpike),
    nn.AlphaDropout(0.5),
    nn.Sequential(nn.Conv2d(4, 4, 3, padding_mode="reflect", padding=1), nn.Sigmoid()),
    nn.MaxPool2d(2),
    sl.SumPool2d(2, ceil_mode=True),
    nn.Flatten(0),
    nn.Linear(4, 2),
)
(out / "strange.txt").write_text(str(strange) + "\n")

every = nn.Sequential(
    sl.FlattenTime(),
    nn.Conv2d(2, 4, 3, padding=1),
    nn.BatchNorm2d(4),
    sl.ALIF(tau_mem=20.0, tau_adapt=30.0, min_v_mem=-1.0),
    nn.Dropout(0.2),
    nn.Dropout2d(0.1),
    sl.SpikingMaxPooling2dLayer(2),
    sl.ExpLeakSqueeze(batch_size=1, tau_mem=9.0, min_v_mem=-2.0),
    nn.ReLU(),
    sl.NeuromorphicReLU(),
    nn.AvgPool2d(2),
    nn.Flatten(),
    nn.Linear(4, 6),
    sl.IAFRecurrent(rec_connect=nn.Linear(6, 6, bias=False)),
    sl.LIFRecurrent(tau_mem=7.0, tau_syn=3.0, rec_connect=nn.Linear(6, 6, bias=False), min_v_mem=-1.0),
    sl.LIF(tau_mem=5.0, tau_syn=2.0, norm_input=False),
    sl.IAFSqueeze(batch_size=1, spike_threshold=0.3, min_v_mem=-1.0),
    sl.UnflattenTime(batch_size=1),
)
(out / "every.txt").write_text(str(every) + "\n")
(out / "uneven.txt").write_text(str(nn.Sequential(nn.Linear(4, 2), sl.LIF(tau_mem=torch.tensor([5.0, 6.0])), nn.Identity())) + "\n")

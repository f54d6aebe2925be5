"""Makes layers/*.npz: what PyTorch and sinabs compute in training and in use for small networks, and all gradients.

    python layers.py OUT

Made with PyTorch 2.13.0 and sinabs 3.1.3. A file holds `model` (the JSON of the definition), `input` [B, T, ...] and
`grad_output` [B, outputs], the gradient of every step's output; the state_dict before (`before.*`) and after (`after.*`);
`output` [B, outputs], summed over time, in training and `output_eval` after it; gradients `grad.*` of the sum of output x
grad_output plus 1e-4 x synops, `synops` and, of NeuromorphicReLUs, `activity`, both of a sample. Where there is a
`difference`, the sum over the parameter layers of the mean of what sinabs' input_diff_hook gives, the loss has it too.
"""

import json
import pathlib
import sys

import numpy as np
import sinabs
import sinabs.layers as sl
import torch
from sinabs.hooks import input_diff_hook, register_synops_hooks
from torch import nn

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
B, T = 3, 4


class SpikingMaxPool(sl.SpikingMaxPooling2dLayer):
    """sinabs' layer takes one sample, [T, C, H, W]; this one a flattened batch of them."""

    def forward(self, x):
        return torch.cat([super(SpikingMaxPool, self).forward(s) for s in x.unflatten(0, (-1, T))])


def layer(type, **options):
    return dict(type=type, **options)


def case(name, shape, layers, net, time_steps, spikes, difference=False):
    torch.manual_seed(3)
    for key, p in net.named_parameters():
        if keep(key):
            p.data = torch.randn_like(p) * (0.5 if p.dim() > 1 else 0.2)
    for m in net:
        if isinstance(m, nn.BatchNorm2d):
            m.running_mean.normal_()
            m.running_var.uniform_(0.5, 2)
    x = torch.rand(B, time_steps, *shape) * (3 if not spikes else 1)
    if spikes:
        x = (x < 0.5).float() * torch.randint(1, 3, x.shape)
    files = {f"before.{k}": v.clone().float().numpy() for k, v in net.state_dict().items() if keep(k)}
    flat = x.flatten(0, 1)
    net.train()
    counted = [m for m in net if isinstance(m, (nn.Conv2d, nn.Linear))]
    if len(counted) == sum(hasattr(m, "weight") and not isinstance(m, nn.BatchNorm2d) for m in net):
        register_synops_hooks(net)
    if difference:
        for m in counted:
            m.register_forward_hook(input_diff_hook)
    y = net(flat).unflatten(0, (B, -1)).sum(1).flatten(1)
    g = torch.randn_like(y)
    loss = (y * g).sum()
    if hasattr(net, "hook_data"):
        # A mean over frames, where a sample has T of them.
        synops = net.hook_data["total_synops_per_timestep"] * time_steps
        files["synops"] = synops.detach().numpy()
        loss = loss + 1e-4 * synops
    if difference:
        cancelled = sum(m.hook_data["diff_output"].mean() for m in counted)
        files["difference"] = cancelled.detach().numpy()
        loss = loss + cancelled
    loss.backward()
    activity = [m.activity.detach() for m in net if isinstance(m, sl.NeuromorphicReLU)]
    if activity:
        files["activity"] = torch.stack(activity).numpy() * time_steps
    files |= {f"grad.{k}": p.grad.numpy() for k, p in net.named_parameters() if keep(k) and p.grad is not None}
    files |= {f"after.{k}": v.clone().float().numpy() for k, v in net.state_dict().items() if keep(k)}
    files |= dict(input=x.numpy(), grad_output=g.numpy(), output=y.detach().numpy())
    sinabs.reset_states(net)
    net.eval()
    with torch.no_grad():
        files["output_eval"] = net(flat).unflatten(0, (B, -1)).sum(1).flatten(1).numpy()
    files["model"] = np.frombuffer(json.dumps(dict(input_shape=shape, layers=layers)).encode(), np.uint8)
    np.savez_compressed(out / f"{name}.npz", **files)


def keep(key):
    return key.split(".")[1] in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


case(
    "batch_norm",
    [2, 6, 5],
    [
        layer("Conv2d", out_channels=4, kernel_size=3, padding=1, bias=False),
        layer("BatchNorm2d", momentum=0.3, eps=1e-3),
        layer("ReLU"),
        layer("AvgPool2d", kernel_size=2, stride=2, padding=1),
        layer("BatchNorm2d", affine=False),
        layer("Conv2d", out_channels=3, kernel_size=2, bias=False),
        layer("BatchNorm2d"),
        layer("Flatten"),
        layer("Linear", out_features=4),
    ],
    nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4, momentum=0.3, eps=1e-3),
        nn.ReLU(),
        nn.AvgPool2d(2, 2, 1),
        nn.BatchNorm2d(4, affine=False),
        nn.Conv2d(4, 3, 2, bias=False),
        nn.BatchNorm2d(3),
        nn.Flatten(),
        nn.Linear(18, 4),
    ),
    2,
    False,
)
case(
    "conv1d",
    [4, 17],
    [
        layer("Conv1d", out_channels=6, kernel_size=3, stride=2, padding=2, dilation=2, groups=2),
        layer("ReLU"),
        layer("Conv1d", out_channels=3, kernel_size=4, bias=False),
        layer("Flatten"),
        layer("Linear", out_features=5),
    ],
    nn.Sequential(
        nn.Conv1d(4, 6, 3, 2, 2, 2, groups=2), nn.ReLU(), nn.Conv1d(6, 3, 4, bias=False), nn.Flatten(), nn.Linear(18, 5)
    ),
    1,
    False,
)
case(
    "neuromorphic_relu",
    [1, 8, 8],
    [
        layer("Conv2d", out_channels=4, kernel_size=3),
        layer("NeuromorphicReLU", fanout=7),
        layer("AvgPool2d", kernel_size=2),
        layer("Conv2d", out_channels=5, kernel_size=2, bias=False),
        layer("NeuromorphicReLU"),
        layer("Flatten"),
        layer("Linear", out_features=3),
        layer("NeuromorphicReLU", quantize=False),
    ],
    nn.Sequential(
        nn.Conv2d(1, 4, 3),
        sl.NeuromorphicReLU(fanout=7),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 5, 2, bias=False),
        sl.NeuromorphicReLU(),
        nn.Flatten(),
        nn.Linear(20, 3),
        sl.NeuromorphicReLU(quantize=False),
    ),
    1,
    False,
)
case(
    "spiking_max_pool",
    [2, 7, 6],
    [
        layer("Conv2d", out_channels=3, kernel_size=3, padding=1),
        layer("IAFSqueeze"),
        layer("SpikingMaxPooling2dLayer", kernel_size=[3, 2], stride=[2, 2], padding=1),
        layer("Conv2d", out_channels=4, kernel_size=2),
        layer("IAFSqueeze", spike_fn="single"),
        layer("SpikingMaxPooling2dLayer", kernel_size=2, stride=1),
        layer("Flatten"),
        layer("Linear", out_features=3, bias=False),
        layer("IAFSqueeze"),
    ],
    nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1),
        sl.IAFSqueeze(batch_size=B),
        SpikingMaxPool((3, 2), (2, 2), (1, 1, 1, 1)),
        nn.Conv2d(3, 4, 2),
        sl.IAFSqueeze(batch_size=B, spike_fn=sinabs.activation.SingleSpike),
        SpikingMaxPool(2, 1),
        nn.Flatten(),
        nn.Linear(16, 3, bias=False),
        sl.IAFSqueeze(batch_size=B),
    ),
    T,
    True,
)
case(
    "input_difference",
    [2, 7, 6],
    [
        layer("Conv2d", out_channels=4, kernel_size=3, stride=2, padding=1, groups=2),
        layer("IAFSqueeze"),
        layer("SumPool2d", kernel_size=2),
        layer("Flatten"),
        layer("Linear", out_features=6),
        layer("IAFSqueeze"),
        layer("Linear", out_features=3, bias=False),
    ],
    nn.Sequential(
        nn.Conv2d(2, 4, 3, 2, 1, groups=2),
        sl.IAFSqueeze(batch_size=B),
        sl.SumPool2d(2),
        nn.Flatten(),
        nn.Linear(8, 6),
        sl.IAFSqueeze(batch_size=B),
        nn.Linear(6, 3, bias=False),
    ),
    T,
    True,
    difference=True,
)
printed = nn.Sequential(
    nn.BatchNorm2d(2),
    nn.BatchNorm2d(2, 1e-3, 0.2, affine=False),
    nn.Dropout(0.3),
    nn.Dropout2d(0.25),
    sl.NeuromorphicReLU(),
    nn.ReLU(inplace=True),
    sl.SpikingMaxPooling2dLayer(1),
    sl.SpikingMaxPooling2dLayer((2, 4), (1, 2), (2, 2, 1, 1)),
)
(out.parent / "interop" / "layers.txt").write_text(f"{printed}\n")

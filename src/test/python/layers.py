"""Makes layers/*.npz: what PyTorch and sinabs compute in training and in use for small networks, and all gradients.

    python layers.py OUT SPARCH/sparch/models/snns.py

Made with PyTorch 2.13.0, sinabs 3.1.3 and sparch. A file holds `model` (the JSON of the definition), `input` [B, T, ...] and
`grad_output` [B, outputs], the gradient of every step's output; the state_dict before (`before.*`) and after (`after.*`);
`output` [B, outputs], summed over time, in training and `output_eval` after it; gradients `grad.*` of the sum of output x
grad_output plus 1e-4 x synops, `synops` and, of NeuromorphicReLUs, `activity`, both of a sample. Where there is a
`difference`, the sum over the parameter layers of the mean of what sinabs' input_diff_hook gives, the loss has it too.
sinabs counts synops of Conv2d and Linear alone; `count` counts those of every layer with weights, by the definition.
"""

import copy
import importlib.util
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
spec = importlib.util.spec_from_file_location("snns", sys.argv[2])
sparch = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sparch)
out.mkdir(parents=True, exist_ok=True)
B, T = 3, 4


class SpikingMaxPool(sl.SpikingMaxPooling2dLayer):
    """sinabs' layer takes one sample, [T, C, H, W]; this one a flattened batch of them."""

    def forward(self, x):
        return torch.cat([super(SpikingMaxPool, self).forward(s) for s in x.unflatten(0, (-1, T))])


class AdLIF(sparch.adLIFLayer):
    """The authors' neurons, from a state of zeros, for a flattened batch; without their own weights."""

    def __init__(self, n):
        super().__init__(n, n, B, normalization="none")
        del self.W

    def forward(self, x):
        rand, torch.rand = torch.rand, torch.zeros
        y = self._adlif_cell(x.unflatten(0, (B, -1))).flatten(0, 1)
        torch.rand = rand
        return y


torch.manual_seed(2)
adaptive, given = AdLIF(6), AdLIF(4)
given.alpha = nn.Parameter(torch.tensor(0.9))
given.beta = nn.Parameter(torch.tensor([0.97, 0.98, 0.985, 0.99]))
given.a = nn.Parameter(torch.tensor(-0.5))
given.b = nn.Parameter(torch.tensor([0.5, 0.25, 1, 2]))
with torch.no_grad():
    # Out of range: it counts as the nearest bound and gets no gradient.
    adaptive.alpha[0], adaptive.beta[1], adaptive.a[2], adaptive.b[3] = 0.99, 0.9, 1.5, -0.1


class ALIFSqueeze(sl.ALIF):
    """An ALIF with a constant per neuron for a flattened batch; sinabs' own needs a tau_syn that is one number."""

    def __init__(self, tau_mem, tau_adapt, tau_syn):
        mem, adapt, syn = (torch.tensor(t, dtype=torch.float32) for t in (tau_mem, tau_adapt, tau_syn))
        super().__init__(tau_mem=mem, tau_adapt=adapt, tau_syn=1.0)
        self.tau_syn = nn.Parameter(syn)

    def forward(self, x):
        return super().forward(x.unflatten(0, (B, -1))).flatten(0, 1)


def layer(type, **options):
    return dict(type=type, **options)


class Counter:
    """Synops by their definition: an input value times the outputs it reaches, times the area of average pools before."""

    def __init__(self, net):
        self.total, self.scale = 0, 1
        self.hooks = [m.register_forward_pre_hook(self.count) for m in net]

    def remove(self):
        for hook in self.hooks:
            hook.remove()

    def count(self, m, inputs):
        (x,) = inputs
        if isinstance(m, nn.AvgPool2d):
            k = m.kernel_size
            self.scale *= k * k if isinstance(k, int) else k[0] * k[1]
        elif isinstance(m, nn.AvgPool1d):
            self.scale *= m.kernel_size[0]
        elif isinstance(m, nn.AdaptiveAvgPool2d):
            self.scale *= x.shape[2] // m.output_size[0] * (x.shape[3] // m.output_size[1])
        elif isinstance(m, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            hooks, m._forward_pre_hooks = m._forward_pre_hooks, type(m._forward_pre_hooks)()
            ones = copy.deepcopy(m)
            m._forward_pre_hooks = hooks
            ones.weight.data.fill_(1)
            ones.bias = None
            at = torch.zeros_like(x[:1], requires_grad=True)
            (reach,) = torch.autograd.grad(ones(at).sum(), at)
            self.total = self.total + (x * reach).sum() * self.scale / B
            self.scale = 1
        elif isinstance(m, (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, sl.StatefulLayer)):
            self.scale = 1


def case(name, shape, layers, net, time_steps, spikes, difference=False, count=False):
    torch.manual_seed(3)
    for key, p in net.named_parameters():
        if keep(key) and not constant(key):
            p.data = torch.randn_like(p) * (0.5 if p.dim() > 1 else 0.2)
    for m in net:
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.running_mean.normal_()
            m.running_var.uniform_(0.5, 2)
    x = torch.rand(B, time_steps, *shape) * (3 if not spikes else 1)
    if spikes:
        x = (x < 0.5).float() * torch.randint(1, 3, x.shape)
    files = {f"before.{k}": v.clone().float().numpy() for k, v in net.state_dict().items() if keep(k)}
    flat = x.flatten(0, 1)
    net.train()
    counted = [m for m in net if isinstance(m, (nn.Conv2d, nn.Linear))]
    counter = Counter(net) if count else None
    if not count and len(counted) == sum(hasattr(m, "weight") and not isinstance(m, nn.BatchNorm2d) for m in net):
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
    if counter:
        files["synops"] = counter.total.detach().numpy()
        loss = loss + 1e-4 * counter.total
        counter.remove()
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
    if key == "8.b":  # the state of neuron_constants' ALIF
        return False
    return constant(key) or key.split(".")[1] in (
        "weight",
        "bias",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    )


def constant(key):
    return key.split(".")[1].split("_")[0] in ("tau", "alpha", "beta", "a", "b")


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
case(
    "pools",
    [2, 7, 6],
    [
        layer("Conv2d", out_channels=4, kernel_size=3, padding="same", dilation=2),
        layer("MaxPool2d", kernel_size=3, stride=2, padding=1, ceil_mode=True),
        layer("Conv2d", out_channels=3, kernel_size=3, padding="same"),
        layer("ReLU"),
        layer("AvgPool2d", kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        layer("Identity"),
        layer("Conv2d", out_channels=5, kernel_size=1, padding="valid"),
        layer("AvgPool2d", kernel_size=2, ceil_mode=True),
        layer("MaxPool2d", kernel_size=[1, 2], stride=1, dilation=[2, 1]),
        layer("Flatten"),
        layer("Linear", out_features=4),
    ],
    nn.Sequential(
        nn.Conv2d(2, 4, 3, padding="same", dilation=2),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.Conv2d(4, 3, 3, padding="same"),
        nn.ReLU(),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        nn.Identity(),
        nn.Conv2d(3, 5, 1, padding="valid"),
        nn.AvgPool2d(2, ceil_mode=True),
        nn.MaxPool2d((1, 2), 1, dilation=(2, 1)),
        nn.Flatten(),
        nn.Linear(10, 4),
    ),
    2,
    False,
    count=True,
)
case(
    "sum_pool_ceil",
    [2, 7, 6],
    [
        layer("Conv2d", out_channels=4, kernel_size=3, padding=1),
        layer("IAFSqueeze"),
        layer("SumPool2d", kernel_size=[2, 4], ceil_mode=True),
        layer("Conv2d", out_channels=4, kernel_size=2),
        layer("IAFSqueeze"),
        layer("AdaptiveAvgPool2d", output_size=[3, 1]),
        layer("Flatten"),
        layer("Linear", out_features=3, bias=False),
        layer("IAFSqueeze"),
    ],
    nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        sl.IAFSqueeze(batch_size=B),
        sl.SumPool2d((2, 4), ceil_mode=True),
        nn.Conv2d(4, 4, 2),
        sl.IAFSqueeze(batch_size=B),
        nn.AdaptiveAvgPool2d((3, 1)),
        nn.Flatten(),
        nn.Linear(12, 3, bias=False),
        sl.IAFSqueeze(batch_size=B),
    ),
    T,
    True,
    count=True,
)
case(
    "norms",
    [2, 6, 5],
    [
        layer("Conv2d", out_channels=4, kernel_size=2),
        layer("LayerNorm", normalized_shape=[4, 5, 4]),
        layer("ReLU"),
        layer("Conv2d", out_channels=6, kernel_size=2, bias=False),
        layer("LayerNorm", normalized_shape=3, elementwise_affine=False),
        layer("AvgPool2d", kernel_size=[2, 1]),
        layer("Flatten"),
        layer("BatchNorm1d", momentum=0.3),
        layer("ReLU"),
        layer("Linear", out_features=6, bias=False),
        layer("BatchNorm1d"),
        layer("LayerNorm", normalized_shape=6, eps=1e-3, bias=False),
    ],
    nn.Sequential(
        nn.Conv2d(2, 4, 2),
        nn.LayerNorm([4, 5, 4]),
        nn.ReLU(),
        nn.Conv2d(4, 6, 2, bias=False),
        nn.LayerNorm(3, elementwise_affine=False),
        nn.AvgPool2d((2, 1)),
        nn.Flatten(),
        nn.BatchNorm1d(36, momentum=0.3),
        nn.ReLU(),
        nn.Linear(36, 6, bias=False),
        nn.BatchNorm1d(6),
        nn.LayerNorm(6, eps=1e-3, bias=False),
    ),
    2,
    False,
    count=True,
)
case(
    "one_dimension",
    [4, 17],
    [
        layer("Conv1d", out_channels=6, kernel_size=3, padding="same", bias=False),
        layer("BatchNorm1d", eps=1e-3),
        layer("ReLU"),
        layer("MaxPool1d", kernel_size=3, stride=2, padding=1, ceil_mode=True),
        layer("Conv1d", out_channels=4, kernel_size=2, bias=False),
        layer("LayerNorm", normalized_shape=8),
        layer("AvgPool1d", kernel_size=3, stride=2, padding=1, ceil_mode=True),
        layer("Conv1d", out_channels=3, kernel_size=2),
        layer("MaxPool1d", kernel_size=2, stride=1, dilation=2),
        layer("Flatten"),
        layer("Linear", out_features=5),
    ],
    nn.Sequential(
        nn.Conv1d(4, 6, 3, padding="same", bias=False),
        nn.BatchNorm1d(6, eps=1e-3),
        nn.ReLU(),
        nn.MaxPool1d(3, 2, 1, ceil_mode=True),
        nn.Conv1d(6, 4, 2, bias=False),
        nn.LayerNorm(8),
        nn.AvgPool1d(3, 2, 1, ceil_mode=True),
        nn.Conv1d(4, 3, 2),
        nn.MaxPool1d(2, 1, dilation=2),
        nn.Flatten(),
        nn.Linear(6, 5),
    ),
    2,
    False,
    count=True,
)
case(
    "transposed",
    [2, 6, 5],
    [
        layer("Conv2d", out_channels=4, kernel_size=2, stride=2),
        layer("IAFSqueeze"),
        layer("ConvTranspose2d", out_channels=6, kernel_size=3, stride=2, padding=1, output_padding=[1, 0], groups=2),
        layer("IAFSqueeze"),
        layer("Upsample", scale_factor=[1, 2]),
        layer("ConvTranspose2d", out_channels=3, kernel_size=[2, 3], padding=[1, 2], dilation=2, bias=False),
        layer("AvgPool2d", kernel_size=2),
        layer("Upsample", size=[6, 6]),
        layer("Flatten"),
        layer("Linear", out_features=3),
    ],
    nn.Sequential(
        nn.Conv2d(2, 4, 2, 2),
        sl.IAFSqueeze(batch_size=B),
        nn.ConvTranspose2d(4, 6, 3, 2, 1, (1, 0), groups=2),
        sl.IAFSqueeze(batch_size=B),
        nn.Upsample(scale_factor=(1, 2)),
        nn.ConvTranspose2d(6, 3, (2, 3), padding=(1, 2), dilation=2, bias=False),
        nn.AvgPool2d(2),
        nn.Upsample(size=(6, 6)),
        nn.Flatten(),
        nn.Linear(108, 3),
    ),
    T,
    True,
    count=True,
)
case(
    "flatten",
    [2, 4, 6],
    [
        layer("Conv2d", out_channels=4, kernel_size=2),
        layer("Flatten", start_dim=2),
        layer("Conv1d", out_channels=4, kernel_size=4, stride=2),
        layer("ReLU"),
        layer("Flatten"),
        layer("Linear", out_features=3),
    ],
    nn.Sequential(
        nn.Conv2d(2, 4, 2), nn.Flatten(2), nn.Conv1d(4, 4, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(24, 3)
    ),
    2,
    False,
    count=True,
)
case(
    "flatten_rows",
    [2, 4, 6],
    [
        layer("Conv2d", out_channels=4, kernel_size=2),
        layer("Flatten", start_dim=-3, end_dim=2),
        layer("Conv1d", out_channels=4, kernel_size=2),
        layer("Flatten", start_dim=1, end_dim=2),
        layer("Linear", out_features=3),
    ],
    nn.Sequential(
        nn.Conv2d(2, 4, 2), nn.Flatten(-3, 2), nn.Conv1d(12, 4, 2), nn.Flatten(1, 2), nn.Linear(16, 3)
    ),
    2,
    False,
    count=True,
)
mem, syn, threshold, adapt = ([2, 5, 9, 3], [1.5, 3, 2, 4], [0.5, 0.75, 1, 1.25], [4, 8, 6, 5, 9])


def by_channel(values):
    return torch.tensor(values, dtype=torch.float32)[:, None, None]


def by_neuron(n, least, step):
    return [least + step * (i % 5) for i in range(n)]


case(
    "neuron_constants",
    [2, 5, 4],
    [
        layer("Conv2d", out_channels=4, kernel_size=2),
        layer("LIFSqueeze", tau_mem=mem, tau_syn=by_neuron(48, 1, 0.5), spike_threshold=threshold),
        layer("Conv2d", out_channels=4, kernel_size=2),
        layer("IAFSqueeze", tau_syn=syn, spike_threshold=by_neuron(24, 0.5, 0.25), min_v_mem=-0.5),
        layer("Flatten"),
        layer("Linear", out_features=5),
        layer("LIFSqueeze", tau_mem=adapt, train_alphas=True, norm_input=False, reset_fn="reset", spike_fn="single"),
        layer("Linear", out_features=5),
        layer("ALIF", tau_mem=[2, 3, 4, 5, 6], tau_adapt=adapt, tau_syn=by_neuron(5, 2, 1)),
        layer("Linear", out_features=3),
        layer("ExpLeakSqueeze", tau_mem=[2, 4, 6]),
    ],
    nn.Sequential(
        nn.Conv2d(2, 4, 2),
        sl.LIFSqueeze(
            tau_mem=by_channel(mem),
            tau_syn=torch.tensor(by_neuron(48, 1, 0.5)).reshape(4, 4, 3),
            spike_threshold=by_channel(threshold),
            batch_size=B,
        ),
        nn.Conv2d(4, 4, 2),
        sl.IAFSqueeze(
            tau_syn=by_channel(syn),
            spike_threshold=torch.tensor(by_neuron(24, 0.5, 0.25)).reshape(4, 3, 2),
            min_v_mem=-0.5,
            batch_size=B,
        ),
        nn.Flatten(),
        nn.Linear(24, 5),
        sl.LIFSqueeze(
            tau_mem=torch.tensor(adapt, dtype=torch.float32),
            train_alphas=True,
            norm_input=False,
            reset_fn=sinabs.activation.MembraneReset(),
            spike_fn=sinabs.activation.SingleSpike,
            batch_size=B,
        ),
        nn.Linear(5, 5),
        ALIFSqueeze([2, 3, 4, 5, 6], adapt, by_neuron(5, 2, 1)),
        nn.Linear(5, 3),
        sl.ExpLeakSqueeze(tau_mem=torch.tensor([2.0, 4, 6]), batch_size=B),
    ),
    T,
    True,
    count=True,
)
case(
    "group_norm",
    [2, 6, 5],
    [
        layer("Conv2d", out_channels=6, kernel_size=2),
        layer("GroupNorm", num_groups=3, eps=1e-3),
        layer("ReLU"),
        layer("Conv2d", out_channels=4, kernel_size=2),
        layer("GroupNorm", num_groups=1, affine=False),
        layer("Flatten"),
        layer("GroupNorm", num_groups=2),
        layer("ReLU"),
        layer("Linear", out_features=3),
    ],
    nn.Sequential(
        nn.Conv2d(2, 6, 2),
        nn.GroupNorm(3, 6, eps=1e-3),
        nn.ReLU(),
        nn.Conv2d(6, 4, 2),
        nn.GroupNorm(1, 4, affine=False),
        nn.Flatten(),
        nn.GroupNorm(2, 48),
        nn.ReLU(),
        nn.Linear(48, 3),
    ),
    2,
    False,
    count=True,
)
case(
    "ad_lif",
    [8],
    [
        layer("Linear", out_features=6),
        layer("AdLIF"),
        layer("Linear", out_features=4, bias=False),
        layer("AdLIF", alpha=0.9, beta=[0.97, 0.98, 0.985, 0.99], a=-0.5, b=[0.5, 0.25, 1, 2]),
    ],
    nn.Sequential(nn.Linear(8, 6), adaptive, nn.Linear(6, 4, bias=False), given),
    12,
    True,
    count=True,
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


def seeded():
    """ad_lif_seed4.npz: the weights of two layers of the authors' adLIF, as a seed alone gives them."""
    torch.manual_seed(4)
    layers = [sparch.adLIFLayer(7, 5, B, normalization="none"), sparch.adLIFLayer(5, 3, B, normalization="none", use_bias=True)]
    files = {}
    for i, layer in enumerate(layers):
        for key, p in layer.named_parameters():
            name = f"{2 * i}.{key[2:]}" if key.startswith("W.") else f"{2 * i + 1}.{key}"
            files[name] = p.detach().numpy()
    np.savez_compressed(out / "ad_lif_seed4.npz", **files)


seeded()

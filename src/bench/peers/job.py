"""The tutorial's job as every peer runs it: loss, optimiser, warm-up, and the median time of an epoch."""

import os
import statistics
import sys
import time
import types

BATCH, STEPS = 5, 10


def peer(*folders):
    """Puts checkouts under $PEERS on the path; what they import for plots, files and builds alone need not exist."""
    root = os.environ["PEERS"]
    sys.path[:0] = [os.path.join(root, folder) for folder in folders]
    for name in ("pylab", "h5py", "pbr", "pbr.version"):
        module = types.ModuleType(name)
        module.__getattr__ = _nothing
        sys.modules.setdefault(name, module)


def _nothing(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return _Nothing


class _Nothing:
    def __init__(self, *args, **kwargs):
        pass

    def version_string(self):
        return "0"

    release_string = version_string


def convolutions(seed=1):
    """The tutorial's parameter layers, seeded alike."""
    from torch import manual_seed, nn

    manual_seed(seed)
    return (
        nn.Conv2d(1, 16, 5, bias=False),
        nn.Conv2d(16, 32, 5, bias=False),
        nn.Conv2d(32, 120, 4, bias=False),
        nn.Linear(120, 10, bias=False),
    )


def synops(inputs_and_layers):
    """Inner spikes times the synapses they reach, a sample; the borders of a convolution are left out."""
    total = 0
    for x, layer in inputs_and_layers:
        fan_out = layer.weight.shape[0] * layer.weight[0, 0].numel() if layer.weight.dim() == 4 else layer.out_features
        total = total + x.sum() * fan_out
    return total / BATCH


def measure(parameters, count_synops, warm_up=20, epochs=40):
    """Trains towards twice the first count and prints the median milliseconds of an epoch."""
    import torch

    torch.set_num_threads(int(os.environ.get("THREADS", "2")))
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    target = 2 * count_synops().detach()
    times = []
    for epoch in range(warm_up + epochs):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = (target - count_synops()).square() / target.square()
        loss.backward()
        optimizer.step()
        if epoch >= warm_up:
            times.append((time.perf_counter() - start) * 1e3)
    print(statistics.median(times))

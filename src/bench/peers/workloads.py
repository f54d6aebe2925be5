"""One row of src/bench/workloads on one peer: python3 workloads.py ROW PEER [ROUNDS].

PEER: torch (a loop over time), compiled (the same under torch.compile), sinabs, snntorch, spikingjelly or norse, from
checkouts under $PEERS. The training step, the weights and the input are those of the class Workloads: forward pass,
cross-entropy of the summed output, backward pass, Adam at 0.001; PyTorch's weights at seed 1; spikes from SplitMix64.
"""

import json
import math
import os
import statistics
import sys
import time

import numpy as np
import torch
from torch import nn

import job

SURROGATE_WIDTH = 0.5


class Spike(torch.autograd.Function):
    """One spike at the threshold, an exponential surrogate."""

    @staticmethod
    def forward(ctx, u, threshold):
        ctx.save_for_backward(u)
        ctx.threshold = threshold
        return (u >= threshold).to(u.dtype)

    @staticmethod
    def backward(ctx, grad):
        (u,) = ctx.saved_tensors
        width = SURROGATE_WIDTH * ctx.threshold
        return grad * torch.exp(-(u - ctx.threshold).abs() / width) / width, None


def uniform(positions):
    z = (positions + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def draw_input(row, shape):
    """[B, T or 1, ...]"""
    constant = row["encoding"] == "constant"
    shape = (row["batch_size"], 1 if constant else row["time_steps"], *shape)
    positions = np.arange(math.prod(shape), dtype=np.uint64)
    active = uniform(positions) < row["input_density"]
    values = uniform(~positions) if constant else 1.0
    return torch.from_numpy((active * values).astype(np.float32).reshape(shape))


def decay(spec):
    return math.exp(-1 / spec["tau_mem"]) if "tau_mem" in spec else 1.0


def parameter_layer(spec, shape):
    if spec["type"] == "Linear":
        return nn.Linear(shape[0], spec["out_features"], bias=spec["bias"])
    options = {k: v for k, v in spec.items() if k not in ("type", "out_channels", "kernel_size")}
    conv = nn.Conv2d if spec["type"] == "Conv2d" else nn.Conv1d
    return conv(shape[0], spec["out_channels"], spec["kernel_size"], **options)


class SumPool2d(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        return self.size**2 * nn.functional.avg_pool2d(x, self.size)


def layers(row, neuron):
    """Modules in order; neuron(spec, shape) makes a layer of neurons. A recurrent layer's weights come from seed 1 too."""
    torch.manual_seed(1)
    shape = tuple(row["model"]["input_shape"])
    for spec in row["model"]["layers"]:
        kind = spec["type"]
        if kind in ("Linear", "Conv2d", "Conv1d"):
            module = parameter_layer(spec, shape)
        elif kind == "Flatten":
            module = nn.Flatten()
        elif kind == "AvgPool2d":
            module = nn.AvgPool2d(spec["kernel_size"])
        elif kind == "SumPool2d":
            module = SumPool2d(spec["kernel_size"])
        elif kind == "NeuromorphicReLU":
            module = nn.ReLU()
        else:
            module = neuron(spec, shape)
        if not getattr(module, "is_neuron", False):
            shape = tuple(module(torch.zeros(1, *shape)).shape[1:])
        yield module


class Stepped(nn.Module):
    """Neurons with a state, called step by step."""

    is_neuron = True

    def __init__(self, spec, shape, step):
        super().__init__()
        self.step = step
        self.recurrent = nn.Linear(shape[0], shape[0]) if spec["type"] == "LIFRecurrent" else None
        self.reset()

    def reset(self):
        self.state = self.spikes = None

    def forward(self, x):
        if self.recurrent is not None and self.spikes is not None:
            x = x + self.recurrent(self.spikes)
        self.spikes, self.state = self.step(x, self.state)
        return self.spikes


def torch_neuron(spec, shape):
    threshold, alpha = spec["spike_threshold"], decay(spec)

    def step(x, v):
        u = x if v is None else alpha * v + x
        s = Spike.apply(u, threshold)
        return s, u - s * threshold

    return Stepped(spec, shape, step)


def snntorch_neuron(spec, shape):
    import snntorch

    leaky = snntorch.Leaky(beta=decay(spec), threshold=spec["spike_threshold"])

    def step(x, v):
        return leaky(x, leaky.init_leaky() if v is None else v)

    return Stepped(spec, shape, step)


def norse_neuron(spec, shape):
    from norse.torch.functional.iaf import IAFFeedForwardState, IAFParameters, iaf_feed_forward_step
    from norse.torch.functional.lif_box import LIFBoxFeedForwardState, LIFBoxParameters, lif_box_feed_forward_step
    from norse.torch.functional.reset import reset_subtract

    threshold, alpha = spec["spike_threshold"], decay(spec)
    if alpha == 1:
        p = IAFParameters(v_th=torch.tensor(threshold))
        return Stepped(
            spec, shape, lambda x, v: iaf_feed_forward_step(x, v or IAFFeedForwardState(torch.zeros(())), p)
        )
    # Norse scales the input by 1 - alpha, which the threshold makes up for.
    p = LIFBoxParameters(
        tau_mem_inv=torch.tensor((1 - alpha) * 1000),
        v_th=torch.tensor(threshold * (1 - alpha)),
        reset_method=reset_subtract,
    )
    return Stepped(
        spec, shape, lambda x, v: lif_box_feed_forward_step(x, v or LIFBoxFeedForwardState(torch.zeros(())), p)
    )


class Loop(nn.Module):
    """A loop over time; input [B, T, ...], output summed over time."""

    def __init__(self, row, neuron):
        super().__init__()
        self.steps = row["time_steps"]
        self.layers = nn.ModuleList(layers(row, neuron))

    def forward(self, x):
        for layer in self.layers:
            if isinstance(layer, Stepped):
                layer.reset()
        total = 0
        for t in range(self.steps):
            total = total + self.time_step(x[:, min(t, x.shape[1] - 1)])
        return total

    def time_step(self, y):
        for layer in self.layers:
            y = layer(y)
        return y


class Squeezed(nn.Module):
    """Layer by layer over all steps; neurons get [B, T, ...] or [T, B, ...]."""

    def __init__(self, row, neuron, time_first, reset):
        super().__init__()
        self.steps, self.time_first, self.reset = row["time_steps"], time_first, reset
        self.layers = nn.ModuleList(layers(row, neuron))

    def forward(self, x):
        batch = x.shape[0]
        if self.steps > x.shape[1]:
            x = x.expand(-1, self.steps, *x.shape[2:])
        x = (x.transpose(0, 1) if self.time_first else x).flatten(0, 1)
        split = (self.steps, batch) if self.time_first else (batch, self.steps)
        for layer in self.layers:
            if getattr(layer, "is_neuron", False):
                self.reset(layer)
                x = layer(x.unflatten(0, split)).flatten(0, 1)
            else:
                x = layer(x)
        return x.unflatten(0, split).sum(0 if self.time_first else 1)


def sinabs_neuron(spec, shape):
    import sinabs.activation
    import sinabs.layers as sl

    options = {"spike_threshold": torch.tensor(spec["spike_threshold"])}
    if spec.get("spike_fn") == "single":  # what the other peers' neurons do in all rows
        options["spike_fn"] = sinabs.activation.SingleSpike
    if spec["type"] == "IAF":
        layer = sl.IAF(**options)
    else:
        options |= {"tau_mem": spec["tau_mem"], "norm_input": False}
        if spec["type"] == "LIFRecurrent":
            layer = sl.LIFRecurrent(rec_connect=nn.Linear(shape[0], shape[0]), **options)
        else:
            layer = sl.LIF(**options)
    layer.is_neuron = True
    return layer


def spikingjelly_neuron(spec, shape):
    from spikingjelly.activation_based import neuron

    threshold, alpha = spec["spike_threshold"], decay(spec)
    if alpha == 1:
        layer = neuron.IFNode(v_threshold=threshold, v_reset=None, step_mode="m")
    elif spec["type"] == "LIF":
        layer = neuron.LIFNode(
            tau=1 / (1 - alpha), decay_input=False, v_threshold=threshold, v_reset=None, step_mode="m"
        )
    else:
        node = neuron.LIFNode(tau=1 / (1 - alpha), decay_input=False, v_threshold=threshold, v_reset=None)
        layer = SpikingJellyRecurrent(node, nn.Linear(shape[0], shape[0]))
    layer.is_neuron = True
    return layer


class SpikingJellyRecurrent(nn.Module):
    def __init__(self, node, recurrent):
        super().__init__()
        self.node, self.recurrent = node, recurrent

    def forward(self, x):
        spikes, all_spikes = None, []
        for t in range(x.shape[0]):
            spikes = self.node(x[t] if spikes is None else x[t] + self.recurrent(spikes))
            all_spikes.append(spikes)
        return torch.stack(all_spikes)


def network(row, peer):
    if peer == "torch":
        return Loop(row, torch_neuron)
    if peer == "compiled":
        # One time step: a graph of all of them takes minutes to compile, and grows with T.
        net = Loop(row, torch_neuron)
        net.time_step = torch.compile(net.time_step)
        return net
    if peer == "snntorch":
        job.peer("snntorch")
        return Loop(row, snntorch_neuron)
    if peer == "norse":
        job.peer("norse", "NIR", "NIRTorch")
        return Loop(row, norse_neuron)
    if peer == "sinabs":
        job.peer("sinabs", "NIR", "NIRTorch")
        return Squeezed(row, sinabs_neuron, False, lambda layer: layer.reset_states())
    if peer == "spikingjelly":
        job.peer("spikingjelly")
        from spikingjelly.activation_based import functional

        return Squeezed(row, spikingjelly_neuron, True, functional.reset_net)
    sys.exit("PEER is torch, compiled, sinabs, snntorch, spikingjelly or norse")


def peak_mb():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def main(name, peer, rounds=3):
    torch.set_num_threads(int(os.environ.get("THREADS", "2")))
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "..", "workloads", "workloads.json")) as file:
        row = json.load(file)[name]
    net = network(row, peer)
    initial = [p.detach().clone() for p in net.parameters()]
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x = draw_input(row, row["model"]["input_shape"])
    with torch.no_grad():
        classes = net(x).shape[1]
    labels = torch.arange(row["batch_size"]) % classes

    def one_round():
        with torch.no_grad():
            for parameter, value in zip(net.parameters(), initial):
                parameter.copy_(value)
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(row["batches"]):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), labels).backward()
            optimizer.step()
        scale = 1e3 / row["batches"]
        return (time.perf_counter() - start) * scale, (time.process_time() - cpu) * scale

    one_round()
    one_round()
    times, cpus = zip(*(one_round() for _ in range(int(rounds))))
    print(
        f"{name} {peer} {statistics.median(times):.2f} ms, least {min(times):.2f}, "
        f"CPU {statistics.median(cpus):.2f}, peak {peak_mb():.0f} MB"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

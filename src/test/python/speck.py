"""Makes chip/speck.json: what sinabs says of small random networks on a Speck 2f, and how it rounds their weights.

    PYTHONPATH=sinabs python speck.py OUT

Each case is a definition as the service reads it, with the memory of its DynapcnnLayers and whether get_valid_mapping
finds a core for each; the cases of "rounding" are a Conv2d and the IAF after it, before and after discretize_conv_spike.
Made with sinabs 3.1.3 and PyTorch 2.13.0; samna, which talks to the chip, takes no part.
"""

import json
import pathlib
import random
import sys
from unittest import mock

# The package wants the chip's driver at import.
for name in ("samna", "samnagui", "samna.speck2f", "samna.speck2f.configuration", "samna.speck2e", "samna.speck2e.configuration"):
    sys.modules[name] = mock.MagicMock()

import sinabs.layers as sl
import torch
from sinabs.backend.dynapcnn import DynapcnnNetwork
from sinabs.backend.dynapcnn.chips.dynapcnn import DynapcnnConfigBuilder
from sinabs.backend.dynapcnn.discretize import discretize_conv_spike
from sinabs.backend.dynapcnn.dynapcnn_layer import DynapcnnLayer
from sinabs.backend.dynapcnn.exceptions import InvalidEdge, InvalidGraphStructure
from sinabs.backend.dynapcnn.mapping import get_valid_mapping
from torch import nn

rng = random.Random(1)
torch.manual_seed(1)


def network(shape, convs):
    """Convs are (out, kernel, stride, padding, bias, pool); a kernel of 0 is a Linear over all that is left."""
    layers, cores = [], {}
    for i, (out, kernel, stride, padding, bias, pool) in enumerate(convs):
        if kernel == 0:
            conv = nn.Linear(shape[0] * shape[1] * shape[2], out, bias=bias)
            layers += [{"type": "Flatten"}, {"type": "Linear", "out_features": out, "bias": bias}]
        else:
            conv = nn.Conv2d(shape[0], out, kernel, stride, padding, bias=bias)
            layers.append({"type": "Conv2d", "out_channels": out, "kernel_size": kernel, "stride": stride,
                           "padding": padding, "bias": bias})
        core = DynapcnnLayer(conv, sl.IAFSqueeze(batch_size=1), shape, [(pool, pool)], discretize=False)
        layers.append({"type": "IAF"})
        shape = core.get_neuron_shape()
        if pool > 1:
            layers.append({"type": "SumPool2d", "kernel_size": pool})
            shape = (shape[0], shape[1] // pool, shape[2] // pool)
        cores[i] = core
    return layers, cores


def case(shape, convs):
    layers, cores = network(shape, convs)
    memory = [{k: int(v) for k, v in core.memory_summary().items()} for core in cores.values()]
    try:
        get_valid_mapping(cores, DynapcnnConfigBuilder.get_constraints())
        fits = True
    except ValueError:
        fits = False
    return {"model": {"input_shape": list(shape), "layers": layers}, "memory": memory, "fits": fits}


def random_case():
    side = rng.choice([16, 28, 32, 64])
    shape, at, convs = (rng.choice([1, 2]), side, side), side, []
    for _ in range(rng.randint(1, 10)):
        kernel, stride, padding = rng.choice([1, 2, 3, 4]), rng.choice([1, 1, 1, 2]), rng.choice([0, 1])
        out = (at + 2 * padding - kernel) // stride + 1
        if out < 1:
            break
        pool = rng.choice([1, 1, 2]) if out >= 2 else 1
        convs.append((rng.choice([4, 8, 16, 32, 48, 64, 128]), kernel, stride, padding, rng.random() < 0.5, pool))
        at = out // pool
    if at <= 16 and rng.random() < 0.5:
        convs.append((10, 0, 1, 0, rng.random() < 0.5, 1))
    return case(shape, convs)


class Branched(nn.Module):
    """A definition with branches, called layer by layer."""

    def __init__(self, layers, channels):
        super().__init__()
        self.spec, self.modules_by_name = layers, nn.ModuleDict()
        for layer in layers:
            module = {"Conv2d": lambda: nn.Conv2d(channels, channels, 3, padding=1, bias=False),
                      "IAF": lambda: sl.IAFSqueeze(batch_size=1), "SumPool2d": lambda: sl.SumPool2d(2), "Add": sl.Merge}[layer["type"]]()
            self.modules_by_name[layer["name"]] = module

    def forward(self, x):
        values = {"input": x}
        for layer in self.spec:
            values[layer["name"]] = self.modules_by_name[layer["name"]](*(values[name] for name in layer["inputs"]))
        return values[self.spec[-1]["name"]]


def branched_case(channels=2, side=16):
    """Conv2d, IAF, Add and pools between values of equal shape, whatever the chip says of it; every value is read."""
    values, layers = {"input": side}, []

    def add(type, *inputs, size):
        name = f"{type.lower()}{len(layers)}"
        extra = {"Conv2d": {"out_channels": channels, "kernel_size": 3, "padding": 1, "bias": False}, "SumPool2d": {"kernel_size": 2}}
        layers.append({"name": name, "type": type, "inputs": list(inputs), **extra.get(type, {})})
        values[name] = size
        return name

    def core(source):
        return add("IAF", add("Conv2d", source, size=values[source]), size=values[source])

    core("input")
    for _ in range(rng.randint(1, 4)):
        spikes = [name for name in values if name != "input" and not name.startswith("conv")]
        kind = rng.choice(["core", "core", "join", "join", "pool"])
        if kind == "core":
            core(rng.choice(spikes))
        elif kind == "pool" and values[spikes[-1]] >= 4:
            add("SumPool2d", rng.choice(spikes[-2:]), size=0)
            values[layers[-1]["name"]] = values[layers[-1]["inputs"][0]] // 2
        else:
            one = rng.choice(spikes)
            others = [name for name in spikes if name != one and values[name] == values[one]]
            if others:
                add("Add", one, rng.choice(others), size=values[one])
    while True:
        ends = [name for name in values if not any(name in layer["inputs"] for layer in layers)]
        if len(ends) == 1 and ends[0].startswith("iaf"):
            break
        same = [name for name in ends if values[name] == values[ends[0]]]
        if len(same) > 1:
            core(add("Add", *same[:2], size=values[same[0]]))
        elif len(ends) > 1:
            large = max(ends, key=lambda name: values[name])
            add("SumPool2d", large, size=values[large] // 2)
        else:
            core(ends[0])
    model = {"input_shape": [channels, side, side], "layers": layers}
    try:
        net = DynapcnnNetwork(Branched(layers, channels), input_shape=(channels, side, side), dvs_input=False, discretize=False)
        get_valid_mapping(net.dynapcnn_layers, DynapcnnConfigBuilder.get_constraints())
        # What a configuration has places for is not asked before one is written; of two ways to one core, its forward keeps one.
        reason = next((word for word, wrong in (
            ("twice", any(len(set(to)) < len(to) for to in net.layer_destination_map.values())),
            ("destinations", any(len(to) > 2 for to in net.layer_destination_map.values())),
            ("pooling", any(side not in (1, 2, 4) for core in net.dynapcnn_layers.values() for side, _ in core.pool))) if wrong), None)
        fits = reason is None
    except (InvalidGraphStructure, ValueError, InvalidEdge, IndexError, AssertionError) as e:
        fits, reason = False, type(e).__name__
    return {"model": model, "fits": fits, "reason": reason}


def rounding(bias, threshold, lowest, scale):
    conv = nn.Conv2d(2, 3, 3, bias=bias)
    for p in conv.parameters():
        p.data *= scale
    spike = sl.IAF(spike_threshold=threshold, min_v_mem=lowest)
    before = [p.detach().flatten().tolist() for p in conv.parameters()]
    rounded, neurons = discretize_conv_spike(conv, spike, to_int=False)
    return {"bias": bias, "threshold": threshold, "min_v_mem": lowest, "before": before,
            "after": [p.detach().flatten().int().tolist() for p in rounded.parameters()],
            "threshold_after": int(neurons.spike_threshold), "min_v_mem_after": int(neurons.min_v_mem)}


def main(out):
    tutorial = case((1, 28, 28), [(16, 5, 1, 0, False, 2), (32, 5, 1, 0, False, 2), (120, 4, 1, 0, False, 1), (10, 0, 1, 0, False, 1)])
    cases = [tutorial] + [random_case() for _ in range(60)]
    roundings = [rounding(bias, threshold, lowest, scale) for bias in (False, True)
                 for threshold, lowest, scale in ((1.0, -1.0, 1), (0.3, -2.5, 4), (100.0, -1.0, 0.01), (1.0, -1.0, 500))]
    branched = [branched_case() for _ in range(60)]
    text = json.dumps({"networks": cases, "rounding": roundings, "branched": branched})
    pathlib.Path(out, "speck.json").write_text(text + "\n")
    for kind in (cases, branched):
        print(sum(c["fits"] for c in kind), "of", len(kind), "networks fit")


main(sys.argv[1])

"""Makes graphs/*.npz: what sinabs computes for ten random networks with branches, Merge and torch.cat, over three epochs.

    PYTHONPATH=SINABS python graphs.py OUT

Made with PyTorch 2.13.0 and sinabs 3.1.3 (where it is not installed, its pbr.version may be an empty stub). A file holds what
layers.py says: `model`, `input` [B, T, ...], `grad_output`, the state_dict `before.*`, `output` and the gradients `grad.*` of
the sum of output x grad_output plus 1e-4 x synops; and besides `labels` [B], `target`, and of each of three epochs of Adam at
0.01 on cross entropy and the tutorial's synops term: `loss`, `synops`, `layer_synops.*`, `firing_rate`, `layer_firing_rate.*`
and, after them all, the state_dict `after.*`.

A potential close to a threshold would make a spike a matter of rounding, so a network with one is not taken: the next is.
"""

import json
import pathlib
import random
import sys
import warnings

import numpy as np
import sinabs
import sinabs.layers as sl
import torch
from sinabs.activation import MultiSpike, SingleSpike
from torch import nn

warnings.simplefilter("ignore")
out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
B, T, CLASSES, NETWORKS, EPOCHS, MARGIN = 4, 5, 3, 10, 3, 1e-5
margins = []


def watched(function):
    """A spike function of sinabs that notes how close a potential came to a threshold."""

    class Watched:
        required_states = function.required_states

        @staticmethod
        def apply(v, threshold, surrogate):
            u = v.detach() / threshold
            at = u.round().clamp(1, 1 if function is SingleSpike else None)
            margins.append((u - at).abs().min().item())
            return function.apply(v, threshold, surrogate)

    return Watched


class Concat(nn.Module):
    def forward(self, *inputs):
        return torch.cat(inputs, 1)


class Sum(nn.Module):
    """sinabs' Merge takes two inputs; more are added one after the other."""

    def __init__(self):
        super().__init__()
        self.merge = sl.Merge()

    def forward(self, first, *others):
        for other in others:
            first = self.merge(first, other)
        return first


class Network(nn.Module):
    """A random graph, both as modules and as the JSON of the definition."""

    def __init__(self, seed):
        super().__init__()
        self.random = random.Random(seed)
        self.spec, self.parts, self.unread = [], {}, []
        self.shapes = {"input": (2, 8, 8)}
        r = self.random
        signals = [self.neurons(self.conv("input", stride=r.choice((1, 1, 2))))]
        while len(self.parts) < 14 or not {"Add", "Merge"} & self.kinds() or "Concat" not in self.kinds():
            kind = r.choice(("block", "block", "add", "add", "concat", "pool"))
            source = r.choice(signals)
            if kind == "block":
                signals.append(self.neurons(self.conv(source, stride=r.choice((1, 1, 1, 2)))))
            elif kind == "pool":
                if self.shapes[source][1] < 4:
                    continue
                signals.append(self.put("SumPool2d", sl.SumPool2d(2), [source], self.half(source), kernel_size=2))
            else:
                size = 1 if kind == "concat" else 0
                alike = [s for s in signals if self.shapes[s][size:] == self.shapes[source][size:]]
                if len(alike) < 2:
                    continue
                joined = r.sample(alike, r.choice((2, 2, min(3, len(alike)))))
                if kind == "add":
                    signals.append(self.put(r.choice(("Add", "Merge")), Sum(), joined, self.shapes[source]))
                else:
                    channels = sum(self.shapes[s][0] for s in joined)
                    signals.append(self.put("Concat", Concat(), joined, (channels, *self.shapes[source][1:])))
        ends = [self.flatten(s) for s in signals if s in self.unread]
        features = sum(self.shapes[e][0] for e in ends)
        if len(ends) > 1:
            ends = [self.put("Concat", Concat(), ends, (features,))]
        last = self.put("Linear", nn.Linear(features, CLASSES), ends, (CLASSES,), out_features=CLASSES)
        self.last = self.neurons(last)

    def kinds(self):
        return {layer["type"] for layer in self.spec}

    def put(self, type, module, inputs, shape, **options):
        i = len(self.spec)
        name = self.random.choice((f"layer{i}", f"block{i // 3}.{type.lower()}{i}"))
        self.add_module(name.replace(".", "/"), module)
        self.spec.append(dict(type=type, name=name, inputs=inputs, **options))
        self.parts[name] = module, inputs
        self.shapes[name] = shape
        self.unread = [n for n in self.unread if n not in inputs] + [name]
        return name

    def half(self, source):
        c, h, w = self.shapes[source]
        return c, h // 2, w // 2

    def conv(self, source, stride):
        c, h, w = self.shapes[source]
        channels = self.random.choice((2, 3, 4))
        bias = self.random.choice((True, False))
        conv = nn.Conv2d(c, channels, 3, stride, 1, bias=bias)
        shape = channels, (h - 1) // stride + 1, (w - 1) // stride + 1
        return self.put("Conv2d", conv, [source], shape, out_channels=channels, kernel_size=3, stride=stride, padding=1, bias=bias)

    def neurons(self, source):
        function = self.random.choice((MultiSpike, MultiSpike, SingleSpike))
        options = dict(spike_fn=watched(function), spike_threshold=torch.tensor(self.random.choice((0.5, 0.7))))
        json = dict(spike_fn="single" if function is SingleSpike else "multi", spike_threshold=round(options["spike_threshold"].item(), 3))
        if self.random.random() < 0.5:
            return self.put("IAF", sl.IAFSqueeze(batch_size=B, **options), [source], self.shapes[source], **json)
        lif = sl.LIFSqueeze(batch_size=B, tau_mem=6.0, norm_input=False, **options)
        return self.put("LIF", lif, [source], self.shapes[source], tau_mem=6.0, norm_input=False, **json)

    def flatten(self, source):
        return self.put("Flatten", nn.Flatten(), [source], (int(np.prod(self.shapes[source])),))

    def forward(self, x):
        values = {"input": x}
        for name, (module, inputs) in self.parts.items():
            values[name] = module(*(values[i] for i in inputs))
        return values[self.last]

    def numbers(self, what):
        """Of every parameter under the name it has here; `what` says which number of it."""
        found = {}
        for name, (module, _) in self.parts.items():
            for key, p in module.named_parameters():
                if key != "spike_threshold":  # which no gradient reaches
                    found[f"{name}.{key}"] = what(p)
        return {k: v.detach().numpy().copy() for k, v in found.items() if v is not None}

    def definition(self):
        # The order of the list does not matter where inputs are named.
        return dict(input_shape=[2, 8, 8], layers=self.random.sample(self.spec, len(self.spec)), output=self.last)


def count(net, x):
    """Spikes of the outputs summed over time, synops of a sample, and both kinds of figures of every layer."""
    sinabs.reset_states(net)
    y = net(x.flatten(0, 1)).unflatten(0, (B, T)).sum(1)
    figures = net.analyzer.get_layer_statistics()
    names = {name.replace(".", "/"): name for name in net.parts}
    parameter = {names[k]: v["synops"] for k, v in figures["parameter"].items()}
    spiking = {names[k]: v["firing_rate"] for k, v in figures["spiking"].items()}
    rate = net.analyzer.get_model_statistics()["firing_rate"]
    return y, sum(parameter.values()), parameter, spiking, rate


def run(seed):
    torch.manual_seed(seed)
    net = Network(seed)
    x = (torch.rand(B, T, 2, 8, 8) < 0.4).float() * torch.randint(1, 3, (B, T, 2, 8, 8))
    net(x.flatten(0, 1))
    files = {f"before.{k}": v for k, v in net.numbers(lambda p: p).items()}

    net.analyzer = sinabs.SNNAnalyzer(net)
    y, synops, *_ = count(net, x)
    g = torch.randn(B, CLASSES)
    ((y * g).sum() + 1e-4 * synops).backward()
    files |= {f"grad.{k}": v for k, v in net.numbers(lambda p: p.grad).items()}
    files |= dict(input=x.numpy(), grad_output=g.numpy(), output=y.detach().numpy(), synops_before=synops.detach().numpy())
    if y.min() == y.max() or any((v == 0).all() for k, v in files.items() if k.startswith("grad.")):
        return None

    labels = torch.arange(B) % CLASSES
    target = 0.8 * synops.detach()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    epochs = []
    for _ in range(EPOCHS):
        net.analyzer.reset()
        optimizer.zero_grad()
        sinabs.zero_grad(net)
        y, synops, parameter, spiking, rate = count(net, x)
        loss = nn.functional.cross_entropy(y, labels) + ((target - synops) / target) ** 2
        loss.backward()
        optimizer.step()
        epochs.append(
            dict(loss=loss, synops=synops, firing_rate=rate)
            | {f"layer_synops.{k}": v for k, v in parameter.items()}
            | {f"layer_firing_rate.{k}": v for k, v in spiking.items()}
        )
    if min(margins) < MARGIN:
        return None
    files |= {k: np.array([e[k].item() for e in epochs]) for k in epochs[0]}
    files |= {f"after.{k}": v for k, v in net.numbers(lambda p: p).items()}
    files |= dict(labels=labels.int().numpy(), target=target.numpy())
    files["model"] = np.frombuffer(json.dumps(net.definition()).encode(), np.uint8)
    return files


made, seed = 0, 0
while made < NETWORKS:
    margins.clear()
    files = run(seed)
    if files is None:
        print(f"seed {seed}: not taken, least margin {min(margins):.1e}")
    else:
        np.savez_compressed(out / f"graph{made}.npz", **files)
        print(f"seed {seed}: graph{made}, least margin {min(margins):.1e}, synops {files['synops']}")
        made += 1
    seed += 1

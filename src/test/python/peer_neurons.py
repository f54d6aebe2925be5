"""Makes neurons/*.npz: what SpikingJelly and snnTorch compute for networks of their own neurons, with their gradients.

    PYTHONPATH=SPIKINGJELLY:SNNTORCH python peer_neurons.py OUT

Made with PyTorch 2.13.0, SpikingJelly at afb1322 and snnTorch 0.9.4. A file holds `printed`, the text that describes the
network here; `input` [B, T, 5], `grad_output` [B, 4], the gradient of every step's output; the weights `before.*`; `output`
[B, 4], summed over time; and the gradients `grad.*` of the sum of output x grad_output.
"""

import pathlib
import sys

import numpy as np
import torch
from torch import nn

import snntorch
from snntorch import surrogate as snntorch_surrogate
from spikingjelly.activation_based import neuron, surrogate

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
B, T = 3, 12


def run(name, text, make):
    """`make` gives a layer of neurons that takes one step; `text` what is printed of it, and written into its brackets."""
    torch.manual_seed(5)
    first, second = nn.Linear(5, 6), nn.Linear(6, 4, bias=False)
    first.weight.data *= 3
    second.weight.data *= 3
    layers = [make(), make()]
    x, g = torch.rand(B, T, 5) * 2 - 0.5, torch.randn(B, 4)
    y = 0
    for t in range(T):
        y = y + layers[1](second(layers[0](first(x[:, t]))))
    (y * g).sum().backward()
    weights = {"0.weight": first.weight, "0.bias": first.bias, "2.weight": second.weight}
    printed = f"Sequential(\n  (0): {first}\n  (1): {text}\n  (2): {second}\n  (3): {text}\n)"
    np.savez_compressed(
        out / f"{name}.npz",
        printed=np.frombuffer(printed.encode(), np.uint8), input=x.numpy(), grad_output=g.numpy(), output=y.detach().numpy(),
        **{f"before.{k}": w.detach().numpy() for k, w in weights.items()},
        **{f"grad.{k}": w.grad.numpy() for k, w in weights.items()},
    )
    print(name, y.detach().tolist(), [float(w.grad.abs().max()) for w in weights.values()])


for detach in (False, True):
    for reset in (0.0, None):
        for decay in (True, False):
            options = dict(tau=3.0, decay_input=decay, v_threshold=0.8, v_reset=reset, detach_reset=detach)
            written = ", ".join(f"{k}={v}" for k, v in options.items())
            run(
                f"lif_node_{'hard' if reset == 0 else 'soft'}_{'decay' if decay else 'whole'}_{'detached' if detach else 'whole'}",
                f"LIFNode(\n    {written}, step_mode=s, backend=torch\n    (surrogate_function): Sigmoid(alpha=4.0, spiking=True)\n  )",
                lambda: neuron.LIFNode(**options, surrogate_function=surrogate.Sigmoid()),
            )
    for reset in (-0.2, None):
        options = dict(v_threshold=0.8, v_reset=reset, detach_reset=detach)
        written = ", ".join(f"{k}={v}" for k, v in options.items())
        # From 0, where SpikingJelly starts from v_reset.
        def integrate():
            node = neuron.IFNode(**options, surrogate_function=surrogate.ATan())
            node._memories_rv["v"] = 0.0
            node.v = 0.0
            return node

        run(
            f"if_node_{'soft' if reset is None else 'hard'}_{'detached' if detach else 'whole'}",
            f"IFNode(\n    {written}, step_mode=s, backend=torch\n    (surrogate_function): ATan(alpha=2.0, spiking=True)\n  )",
            integrate,
        )


class Leaky(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.leaky, self.mem = snntorch.Leaky(**options), None

    def forward(self, x):
        spikes, self.mem = self.leaky(x, self.mem)
        return spikes


class Synaptic(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.synaptic, self.state = snntorch.Synaptic(**options), (None, None)

    def forward(self, x):
        spikes, *self.state = self.synaptic(x, *self.state)
        return spikes


# A reset to zero comes at once: a delayed one drops a step's current, and is refused here.
for mechanism, delay in (("subtract", True), ("none", True), ("zero", False)):
    options = dict(alpha=0.6, beta=0.8, threshold=0.9, reset_mechanism=mechanism, reset_delay=delay)
    written = ", ".join(f"{k}={v!r}" for k, v in options.items())
    run(f"synaptic_{mechanism}_{'delay' if delay else 'at_once'}", f"Synaptic({written})", lambda: Synaptic(**options))

for mechanism in ("subtract", "zero", "none"):
    # At once, snnTorch subtracts again in the next step where a potential is still above the threshold: refused here.
    for delay in (True,) if mechanism == "subtract" else (True, False):
        options = dict(beta=0.8, threshold=0.9, reset_mechanism=mechanism, reset_delay=delay)
        written = ", ".join(f"{k}={v!r}" for k, v in options.items())
        run(f"leaky_{mechanism}_{'delay' if delay else 'at_once'}", f"Leaky({written})", lambda: Leaky(**options))

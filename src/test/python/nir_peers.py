"""NIR files beside the peers' own libraries, into the golden files of NirTest.

    python nir_peers.py OURS OUT

OURS holds the ours-*.nir that NirTest wrote (target/interop). Each is opened with nir and run in the library whose
dialect it is written in; each library also writes a network of its own, peer-*.nir, and runs what it reads from it.
OUT gets the files and, as counts in an .npz each, the spikes of the last layer over 10 steps of ones.

Made with nir 1.0.7, nirtorch 2.0.6, sinabs 3.1.3, Norse 1.1.0, snnTorch 0.9.4, SpikingJelly at afb1322, PyTorch 2.13.0,
lava-dl at d825ac5 with nir_to_lava.py and lava_to_nir.py of NIR at 7232ada, docs/source/examples/lava (of Lava itself,
which lava-dl's neurons do without, LIF and Dense may be empty classes).
"""

import pathlib
import shutil
import sys
import tempfile

import h5py
import nir
import numpy as np
import torch
from torch import nn

ours, out = map(pathlib.Path, sys.argv[1:3])
STEPS, SHAPE = 10, (2, 8, 8)


def sinabs_counts(graph):
    from sinabs.nir import from_nir

    with torch.no_grad():
        return from_nir(graph, batch_size=1)(torch.ones(STEPS, *graph.nodes["input"].input_type["input"]))[0].sum(0)


def sinabs_graph_counts(graph):
    """sinabs' modules in nirtorch's present interpreter: from_nir's, nirtorch.load, runs a node before all that it reads."""
    from functools import partial

    import nirtorch
    from sinabs.nir import _import_sinabs_module

    module = partial(_import_sinabs_module, batch_size=1, num_timesteps=None)
    types = (nir.Affine, nir.Conv2d, nir.IF, nir.SumPool2d, nir.Flatten)
    with torch.no_grad():
        return nirtorch.nir_to_torch(graph, dict.fromkeys(types, module))(torch.ones(STEPS, *SHAPE))[0].sum(0)


def norse_counts(graph):
    import norse.torch

    return stepwise(norse.torch.from_nir(graph, dt=1e-3))


def snntorch_counts(graph):
    from snntorch.import_nir import import_from_nir

    return stepwise(import_from_nir(graph))


def spikingjelly_counts(graph):
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    return stepwise(import_from_nir(graph, dt=1e-4))


def snntorch_recurrent_counts(graph):
    """
    Node by node, as import_from_nir of snnTorch 0.9.4 fails at graphs within the graph. Its RSynaptic is not compared:
    it computes the reset that follows a spike, and then forgets it.
    """
    import snntorch as snn
    from snntorch.import_nir import _nir_to_snntorch_module

    order = in_order(graph)
    modules = [_nir_to_snntorch_module(graph.nodes[name]) for name in order]
    # Spikes and potentials, by node.
    states = {name: [torch.zeros(1, module.linear_features)] * 2
              for name, module in zip(order, modules) if isinstance(module, snn.RLeaky)}
    total = 0
    with torch.no_grad():
        for _ in range(STEPS):
            x = torch.ones(1, *SHAPE)
            for name, module in zip(order, modules):
                if name in states:
                    states[name] = module(x, *states[name])
                    x = states[name][0]
                else:
                    x = module(x)
            total = total + x
    return total[0]


def sinabs_conv1d_counts(graph):
    """By hand, as from_nir of sinabs 3.1.3 fails at every Conv1d."""
    import sinabs.layers as sl

    conv, first, _, fc, second = (graph.nodes[name] for name in in_order(graph))

    def iaf(node):
        threshold = float(node.v_threshold.flat[0])
        return sl.IAFSqueeze(batch_size=1, spike_threshold=threshold, min_v_mem=-threshold)

    x = torch.ones(STEPS, *graph.nodes["input"].input_type["input"])
    with torch.no_grad():
        x = nn.functional.conv1d(x, *map(torch.tensor, (conv.weight, conv.bias)), *(int(np.ravel(n)[0]) for n in (conv.stride, conv.padding)))
        x = nn.functional.linear(iaf(first)(x).flatten(1), *map(torch.tensor, (fc.weight, fc.bias)))
        return iaf(second)(x).sum(0)


def lava_counts(graph):
    from nir_to_lava import ImportConfig, LavaLibrary, import_from_nir

    x = torch.ones(1, *graph.nodes["input"].input_type["input"], STEPS)
    # The weights that its modules draw first are not to change what the other peers' networks draw.
    with torch.random.fork_rng():
        net = import_from_nir(graph, ImportConfig(library_preference=LavaLibrary.LavaDl))
    # Where neurons lead back to themselves, the script makes it a graph of modules.
    modules = net.blocks if hasattr(net, "blocks") else [node.elem for node in net.get_execution_order()]
    with torch.no_grad():
        for module in modules:
            x = module(x)
    return x.sum(-1)[0]


def aside(count):
    """The weights that modules draw first are not to change what the peers' networks draw."""
    def counts(graph):
        with torch.random.fork_rng():
            return count(graph)

    return counts


def in_order(graph):
    """Names of the nodes between input and output."""
    after, names = dict(graph.edges), ["input"]
    while names[-1] != "output":
        names.append(after[names[-1]])
    return names[1:-1]


def stepwise(net):
    total, state = 0, None
    with torch.no_grad():
        for _ in range(STEPS):
            answer = net(torch.ones(1, *SHAPE), state) if state is not None else net(torch.ones(1, *SHAPE))
            spikes, state = answer if isinstance(answer, tuple) else (answer, None)
            total = total + spikes
    return total[0]


def sinabs_sequence(*layers, shape=SHAPE):
    from sinabs.nir import to_nir

    graph = to_nir(nn.Sequential(*layers), torch.ones(STEPS, *shape))
    graph.infer_types()
    return graph


def sinabs_network():
    import sinabs.layers as sl

    return sinabs_sequence(
        nn.Conv2d(2, 4, 3), sl.IAFSqueeze(batch_size=1), sl.SumPool2d(2), nn.Flatten(),
        nn.Linear(36, 5, bias=False), sl.IAFSqueeze(batch_size=1),
    )


def sinabs_leak():
    import sinabs.layers as sl

    return sinabs_sequence(
        nn.Flatten(), nn.Linear(128, 6), sl.ExpLeakSqueeze(tau_mem=torch.full((6,), 6.0), batch_size=1, norm_input=False),
        nn.Linear(6, 5), sl.IAFSqueeze(batch_size=1),
    )


def sinabs_conv1d():
    import sinabs.layers as sl

    return sinabs_sequence(
        nn.Conv1d(2, 4, 3, padding=1), sl.IAFSqueeze(batch_size=1), nn.Flatten(), nn.Linear(64, 5), sl.IAFSqueeze(batch_size=1),
        shape=(2, 16),
    )


def norse_leak():
    one, two = nn.Linear(128, 6), nn.Linear(6, 5)
    return nir.NIRGraph.from_list(
        nir.Input(np.array(SHAPE)), nir.Flatten(np.array(SHAPE), 1, -1), nir.Affine(numbers(one, "weight"), numbers(one, "bias")),
        nir.LI(tau=shaped(6e-3, 6), r=shaped(1, 6), v_leak=shaped(0, 6)), nir.Affine(numbers(two, "weight"), numbers(two, "bias")),
        nir.IF(r=shaped(1, 5), v_threshold=shaped(0.3, 5)), type_check=False,
    )


def snntorch_recurrent():
    """The graphs within are those of snnTorch's exporter, which fails at a whole network with them."""
    import snntorch as snn
    from snntorch.export_nir import _extract_snntorch_module as extract

    nodes = {"input": nir.Input(np.array(SHAPE)), "flatten": nir.Flatten(np.array(SHAPE), 1, -1), "fc1": extract(nn.Linear(128, 6)),
             "rnn1": extract(snn.RLeaky(beta=0.8, threshold=0.4, linear_features=6)), "fc2": extract(nn.Linear(6, 5)),
             "rnn2": extract(snn.RLeaky(beta=0.7, threshold=0.3, linear_features=5)), "output": nir.Output(np.array([5]))}
    return nir.NIRGraph(nodes, list(zip(nodes, list(nodes)[1:])), type_check=False)


def lava_network():
    """Out of SLAYER as its users go: its own file, in the whole numbers of the chip, then NIR's script."""
    import lava.lib.dl.slayer as slayer
    from lava_to_nir import convert_to_nir

    neurons = dict(threshold=1.25, current_decay=0.25, voltage_decay=0.03)
    blocks = [slayer.block.cuba.Dense(neurons, *size, weight_scale=3, delay_shift=False) for size in ((32, 24), (24, 10))]
    spikes = torch.ones(1, 32, STEPS)
    with torch.no_grad():
        for block in blocks:
            spikes = block(spikes)
    with tempfile.TemporaryDirectory() as folder:
        files = [str(pathlib.Path(folder, name)) for name in ("network.net", "network.nir")]
        with h5py.File(files[0], "w") as file:
            for i, block in enumerate(blocks):
                block.export_hdf5(file.create_group(f"layer/{i}"))
        convert_to_nir(*files)
        graph = nir.read(files[1])
    assert torch.equal(spikes.sum(-1)[0], lava_counts(graph))
    return graph


def lava_recurrent():
    """In one graph, with the names that the script looks for."""
    fc1, back, fc2 = nn.Linear(128, 6), nn.Linear(6, 6, bias=False), nn.Linear(6, 5)
    nodes = {"input": nir.Input(np.array(SHAPE)), "flatten": nir.Flatten(np.array(SHAPE), 0, -1),
             "fc1": nir.Affine(numbers(fc1, "weight"), numbers(fc1, "bias")), "rnn.lif": cuba(6),
             "fc2": nir.Affine(numbers(fc2, "weight"), numbers(fc2, "bias")), "lif": cuba(5), "output": nir.Output(np.array([5]))}
    edges = list(zip(nodes, list(nodes)[1:]))
    nodes["rnn.w_rec"] = nir.Linear(2 * numbers(back, "weight"))
    return nir.NIRGraph(nodes, edges + [("rnn.lif", "rnn.w_rec"), ("rnn.w_rec", "rnn.lif")], type_check=False)


def cuba(n):
    return nir.CubaLIF(tau_syn=shaped(2e-4, n), tau_mem=shaped(5e-4, n), r=shaped(5, n), v_leak=shaped(0, n),
                       v_threshold=shaped(1, n), w_in=shaped(2, n))


def shaped(value, *shape):
    return np.full(shape, value, dtype=np.float32)


def numbers(module, name):
    return getattr(module, name).detach().numpy()


def plain(conv, fc, first, second, pool):
    """The same small network from nodes, for the libraries whose exporters leave shapes out."""
    return nir.NIRGraph.from_list(
        nir.Input(np.array(SHAPE)),
        nir.Conv2d((8, 8), numbers(conv, "weight"), (1, 1), (0, 0), (1, 1), 1, numbers(conv, "bias")),
        first, pool, nir.Flatten(np.array([4, 3, 3]), 0, -1),
        nir.Affine(numbers(fc, "weight"), numbers(fc, "bias")), second, type_check=False,
    )


def main():
    counts = {"sinabs": sinabs_counts, "norse": norse_counts, "snntorch": snntorch_counts,
              "spikingjelly": spikingjelly_counts, "sinabs-leak": sinabs_counts, "norse-leak": norse_counts,
              "sinabs-conv1d": sinabs_conv1d_counts, "snntorch-recurrent": snntorch_recurrent_counts,
              "lava": lava_counts, "lava-recurrent": lava_counts}
    others = {"sinabs": sinabs_network, "sinabs-leak": sinabs_leak, "norse-leak": norse_leak, "sinabs-conv1d": sinabs_conv1d,
              "snntorch-recurrent": snntorch_recurrent, "lava": lava_network, "lava-recurrent": lava_recurrent}
    torch.manual_seed(3)
    # Networks of ours that are no peer's too: of an AvgPool2d, which sinabs knows no node for, and residual.nir again.
    more = dict.fromkeys(("sinabs-avgpool", "sinabs-pools", "sinabs-end", "residual"), aside(sinabs_counts))
    more["sinabs-concat"] = aside(sinabs_graph_counts)
    for name, count in {**counts, **more}.items():
        try:
            source = ours / f"ours-{name}.nir"
            shutil.copy(source, out)
            graph = nir.read(source, type_check=False)
            total = count(graph).reshape(-1).numpy()
            np.savez(out / f"ours-{name}.npz", counts=total if name == "sinabs-end" else total.astype(np.int32))
            print("ours", name, total.astype(int))
        except Exception as e:
            print("ours", name, "FAILED", type(e), e)
    for name, count in counts.items():
        try:
            if name in others:
                graph = others[name]()
            else:
                conv, fc = nn.Conv2d(2, 4, 3), nn.Linear(36, 5)
                big, small = (4, 6, 6), (5,)
                dt = 1e-3 if name == "norse" else 1e-4
                r = 1 if name != "spikingjelly" else 1 / dt
                first = nir.IF(r=shaped(r, *big), v_threshold=shaped(0.3, *big))
                tau, gain = 8 * dt, 1 if name == "norse" else 8
                if name == "snntorch":
                    first = nir.LIF(tau=shaped(5 * dt, *big), r=shaped(5, *big), v_leak=shaped(0, *big), v_threshold=shaped(0.6, *big))
                second = nir.LIF(tau=shaped(tau, *small), r=shaped(gain, *small), v_leak=shaped(0, *small), v_threshold=shaped(0.1, *small))
                pool = nir.SumPool2d if name == "norse" else nir.AvgPool2d
                graph = plain(conv, fc, first, second, pool(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])))
                if name in ("norse", "snntorch"):
                    graph.nodes["flatten"].start_dim = 1
            nir.write(out / f"peer-{name}.nir", graph)
            total = count(nir.read(out / f"peer-{name}.nir", type_check=False)).reshape(-1).numpy()
            np.savez(out / f"peer-{name}.npz", counts=total.astype(np.int32))
            print("peer", name, total.astype(int))
        except Exception as e:
            print("peer", name, "FAILED", type(e), e)
    odd_graphs()


def odd_graphs():
    def affine(i, o):
        return nir.Affine(shaped(0.5, o, i), shaped(0.1, o))

    def integrate(n, v=1.0):
        return nir.IF(r=shaped(1, n), v_threshold=shaped(v, n))

    def graph(nodes, edges):
        return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)

    ends = {"input": nir.Input(np.array([3])), "output": nir.Output(np.array([2]))}
    inner = graph({"in": nir.Input(np.array([3])), "fc": affine(3, 2), "if": integrate(2), "out": nir.Output(np.array([2]))},
                  [("in", "fc"), ("fc", "if"), ("if", "out")])
    nir.write(out / "nested.nir", graph({**ends, "block": inner, "fc": affine(2, 2)},
                                        [("input", "block"), ("block", "fc"), ("fc", "output")]))
    lif = nir.LIF(tau=shaped(0.01, 2), r=shaped(1, 2), v_leak=shaped(0, 2), v_threshold=shaped(1, 2))
    nir.write(out / "recurrent.nir", graph({**ends, "fc": affine(3, 2), "lif": lif, "rec": affine(2, 2)},
                                           [("input", "fc"), ("fc", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "output")]))
    nir.write(out / "recurrent-bias.nir", graph({**ends, "fc": affine(3, 2), "lif": cuba(2), "rec": affine(2, 2)},
                                                [("input", "fc"), ("fc", "lif"), ("lif", "rec"), ("rec", "lif"), ("lif", "output")]))
    nir.write(out / "loop.nir", graph({**ends, "fc": affine(3, 2), "flatten": nir.Flatten(np.array([2]), 0, -1), "rec": affine(2, 2)},
                                      [("input", "fc"), ("fc", "flatten"), ("flatten", "rec"), ("rec", "flatten"), ("flatten", "output")]))
    nir.write(out / "branches.nir", graph({**ends, "fc": affine(3, 2), "lif": lif, "other": affine(2, 2)},
                                          [("input", "fc"), ("fc", "lif"), ("fc", "other"), ("other", "lif"), ("lif", "output")]))
    nir.write(out / "delay.nir", graph({**ends, "fc": affine(3, 2), "delay": nir.Delay(shaped(1, 2))},
                                       [("input", "fc"), ("fc", "delay"), ("delay", "output")]))
    uneven = nir.IF(r=shaped(1, 2), v_threshold=np.array([1, 2], dtype=np.float32))
    nir.write(out / "uneven.nir", graph({**ends, "fc": affine(3, 2), "if": uneven},
                                        [("input", "fc"), ("fc", "if"), ("if", "output")]))
    chain = lambda *names: list(zip(names, names[1:]))
    nir.write(out / "scale.nir", graph({**ends, "double": nir.Scale(shaped(2, 3)), "fc": affine(3, 2), "rows": nir.Scale(np.array([3, 5], dtype=np.float32)),
                                        "if": integrate(2)}, chain("input", "double", "fc", "rows", "if", "output")))
    li = nir.CubaLI(tau_mem=shaped(4e-3, 2), tau_syn=shaped(2e-3, 2), r=shaped(1, 2), v_leak=shaped(0, 2), w_in=shaped(3, 2))
    quiet = nir.Affine(shaped(0.5, 2, 2), shaped(0, 2))
    nir.write(out / "cuba-li.nir", graph({**ends, "fc": affine(3, 2), "li": li, "fc2": quiet, "if": integrate(2)},
                                         chain("input", "fc", "li", "fc2", "if", "output")))
    nir.write(out / "integrator.nir", graph({**ends, "fc": affine(3, 2), "i": nir.I(shaped(1, 2)), "threshold": nir.Threshold(shaped(5, 2))},
                                            chain("input", "fc", "i", "threshold", "output")))
    nir.write(out / "no-ends.nir", graph({**ends, "fc": affine(3, 2), "if": integrate(2)}, chain("input", "fc", "if", "output")))
    with h5py.File(out / "no-ends.nir", "r+") as file:
        nodes = file["node"]
        del nodes["nodes/input"], nodes["nodes/output"], nodes["edges"]
        nodes["edges"] = np.array([[b"fc", b"if"]], dtype=object)
    # 1.57 MB that gzip, nir.write's default, stores in some kilobytes.
    weight = ((np.arange(500 * 784) % 7 - 3) / 8).astype(np.float32).reshape(500, 784)
    nir.write(out / "compressed.nir", graph(
        {"input": nir.Input(np.array([784])), "output": nir.Output(np.array([500])),
         "fc": nir.Linear(weight), "if": integrate(500)}, chain("input", "fc", "if", "output")))
    nir.write(out / "misfit.nir", graph({**ends, "fc": affine(4, 2)}, [("input", "fc"), ("fc", "output")]))


main()

import job

job.peer("spikingjelly")

import torch
from spikingjelly.activation_based import functional, neuron
from torch.nn.functional import avg_pool2d

conv1, conv2, conv3, linear = layers = job.convolutions()
neurons = [neuron.IFNode(v_reset=None, step_mode="m") for _ in layers]
x = torch.ones(job.STEPS * job.BATCH, 1, 28, 28)


def count_synops():
    counted = []
    spikes = x
    for i, layer in enumerate(layers):
        functional.reset_net(neurons[i])
        counted.append((spikes, layer))
        current = layer(spikes)
        spikes = neurons[i](current.unflatten(0, (job.STEPS, job.BATCH))).flatten(0, 1)
        if i < 2:
            spikes = 4 * avg_pool2d(spikes, 2)
        elif i == 2:
            spikes = spikes.flatten(1)
    return job.synops(counted)


job.measure([layer.weight for layer in layers], count_synops)

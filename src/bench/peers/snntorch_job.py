import job

job.peer("snntorch")

import snntorch
import torch
from torch.nn.functional import avg_pool2d

conv1, conv2, conv3, linear = layers = job.convolutions()
neurons = [snntorch.Leaky(beta=1.0) for _ in layers]
x = torch.ones(job.BATCH, 1, 28, 28)


def count_synops():
    potentials = [neuron.init_leaky() for neuron in neurons]
    counted = []
    for _ in range(job.STEPS):
        spikes = x
        for i, layer in enumerate(layers):
            counted.append((spikes, layer))
            spikes, potentials[i] = neurons[i](layer(spikes), potentials[i])
            if i < 2:
                spikes = 4 * avg_pool2d(spikes, 2)
            elif i == 2:
                spikes = spikes.flatten(1)
    return job.synops(counted)


job.measure([layer.weight for layer in layers], count_synops)

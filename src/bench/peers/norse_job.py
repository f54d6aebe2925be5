import job

job.peer("norse", "NIR", "NIRTorch")

import torch
from norse.torch.functional.iaf import IAFFeedForwardState, iaf_feed_forward_step
from torch.nn.functional import avg_pool2d

layers = job.convolutions()
x = torch.ones(job.BATCH, 1, 28, 28)


def count_synops():
    states = [IAFFeedForwardState(torch.zeros(())) for _ in layers]
    counted = []
    for _ in range(job.STEPS):
        spikes = x
        for i, layer in enumerate(layers):
            counted.append((spikes, layer))
            current = layer(spikes)
            spikes, states[i] = iaf_feed_forward_step(current, states[i])
            if i < 2:
                spikes = 4 * avg_pool2d(spikes, 2)
            elif i == 2:
                spikes = spikes.flatten(1)
    return job.synops(counted)


job.measure([layer.weight for layer in layers], count_synops)

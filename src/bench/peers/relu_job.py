import job
import torch
from torch.nn.functional import avg_pool2d, relu

layers = job.convolutions()
x = torch.ones(job.BATCH * job.STEPS, 1, 28, 28)


def count_synops():
    counted = []
    values = x
    for i, layer in enumerate(layers):
        counted.append((values, layer))
        values = relu(layer(values))
        if i < 2:
            values = 4 * avg_pool2d(values, 2)
        elif i == 2:
            values = values.flatten(1)
    return job.synops(counted)


job.measure([layer.weight for layer in layers], count_synops)

"""A part of the MNIST job in sinabs: DIR with the IDX files, and how many of its 937 batches. Prints the median seconds
of a batch: forward, statistics, backward and Adam, with a limit of half the untrained synops."""

import os
import statistics
import sys
import time

import job

job.peer("sinabs", "NIR", "NIRTorch")

import numpy as np
import sinabs
import sinabs.layers as sl
import torch
from torch import nn

BATCH, STEPS = 64, 10
torch.set_num_threads(int(os.environ.get("THREADS", "2")))
conv1, conv2, conv3, linear = job.convolutions()


def idx(name, head):
    return torch.from_numpy(np.fromfile(os.path.join(sys.argv[1], name), np.uint8)[head:].copy())


images = idx("train-images-idx3-ubyte", 16).view(-1, 1, 28, 28)
labels = idx("train-labels-idx1-ubyte", 8).long()
network = nn.Sequential(
    *(conv1, sl.IAFSqueeze(batch_size=BATCH), sl.SumPool2d(2)),
    *(conv2, sl.IAFSqueeze(batch_size=BATCH), sl.SumPool2d(2)),
    *(conv3, sl.IAFSqueeze(batch_size=BATCH), nn.Flatten()),
    *(linear, sl.IAFSqueeze(batch_size=BATCH)),
)
analyzer = sinabs.SNNAnalyzer(network)
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
limit, seconds = None, []
for batch in torch.randperm(len(images)).split(BATCH)[: int(sys.argv[2])]:
    start = time.perf_counter()
    spikes = torch.rand(BATCH, STEPS, 1, 28, 28) < (images[batch] / 255).view(BATCH, 1, 1, 28, 28)
    sinabs.reset_states(network)
    sinabs.zero_grad(network)
    counts = network(spikes.float().flatten(0, 1)).unflatten(0, (BATCH, STEPS)).sum(1)
    synops = sum(layer["synops"] for layer in analyzer.get_layer_statistics()["parameter"].values())
    limit = limit or synops.item() / 2
    loss = nn.functional.cross_entropy(counts, labels[batch]) + torch.relu(synops - limit) ** 2 / limit**2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    seconds.append(time.perf_counter() - start)
print(statistics.median(seconds))

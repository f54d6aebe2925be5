"""The MNIST job in sinabs: DIR with the IDX files, how many of its 937 batches, a seed and a limit in synops (without
one: half the untrained count; "none": no limit). Prints as JSON the median seconds of a batch (forward, statistics,
backward and Adam) and, where all were trained, accuracy and synops on the test images."""

import json
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
conv1, conv2, conv3, linear = job.convolutions(int((sys.argv[3:4] or [1])[0]))


def idx(name, head):
    return torch.from_numpy(np.fromfile(os.path.join(sys.argv[1], name), np.uint8)[head:].copy())


def read(part):
    return idx(f"{part}-images-idx3-ubyte", 16).view(-1, 1, 28, 28), idx(f"{part}-labels-idx1-ubyte", 8).long()


def show(images):
    """Spike counts of the outputs, and synops of a sample."""
    spikes = torch.rand(len(images), STEPS, 1, 28, 28) < (images / 255).view(-1, 1, 1, 28, 28)
    sinabs.reset_states(network)
    counts = network(spikes.float().flatten(0, 1)).unflatten(0, (len(images), STEPS)).sum(1)
    return counts, sum(layer["synops"] for layer in analyzer.get_layer_statistics()["parameter"].values())


batches = int(sys.argv[2])
limit = float(sys.argv[4].replace("none", "inf")) if len(sys.argv) > 4 else None
images, labels = read("train")
network = nn.Sequential(
    *(conv1, sl.IAFSqueeze(batch_size=BATCH), sl.SumPool2d(2)),
    *(conv2, sl.IAFSqueeze(batch_size=BATCH), sl.SumPool2d(2)),
    *(conv3, sl.IAFSqueeze(batch_size=BATCH), nn.Flatten()),
    *(linear, sl.IAFSqueeze(batch_size=BATCH)),
)
analyzer = sinabs.SNNAnalyzer(network)
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
seconds = []
for batch in torch.randperm(len(images)).split(BATCH)[:batches]:
    start = time.perf_counter()
    sinabs.zero_grad(network)
    counts, synops = show(images[batch])
    limit = limit or synops.item() / 2
    loss = nn.functional.cross_entropy(counts, labels[batch]) + torch.relu(synops - limit) ** 2 / limit**2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    seconds.append(time.perf_counter() - start)
result = {"seconds": statistics.median(seconds)}
if batches >= 937:
    images, labels = read("t10k")
    correct, total, tested = 0, 0.0, 0
    with torch.no_grad():
        for batch in torch.arange(len(images)).split(BATCH)[: len(images) // BATCH]:
            counts, synops = show(images[batch])
            correct += (counts.argmax(1) == labels[batch]).sum().item()
            total += synops.item()
            tested += 1
    result |= {"accuracy": correct / tested / BATCH, "synops": total / tested}
print(json.dumps(result))

"""The digits in sinabs with Adam's 0.003: SEED and `none` (10 epochs) or `half` (digits.json's limit, 15 epochs).
Prints test accuracy, synops a test sample, and the seconds of training."""

import os
import sys
import time

import job

job.peer("sinabs", "NIR", "NIRTorch")

import numpy as np
import sinabs
import sinabs.layers as sl
import torch
from torch import nn

BATCH, STEPS = 32, 10
EPOCHS, LIMIT = (10, float("inf")) if sys.argv[2] == "none" else (15, 32_086)
HERE = os.path.dirname(os.path.abspath(__file__))

torch.set_num_threads(int(os.environ.get("THREADS", "1")))
torch.manual_seed(int(sys.argv[1]))
data = np.load(f"{HERE}/../../main/resources/data/digits.npz")
images, labels = torch.tensor(data["x"]).float() / 16, torch.tensor(data["y"]).long()
network = nn.Sequential(
    *(nn.Conv2d(1, 8, 3, padding=1, bias=False), sl.IAFSqueeze(batch_size=BATCH), sl.SumPool2d(2)),
    *(nn.Conv2d(8, 32, 3, padding=1, bias=False), sl.IAFSqueeze(batch_size=BATCH), sl.SumPool2d(2)),
    *(nn.Flatten(), nn.Linear(128, 10, bias=False), sl.IAFSqueeze(batch_size=BATCH)),
)
analyzer = sinabs.SNNAnalyzer(network)
optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
mixed = torch.randperm(len(images))
test, train = mixed.split([359, len(images) - 359])


def batches(samples):
    """Whole batches of encoded samples: the squeezing layers take no others."""
    for batch in samples.split(BATCH):
        if len(batch) == BATCH:
            spikes = torch.rand(BATCH, STEPS, 1, 8, 8) < images[batch].view(BATCH, 1, 1, 8, 8)
            sinabs.reset_states(network)
            sinabs.zero_grad(network)
            counts = network(spikes.float().flatten(0, 1)).unflatten(0, (BATCH, STEPS)).sum(1)
            layers = analyzer.get_layer_statistics()["parameter"].values()
            yield batch, counts, sum(layer["synops"] for layer in layers)


start = time.perf_counter()
for _ in range(EPOCHS):
    for batch, counts, synops in batches(train[torch.randperm(len(train))]):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(counts, labels[batch])
        if LIMIT < float("inf"):
            loss = loss + torch.relu(synops - LIMIT) ** 2 / LIMIT**2
        loss.backward()
        optimizer.step()
seconds = time.perf_counter() - start
with torch.no_grad():
    tested = [((counts.argmax(1) == labels[batch]).float().mean(), synops) for batch, counts, synops in batches(test)]
accuracy, synops = (float(sum(column) / len(tested)) for column in zip(*tested))
print(accuracy, synops, seconds)

import job

job.peer("sinabs", "NIR", "NIRTorch")

import sinabs
import sinabs.layers as sl
import torch
from torch import nn

conv1, conv2, conv3, linear = job.convolutions()
network = nn.Sequential(
    sl.FlattenTime(),
    *(conv1, sl.IAFSqueeze(batch_size=job.BATCH), sl.SumPool2d(2)),
    *(conv2, sl.IAFSqueeze(batch_size=job.BATCH), sl.SumPool2d(2)),
    *(conv3, sl.IAFSqueeze(batch_size=job.BATCH), nn.Flatten()),
    *(linear, sl.IAFSqueeze(batch_size=job.BATCH), sl.UnflattenTime(batch_size=job.BATCH)),
)
analyzer = sinabs.SNNAnalyzer(network)
x = torch.ones(job.BATCH, job.STEPS, 1, 28, 28)


def count_synops():
    sinabs.reset_states(network)
    sinabs.zero_grad(network)
    network(x)
    return analyzer.get_model_statistics()["synops"]


job.measure(network.parameters(), count_synops)

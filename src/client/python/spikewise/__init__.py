"""Client of the Spikewise service, on Python's standard library alone.

    import spikewise

    client = spikewise.Client("http://localhost:8080")
    job = client.submit({"model": {...}, "epochs": 20})
    job.wait()
    print(job["verdict"], job.epochs().tail())
    job.load_into(torch_module)

numpy and pandas are used where they are installed: `weights()` then returns numpy arrays, and
`epochs()` returns a pandas DataFrame.
"""

from ._client import Client
from ._errors import ConnectionFailed, JobFailed, Problem, SpikewiseError, WaitTimeout
from ._job import Job
from ._safetensors import read_safetensors

__version__ = "0.1.0"

__all__ = [
    "Client",
    "ConnectionFailed",
    "Job",
    "JobFailed",
    "Problem",
    "SpikewiseError",
    "WaitTimeout",
    "read_safetensors",
]

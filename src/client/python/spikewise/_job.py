"""A training on the service."""

import sys
import time

from ._errors import JobFailed, WaitTimeout

_FINAL = ("succeeded", "failed", "cancelled")


class Job:
    """A job as it was when it was last read; job["latest"] and the like are its JSON fields."""

    def __init__(self, client, content):
        self._client = client
        self._content = content

    @property
    def id(self):
        return self._content["id"]

    @property
    def status(self):
        return self._content["status"]

    @property
    def is_over(self):
        return self.status in _FINAL

    @property
    def passed(self):
        """Whether the job succeeded and, where it has gates, passed all of them."""
        verdict = self.get("verdict")
        return self.status == "succeeded" and (verdict is None or verdict["passed"])

    def __getitem__(self, field):
        return self._content[field]

    def get(self, field, default=None):
        return self._content.get(field, default)

    def __repr__(self):
        name = self.get("name")
        progress = self._content["progress"]
        return (
            f"<Job {self.id}{f' {name!r}' if name else ''} {self.status}"
            f" {progress['epoch']}/{progress['epochs']}>"
        )

    def _repr_html_(self):
        import html

        latest = self.get("latest") or {}
        cells = {"status": self.status, "epoch": "{epoch} of {epochs}".format(**self["progress"])}
        for metric in ("loss", "synops", "accuracy", "test_accuracy"):
            if latest.get(metric) is not None:
                cells[metric.replace("_", " ")] = f"{latest[metric]:.4g}"
        rows = "".join(f"<tr><th>{k}</th><td>{html.escape(str(v))}</td></tr>" for k, v in cells.items())
        return f"<table><caption>{html.escape(self.get('name') or self.id)}</caption>{rows}</table>"

    def refresh(self):
        """Reads the job again."""
        self._content = self._client.request("GET", self._path())
        return self

    def wait(self, timeout=None, progress=None, check=True):
        """Waits until the job is over, and returns it.

        timeout: seconds after which WaitTimeout is raised; the job goes on.
        progress: True shows a progress bar on standard error; default: where that is a terminal or a
        notebook. A function is called with the job after each change.
        check: raise JobFailed unless the job succeeded. A failed gate raises nothing: see `passed`.
        """
        show = _shower(progress)
        began = time.monotonic()
        show(self)
        while not self.is_over:
            left = None if timeout is None else timeout - (time.monotonic() - began)
            if left is not None and left <= 0:
                show(None)
                raise WaitTimeout(self, timeout)
            seconds = 30 if left is None else max(1, min(30, int(left)))
            headers = {"Prefer": f"wait={seconds}"}
            # A restart of the server takes longer than a request is usually tried again.
            self._content = self._client.request("GET", self._path(), headers=headers, patience=300)
            show(self)
        show(None)
        if check and self.status != "succeeded":
            raise JobFailed(self)
        return self

    def epochs(self, max_points=None, frame=None):
        """Metrics of each epoch: a pandas DataFrame where pandas is installed, else a list of dicts.

        Nested fields become columns such as "parameter.1.synops". frame=False returns the list always.
        """
        rows = list(
            self._client.pages(self._path("epochs"), page_size=10_000, max_points=max_points)
        )
        if frame is False:
            return rows
        try:
            import pandas
        except ImportError:
            if frame:
                raise
            return rows
        return pandas.DataFrame([_flat(row) for row in rows]).set_index("epoch") if rows else (
            pandas.DataFrame())

    def statistics(self):
        """Full statistics of the last epoch."""
        return self._client.request("GET", self._path("statistics"))

    def evaluation(self):
        """Accuracy per class and confusion matrix of the test samples."""
        return self._client.request("GET", self._path("evaluation"))

    def predictions(self):
        """Predicted class of each test sample, as a list of dicts."""
        return list(self._client.pages(self._path("predictions"), page_size=10_000))

    def weights(self):
        """Trained weights by name: numpy arrays where numpy is installed, else nested lists."""
        from ._safetensors import read_safetensors

        return read_safetensors(self.download("weights", "application/x-safetensors"))

    def load_into(self, module, strict=True):
        """Loads the trained weights into a torch module with the same layers, and returns it."""
        import torch

        state = {
            name: torch.from_numpy(array.copy()) if hasattr(array, "copy") and hasattr(array, "dtype")
            else torch.tensor(array)
            for name, array in self.weights().items()
        }
        module.load_state_dict(state, strict=strict)
        return module

    def report(self, format="markdown"):
        """The job's report as a text: "markdown" or "junit"."""
        types = {"markdown": "text/markdown", "junit": "application/xml"}
        return self.download("report", types[format]).decode()

    def download(self, part, accept):
        """The bytes of a part of the job, such as download("nir", "application/x-hdf5")."""
        return self._client.request("GET", self._path(part), accept=accept)

    def create_model(self, name=None, labels=None):
        """Stores the network with its trained weights as a model, and returns it as a dict."""
        return self._client.request(
            "POST", self._path("model"), {"name": name, "labels": labels or {}}
        )

    def change(self, **changes):
        """Changes name, labels or priority; a label that is None is removed."""
        self._content = self._client.request("PATCH", self._path(), changes)
        return self

    def cancel(self):
        return self._ask("cancel")

    def pause(self):
        return self._ask("pause")

    def resume(self):
        return self._ask("resume")

    def retry(self):
        return self._ask("retry")

    def delete(self):
        self._client.request("DELETE", self._path())

    def _ask(self, action):
        self._content = self._client.request("POST", self._path(action))
        return self

    def _path(self, part=None):
        return f"/jobs/{self.id}" + (f"/{part}" if part else "")


def _flat(row, prefix=""):
    flat = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def _shower(progress):
    """A function that is called with the job after each change, and with None at the end."""
    if callable(progress):
        return lambda job: progress(job) if job is not None else None
    if progress is None:
        progress = sys.stderr.isatty() or "ipykernel" in sys.modules
    return _bar if progress else lambda job: None


def _bar(job):
    if job is None:
        sys.stderr.write("\n")
        sys.stderr.flush()
        return
    ratio = job["progress"]["ratio"]
    filled = round(30 * ratio)
    latest = job.get("latest") or {}
    metrics = "  ".join(
        f"{name.replace('_', ' ')} {latest[name]:.4g}"
        for name in ("loss", "synops", "accuracy", "test_accuracy")
        if latest.get(name) is not None
    )
    line = (
        f"{job.status:<10} [{'#' * filled}{'.' * (30 - filled)}]"
        f" {job['progress']['epoch']}/{job['progress']['epochs']}  {metrics}"
    )
    # Erases what a longer line has left.
    sys.stderr.write("\r" + line[:150].ljust(150))
    sys.stderr.flush()

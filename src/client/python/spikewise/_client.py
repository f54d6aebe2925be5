"""Requests to the service."""

import gzip
import json
import os
import pathlib
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from ._errors import ConnectionFailed, Problem
from ._job import Job

_RETRIED = (502, 503, 504)


class Client:
    """A Spikewise server.

    server: its address, with the path below which it serves, if any; default: environment variable
    SPIKEWISE_SERVER, else http://localhost:8080.
    api_key: sent as X-API-Key; default: environment variable SPIKEWISE_API_KEY.
    token: bearer token, instead of a key.
    timeout: seconds to wait for each response.
    patience: seconds for which a request is tried again while no server answers.
    """

    def __init__(self, server=None, api_key=None, token=None, timeout=90.0, patience=30.0):
        server = server or os.environ.get("SPIKEWISE_SERVER") or "http://localhost:8080"
        self.server = server.rstrip("/")
        self.timeout = timeout
        self.patience = patience
        self._headers = {"Accept-Encoding": "gzip", "User-Agent": "spikewise-python"}
        api_key = api_key or os.environ.get("SPIKEWISE_API_KEY")
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif api_key:
            self._headers["X-API-Key"] = api_key

    def __repr__(self):
        return f"Client({self.server!r})"

    # Jobs

    def submit(self, spec, idempotency_key=None, **changes):
        """Queues a training and returns its Job.

        spec: the job as a dict, or the path of a JSON file; changes: properties to set in it, such as
        name="baseline" or epochs=50. A lost connection never queues a second job.
        """
        spec = {**_document(spec), **changes}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return Job(self, self.request("POST", "/jobs", spec, headers=headers))

    def estimate(self, spec, **changes):
        """Checks a training without queuing it, and returns its baseline and memory."""
        return self.request("POST", "/jobs", {**_document(spec), **changes}, query={"dry_run": "true"})

    def job(self, id):
        """The job with this id."""
        return Job(self, self.request("GET", f"/jobs/{_quote(id)}"))

    def jobs(self, limit=None, **filters):
        """Yields the jobs of the list, all pages of it.

        limit: at most so many; filters: parameters of GET /jobs, such as status=["running", "queued"],
        labels={"branch": "main"}, sort="-synops", max_synops=2e6.
        """
        for job in self.pages("/jobs", limit, **filters):
            yield Job(self, job)

    # Models, data sets, analyses, sweeps

    def analyze(self, spec, **changes):
        """Statistics of one forward pass; spec: as for POST /analyses."""
        return self.request("POST", "/analyses", {**_document(spec), **changes})

    def create_model(self, definition, input_shape=None):
        """Stores a model and returns it as a dict.

        definition: a dict; a torch.nn.Module or what it prints, with input_shape; or the path of a NIR
        file (.nir, .h5) or JSON file.
        """
        if isinstance(definition, (str, os.PathLike)) and _is_file(definition):
            path = pathlib.Path(definition)
            if path.suffix in (".nir", ".h5", ".hdf5"):
                return self.request("POST", "/models", path.read_bytes(), "application/x-hdf5")
            return self.request("POST", "/models", _document(path))
        if isinstance(definition, dict):
            return self.request("POST", "/models", definition)
        if input_shape is None:
            raise ValueError("input_shape is needed for a printed model: for example (1, 28, 28)")
        shape = ",".join(str(size) for size in input_shape)
        return self.request(
            "POST", "/models", str(definition).encode(), "text/plain", {"input_shape": shape}
        )

    def set_weights(self, model, weights):
        """Gives a stored model weights: a state_dict of arrays or torch tensors.

        model: its id, or the dict that create_model returned.
        """
        from ._safetensors import write_safetensors

        id = model["id"] if isinstance(model, dict) else model
        content = write_safetensors(weights)
        self.request("PUT", f"/models/{_quote(id)}/weights", content, "application/x-safetensors")

    def models(self, limit=None, **filters):
        """Yields the stored models; filters: labels, name, search, source."""
        return self.pages("/models", limit, **filters)

    def create_dataset(self, name, **parts):
        """Uploads a data set and returns it as a dict.

        parts: file, events, images, labels, test_images or test_labels as paths or bytes, and fields
        such as time_steps=20. x and y, as numpy arrays, are sent as an .npz file.
        """
        if "x" in parts or "y" in parts:
            import io

            import numpy

            file = io.BytesIO()
            numpy.savez_compressed(file, x=parts.pop("x"), y=parts.pop("y"))
            parts["file"] = file.getvalue()
        boundary = uuid.uuid4().hex
        body = bytearray()
        for field, value in {"name": name, **parts}.items():
            is_file = isinstance(value, (bytes, os.PathLike)) or field in (
                "file", "events", "images", "labels", "test_images", "test_labels")
            file_name = ""
            if is_file:
                file_name = f'; filename="{field}"'
                value = value if isinstance(value, bytes) else pathlib.Path(value).read_bytes()
            else:
                value = (json.dumps(value) if isinstance(value, dict) else str(value)).encode()
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{file_name}\r\n\r\n'
            body += head.encode() + value + b"\r\n"
        body += f"--{boundary}--\r\n".encode()
        return self.request(
            "POST", "/datasets", bytes(body), f"multipart/form-data; boundary={boundary}"
        )

    def datasets(self, limit=None, **filters):
        """Yields the data sets; filters: labels, name, search."""
        return self.pages("/datasets", limit, **filters)

    def sweep(self, spec, **changes):
        """Queues a sweep and returns it as a dict; read it again with get(f"/sweeps/{id}")."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self.request("POST", "/sweeps", {**_document(spec), **changes}, headers=headers)

    def search(self, spec, **changes):
        """Queues a search and returns it as a dict; read it again with get(f"/searches/{id}")."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self.request("POST", "/searches", {**_document(spec), **changes}, headers=headers)

    def wait_for_search(self, id, timeout=None, poll=2.0):
        """The search as soon as it has ended; raises TimeoutError after timeout seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            search = self.get(f"/searches/{_quote(id)}")
            if search["finished_at"] is not None:
                return search
            if deadline is not None and time.monotonic() + poll > deadline:
                raise TimeoutError(f"search {id} is still {search['status']}")
            time.sleep(poll)

    # Any operation

    def get(self, path, **query):
        """GET of a path below /api/v1, such as "/sweeps/..."."""
        return self.request("GET", path, query=query)

    def pages(self, path, limit=None, page_size=200, **filters):
        """Yields the entries of a list, all pages of it."""
        query = dict(filters)
        labels = query.pop("labels", None) or {}
        if labels:
            query["label"] = [_key(key) + ":" + value for key, value in labels.items()]
        left = limit
        while left is None or left > 0:
            size = page_size if left is None else min(page_size, left)
            page = self.request("GET", path, query={**query, "limit": size})
            yield from page["data"]
            left = None if left is None else left - len(page["data"])
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def request(
        self, method, path, body=None, content_type="application/json", query=None, headers=None,
        accept="application/json", patience=None,
    ):
        """Sends a request to a path below /api/v1 and returns its JSON, or bytes for another accept.

        A GET, and a POST with an Idempotency-Key, is sent again while no server answers.
        """
        sent = {**self._headers, "Accept": accept, **(headers or {})}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body, allow_nan=False).encode()
            sent["Content-Type"] = content_type
        url = f"{self.server}/api/v1{path}"
        if query:
            pairs = {key: value for key, value in query.items() if value is not None}
            url += "?" + urllib.parse.urlencode(pairs, doseq=True)
        repeatable = method == "GET" or "Idempotency-Key" in sent
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        pause = 0.25
        while True:
            try:
                request = urllib.request.Request(url, data, sent, method=method)
                with urllib.request.urlopen(request, timeout=self.timeout) as response:
                    content = _unpacked(response)
                    return _answer(content, response.headers.get_content_type(), accept)
            except urllib.error.HTTPError as error:
                again = error.code in _RETRIED and repeatable
                content = _unpacked(error)
                failure = Problem(error.code, _problem(content, error))
            except (urllib.error.URLError, ConnectionError, socket.timeout, TimeoutError) as error:
                again = repeatable
                reason = getattr(error, "reason", error)
                failure = ConnectionFailed(f"no answer from {self.server} ({reason})")
            if not again or time.monotonic() + pause > deadline:
                raise failure
            time.sleep(pause)
            pause = min(2 * pause, 5.0)


def _unpacked(response):
    content = response.read()
    return gzip.decompress(content) if response.headers.get("Content-Encoding") == "gzip" else content


def _answer(content, content_type, accept):
    if not content:
        return None
    if content_type.endswith("json") and accept == "application/json":
        return json.loads(content)
    return content


def _problem(content, error):
    try:
        body = json.loads(content)
        if isinstance(body, dict):
            return body
    except ValueError:
        pass
    return {"detail": f"{error.reason}: this is no answer of a Spikewise server"}


def _document(spec):
    if isinstance(spec, dict):
        return spec
    return json.loads(pathlib.Path(spec).read_text(encoding="utf-8"))


def _is_file(text):
    try:
        return os.path.isfile(text)
    except ValueError:
        return False


def _quote(id):
    return urllib.parse.quote(str(id), safe="")


def _key(key):
    return key.replace("\\", "\\\\").replace(":", "\\:")

"""Errors of the client."""


class SpikewiseError(Exception):
    """Base class of all errors of this package."""


class ConnectionFailed(SpikewiseError):
    """No server answered."""


class Problem(SpikewiseError):
    """The server refused a request with problem details (RFC 9457).

    status: HTTP status; code: fixed word such as "invalid_spec"; detail: description;
    errors: list of {"pointer": ..., "detail": ...}; body: the whole document.
    """

    def __init__(self, status, body):
        self.status = status
        self.body = body
        self.code = body.get("code")
        self.detail = body.get("detail", "")
        self.errors = body.get("errors") or []
        lines = [f"{status} {self.code}: {self.detail}" if self.code else f"{status} {self.detail}"]
        lines += [f"  {error['pointer'] or '/'}: {error['detail']}" for error in self.errors]
        super().__init__("\n".join(lines))


class JobFailed(SpikewiseError):
    """A job that was waited for has failed or was cancelled. job: the Job."""

    def __init__(self, job):
        self.job = job
        error = job.get("error") or {}
        super().__init__(
            f"job {job.id} is {job.status} ({job.get('reason')})"
            + (f": {error['detail']}" if error.get("detail") else "")
        )


class WaitTimeout(SpikewiseError, TimeoutError):
    """A job was not over in time. job: the Job, which goes on."""

    def __init__(self, job, seconds):
        self.job = job
        super().__init__(f"job {job.id} is still {job.status} after {seconds} s")

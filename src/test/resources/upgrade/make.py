"""Makes first-version.json and the database beside it: run it against the service of commit 1776735 with an empty
data directory and --spikewise.jobs.threads-per-job=1, as python3 make.py PID. It kills the service in the middle of a training.
Afterwards open the file with H2, run "shutdown compact", and compress it with gzip -9 -n."""
import json, os, signal, sys, time, urllib.request

BASE = "http://127.0.0.1:8080/api/v1/"


def call(method, path, body=None):
    request = urllib.request.Request(BASE + path, method=method, data=None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        content = answer.read()
        return json.loads(content) if content else None


def spec(epochs):
    layers = [{"type": "Flatten"}, {"type": "Linear", "out_features": 10, "bias": False}, {"type": "IAF"}]
    return {
        "name": "first version", "model": {"input_shape": [1, 8, 8], "layers": layers},
        "input": {"type": "dataset", "id": "digits", "encoding": "constant", "limit": 60, "test_fraction": 0.2},
        "epochs": epochs, "batch_size": 12, "time_steps": 4, "seed": 7,
        "loss": [{"type": "cross_entropy"}, {"type": "synops", "mode": "limit", "target": {"value": 2000}}],
        "gates": [{"metric": "synops", "max": 1e9}], "labels": {"git_sha": "abc"}, "checkpoint_every_epochs": 20}


def wait(path, until):
    while not until(call("GET", path)):
        time.sleep(0.02)


def ended(resource):
    return resource["status"] in ("succeeded", "failed")


finished = call("POST", "jobs", spec(5))["id"]
wait("jobs/" + finished, ended)
undisturbed = call("POST", "jobs", spec(3000))["id"]
wait("jobs/" + undisturbed, ended)
last = call("GET", "jobs/" + undisturbed + "/epochs?after=2998")["data"][-1]
answers = {path: call("GET", path) for path in ("jobs/" + finished, "jobs/" + finished + "/epochs", "jobs/" + finished + "/statistics")}
sweep = "sweeps/" + call("POST", "sweeps", {"job": spec(2), "seeds": [1, 2]})["id"]
wait(sweep, ended)
model = "models/" + call("POST", "models", spec(1)["model"])["id"]
for path in (sweep, model):
    answers[path] = call("GET", path)
call("DELETE", "jobs/" + undisturbed)
interrupted = call("POST", "jobs", spec(3000))["id"]
wait("jobs/" + interrupted, lambda job: job["progress"]["epoch"] > 300)
os.kill(int(sys.argv[1]), signal.SIGKILL)
with open("first-version.json", "w") as out:
    json.dump({"finished": finished, "interrupted": interrupted, "answers": answers, "last_epoch_undisturbed": last}, out, indent=1)

"""Tests of the client against the service at SPIKEWISE_SERVER; `python -m unittest`."""

import contextlib
import io
import json
import pathlib
import unittest
import uuid

import spikewise

LAYERS = [
    {"type": "Flatten"},
    {"type": "Linear", "out_features": 10, "bias": False},
    {"type": "IAF"},
]
SPEC = {
    "name": "from python",
    "model": {"input_shape": [1, 8, 8], "layers": LAYERS},
    "input": {"type": "dataset", "id": "digits", "limit": 100, "test_fraction": 0.2},
    "batch_size": 20,
    "time_steps": 4,
    "epochs": 3,
    "loss": [{"type": "cross_entropy"}],
}
NOTEBOOK = pathlib.Path(__file__).parent.parent / "notebooks" / "first_job.ipynb"


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.client = spikewise.Client()

    def test_trains_and_reads_the_result(self):
        seen = []
        job = self.client.submit(SPEC, labels={"a:b,c": "1"}).wait(60, lambda job: seen.append(job.status))
        self.assertEqual("succeeded", job.status)
        self.assertTrue(job.passed)
        self.assertEqual("succeeded", seen[-1])
        epochs = job.epochs(frame=False)
        self.assertEqual([0, 1, 2], [epoch["epoch"] for epoch in epochs])
        self.assertEqual(job["latest"], epochs[-1])
        self.assertEqual(20, job.evaluation()["samples"])
        self.assertEqual(20, len(job.predictions()))
        self.assertIn("from python", job.report())
        self.assertIn("<testsuite", job.report("junit"))
        self.assertEqual({"k": "v"}, job.change(labels={"a:b,c": None, "k": "v"})["labels"])
        job.delete()
        with self.assertRaises(spikewise.Problem) as gone:
            job.refresh()
        self.assertEqual((404, "not_found"), (gone.exception.status, gone.exception.code))

    def test_searches_for_the_best_values(self):
        search = self.client.search({
            "job": {**SPEC, "epochs": 1}, "budget": {"trials": 2}, "population": 2,
            "objectives": [{"metric": "test_accuracy"}, {"metric": "test_synops"}],
            "over": {"batch_size": {"type": "integer", "min": 10, "max": 40}},
        })
        found = self.client.wait_for_search(search["id"], 60, poll=0.2)
        self.assertEqual("succeeded", found["status"])
        self.assertEqual(2, len(found["trials"]))
        self.assertTrue(found["pareto_front"])

    def test_shows_a_progress_bar(self):
        out = io.StringIO()
        with contextlib.redirect_stderr(out):
            self.client.submit(SPEC).wait(60, progress=True)
        self.assertIn("] 3/3  loss", out.getvalue())

    def test_finds_jobs_over_several_pages(self):
        tag = {"tag:,": uuid.uuid4().hex}
        ids = [self.client.submit(SPEC, labels=tag, epochs=1).wait(60).id for _ in range(3)]
        found = [job["id"] for job in self.client.pages("/jobs", page_size=2, labels=tag)]
        self.assertEqual(ids[::-1], found)
        self.assertEqual(ids[:1], [job.id for job in self.client.jobs(1, labels=tag, sort="created_at")])

    def test_reports_every_mistake(self):
        with self.assertRaises(spikewise.Problem) as refused:
            self.client.submit(SPEC, epochs=-1, colour="red")
        pointers = {error["pointer"] for error in refused.exception.errors}
        self.assertEqual({"/epochs", "/colour"}, pointers)
        self.assertIn("/epochs: ", str(refused.exception))

    def test_raises_where_a_training_fails_or_takes_too_long(self):
        job = self.client.submit(SPEC, epochs=1_000_000)
        with self.assertRaises(spikewise.WaitTimeout):
            job.wait(1, progress=False)
        job.cancel()
        with self.assertRaises(spikewise.JobFailed):
            job.wait(60, progress=False)
        self.assertEqual("cancelled", job.wait(60, progress=False, check=False).status)
        silent = spikewise.Client("http://127.0.0.1:1", patience=0)
        with self.assertRaises(spikewise.ConnectionFailed):
            silent.get("/jobs")

    def test_the_same_key_queues_one_job(self):
        key = uuid.uuid4().hex
        first = self.client.submit(SPEC, epochs=1, idempotency_key=key)
        self.assertEqual(first.id, self.client.submit(SPEC, epochs=1, idempotency_key=key).id)

    def test_trained_weights_become_a_model(self):
        job = self.client.submit(SPEC).wait(60, progress=False)
        model = job.create_model("mine", {"stage": "test"})
        self.assertEqual({"kind": "trained", "id": job.id}, model["source"])
        self.assertIn(model["id"], [m["id"] for m in self.client.models(source=job.id)])
        weights = {name: array for name, array in job.weights().items()}
        weights["1.weight"] = [[0.5] * 64] * 10
        self.client.set_weights(model, weights)
        content = self.client.request("GET", f"/models/{model['id']}/weights", accept="application/x-safetensors")
        stored = spikewise.read_safetensors(content)["1.weight"]
        self.assertEqual(0.5, float(stored[9][63]))

    def test_frames_and_arrays(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        job = self.client.submit(SPEC).wait(60, progress=False)
        self.assertEqual((10, 64), job.weights()["1.weight"].shape)
        x = numpy.random.default_rng(1).random((6, 1, 4, 4)).astype("float32")
        dataset = self.client.create_dataset(uuid.uuid4().hex, x=x, y=numpy.arange(6) % 2)
        self.assertEqual(6, dataset["samples"])
        try:
            import pandas
        except ImportError:
            return
        frame = job.epochs()
        self.assertIsInstance(frame, pandas.DataFrame)
        self.assertEqual([0, 1, 2], list(frame.index))
        self.assertIn("parameter.1.synops", frame.columns)

    def test_weights_compute_the_same_in_torch(self):
        try:
            import torch
        except ImportError:
            self.skipTest("torch is not installed")
        job = self.client.submit(SPEC).wait(60, progress=False)
        module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10, bias=False))
        self.assertIs(module, job.load_into(module))
        expected = torch.tensor(job.weights()["1.weight"].copy())
        self.assertTrue(torch.equal(expected, module[1].weight))

    def test_the_notebook_runs(self):
        names = {}
        cells = json.loads(NOTEBOOK.read_text())["cells"]
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in cells:
                if cell["cell_type"] == "code":
                    exec(compile("".join(cell["source"]), str(NOTEBOOK), "exec"), names)
        self.assertEqual("succeeded", names["longer"].status)
        self.assertLess(names["longer"]["latest"]["loss"], names["job"].epochs(frame=False)[0]["loss"])


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""Computes the JSON files of this folder with PyTorch: python3 golden.py (torch 2.13)."""

import json

import torch


def write(name, content):
    with open(name + ".json", "w") as file:
        json.dump(content, file, separators=(",", ":"))


def iaf(x, weight):
    """IAF with MultiSpike and MembraneSubtract on x [B, T, in]; returns spikes [B, T, out]."""
    v = torch.zeros(x.shape[0], weight.shape[0])
    out = []
    for t in range(x.shape[1]):
        v = v + x[:, t] @ weight.T
        s = torch.where(v > 0, torch.trunc(v), torch.zeros_like(v))
        v = v - s
        out.append(s)
    return torch.stack(out, 1)


def early_exit():
    torch.manual_seed(3)
    n, steps, features, hidden, classes = 24, 6, 6, 16, 3
    x = (torch.rand(n, steps, features) < 0.5).float()
    # Multiples of 1/64, so that sums are exact in any order.
    w1 = torch.randint(-32, 64, (hidden, features)) / 64.0
    w2 = torch.randint(-32, 40, (classes, hidden)) / 64.0
    s1 = iaf(x, w1)
    s2 = iaf(s1, w2)
    synops = (x.sum(2) * hidden + s1.sum(2) * classes).double().cumsum(1)
    scores = s2.cumsum(1)
    probability, predicted = torch.softmax(scores.double(), 2).max(2)
    y = torch.where(torch.rand(n) < 0.7, predicted[:, -1], torch.randint(0, classes, (n,)))
    correct = (predicted == y[:, None]).double()
    thresholds = [0.4, 0.6, 0.9, 0.999]
    exits = []
    for threshold in thresholds:
        reached = probability >= threshold
        reached[:, -1] = True
        end = reached.int().argmax(1)
        row = torch.arange(n)
        exits.append(
            {
                "accuracy": correct[row, end].mean().item(),
                "time_steps": (end + 1).double().mean().item(),
                "synops": synops[row, end].mean().item(),
                "exits": torch.bincount(end, minlength=steps).tolist(),
            }
        )
    write(
        "early_exit",
        {
            "x": x.flatten().tolist(),
            "y": y.tolist(),
            "w1": w1.flatten().tolist(),
            "w2": w2.flatten().tolist(),
            "thresholds": thresholds,
            "accuracy": correct.mean(0).tolist(),
            "confidence": probability.mean(0).tolist(),
            "synops": synops.mean(0).tolist(),
            "early_exit": exits,
        },
    )


def tet_loss(outputs, labels, criterion, means, lamb):
    """TET_loss of the authors (github.com/Gus-Lab/temporal_efficient_training, functions.py),
    for labels [B] or [B, T]."""
    T = outputs.size(1)
    loss_es = 0
    for t in range(T):
        loss_es += criterion(outputs[:, t, ...], labels[:, t] if labels.dim() == 2 else labels)
    loss_es = loss_es / T
    if lamb != 0:
        mmd = torch.nn.MSELoss()
        y = torch.zeros_like(outputs).fill_(means)
        loss_mmd = mmd(outputs, y)
    else:
        loss_mmd = 0
    return (1 - lamb) * loss_es + lamb * loss_mmd


def mse_membrane(outputs, labels, on, off):
    """mse_membrane_loss of snnTorch 0.9, for labels [B] or [B, T]."""
    steps, loss = outputs.size(1), 0
    for t in range(steps):
        at = labels[:, t] if labels.dim() == 2 else labels
        targets = torch.nn.functional.one_hot(at, outputs.size(2)).double()
        targets = targets * on + (1 - targets) * off
        loss += torch.nn.MSELoss()(outputs[:, t], targets)
    return loss / steps


def step_losses():
    torch.manual_seed(5)
    n, steps, features, classes = 5, 4, 6, 3
    x = torch.randn(n, steps, features)
    per_sample = torch.randint(0, classes, (n,))
    per_step = torch.randint(0, classes, (n, steps))
    weight = torch.randn(classes, features)
    cases = []
    for labels in (per_sample, per_step):
        for name, loss in (
            ("{'type':'step_cross_entropy'}", lambda o, y: tet_loss(o, y, torch.nn.CrossEntropyLoss(), 1.0, 0)),
            (
                "{'type':'tet','lambda':0.05,'mean':0.7,'label_smoothing':0.1}",
                lambda o, y: tet_loss(o, y, torch.nn.CrossEntropyLoss(label_smoothing=0.1), 0.7, 0.05),
            ),
            (
                "{'type':'mse_membrane','on_target':1.2,'off_target':-0.1,'weight':2}",
                lambda o, y: 2 * mse_membrane(o, y, 1.2, -0.1),
            ),
        ):
            w = weight.double().clone().requires_grad_()
            value = loss(x.double() @ w.T, labels)
            value.backward()
            cases.append(
                {
                    "term": name.replace("'", '"'),
                    "labels": labels.flatten().tolist(),
                    "loss": value.item(),
                    "gradient": w.grad.flatten().tolist(),
                }
            )
    write("step_losses", {"x": x.flatten().tolist(), "weight": weight.flatten().tolist(), "cases": cases})


class FakeQuantize(torch.autograd.Function):
    """Rounds to multiples of 1 / scale; passes the gradient through unchanged."""

    @staticmethod
    def forward(ctx, w, bits):
        low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        least, most = w.min(), w.max()
        # sinabs' determine_discretization_scale
        if least.abs() <= most.abs() * (-low / high):
            scale = (high / most).abs()
        else:
            scale = (low / least).abs()
        return torch.round(w * scale) / scale

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def quantised_training():
    torch.manual_seed(8)
    n, steps, features, classes = 5, 4, 6, 3
    x = torch.randn(n, steps, features)
    y = torch.randint(0, classes, (n,))
    first = torch.randn(classes, features) / 2
    w = first.double().clone().requires_grad_()
    optimizer = torch.optim.SGD([w], lr=0.2)
    losses = []
    for _ in range(6):
        optimizer.zero_grad()
        loss = tet_loss(x.double() @ FakeQuantize.apply(w, 3).T, y, torch.nn.CrossEntropyLoss(), 1.0, 0)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    write(
        "quantised_training",
        {
            "x": x.flatten().tolist(),
            "y": y.tolist(),
            "weight": first.flatten().tolist(),
            "losses": losses,
            "trained": w.detach().flatten().tolist(),
        },
    )


def pruned_training():
    from torch.nn.utils import prune

    torch.manual_seed(9)
    n, steps, features, hidden, classes = 5, 4, 6, 8, 3
    x = torch.randn(n, steps, features)
    y = torch.randint(0, classes, (n,))
    first = [torch.randn(hidden, features) / 2, torch.randn(classes, hidden) / 4]
    cases = {}
    for scope in ("layer", "model"):
        layers = [torch.nn.Linear(features, hidden, bias=False), torch.nn.Linear(hidden, classes, bias=False)]
        for layer, weight in zip(layers, first):
            layer.weight.data = weight.double().clone()
        masks = [torch.ones_like(layer.weight) for layer in layers]
        optimizer = torch.optim.SGD([layer.weight for layer in layers], lr=0.1)
        sparsities = []
        for epoch in range(6):
            # start 1, end 4, from 0.1 to 0.7
            sparsity = 0.0 if epoch < 1 else 0.7 + (0.1 - 0.7) * (1 - min(1, (epoch - 1) / 3)) ** 3
            if scope == "layer":
                for i, layer in enumerate(layers):
                    k = round(sparsity * layer.weight.numel())
                    masks[i] = prune.L1Unstructured(k).compute_mask(layer.weight.data, torch.ones_like(layer.weight))
            else:
                flat = torch.cat([layer.weight.data.flatten() for layer in layers])
                k = round(sparsity * flat.numel())
                mask = prune.L1Unstructured(k).compute_mask(flat, torch.ones_like(flat))
                masks = [mask[: hidden * features].view(hidden, features), mask[hidden * features :].view(classes, hidden)]
            for mask, layer in zip(masks, layers):
                layer.weight.data *= mask
            sparsities.append(sum((m == 0).sum().item() for m in masks))
            optimizer.zero_grad()
            out = layers[1](layers[0](x.double()))
            tet_loss(out, y, torch.nn.CrossEntropyLoss(), 1.0, 0).backward()
            for mask, layer in zip(masks, layers):
                layer.weight.grad *= mask
            optimizer.step()
        cases[scope] = {"zeros": sparsities, "trained": [layer.weight.data.flatten().tolist() for layer in layers]}
    write(
        "pruned_training",
        {"x": x.flatten().tolist(), "y": y.tolist(), "weights": [w.flatten().tolist() for w in first], "cases": cases},
    )


def removed_channels():
    from torch.nn.utils import prune

    torch.manual_seed(21)
    n, steps, features, hidden, classes = 5, 4, 6, 8, 3
    x = torch.randn(n, steps, features)
    y = torch.randint(0, classes, (n,))
    first = [torch.randn(hidden, features) / 2, torch.randn(hidden) / 4, torch.randn(classes, hidden) / 4]
    cases = {}
    for norm in (1, 2):
        one, other = torch.nn.Linear(features, hidden), torch.nn.Linear(hidden, classes, bias=False)
        one.weight.data, one.bias.data = first[0].double().clone(), first[1].double().clone()
        other.weight.data = first[2].double().clone()
        optimizer = torch.optim.SGD([one.weight, one.bias, other.weight], lr=0.05, momentum=0.9)
        mask = torch.ones_like(one.weight)
        kept = []
        for epoch in range(6):
            # start 1, end 4, up to a fraction of 0.6
            fraction = 0.0 if epoch < 1 or epoch > 4 else 0.6 - 0.6 * (1 - (epoch - 1) / 3) ** 3
            if fraction > 0:
                how = prune.LnStructured(round(fraction * hidden), n=norm, dim=0)
                mask = how.compute_mask(one.weight.data, torch.ones_like(one.weight))
            rows = mask[:, 0]
            one.weight.data *= mask
            one.bias.data *= rows
            other.weight.data *= rows
            kept.append(int(rows.sum()))
            optimizer.zero_grad()
            tet_loss(other(one(x.double())), y, torch.nn.CrossEntropyLoss(), 1.0, 0).backward()
            one.weight.grad *= mask
            one.bias.grad *= rows
            optimizer.step()
            one.weight.data *= mask
            one.bias.data *= rows
            other.weight.data *= rows
        rows = mask[:, 0] == 1
        cases[f"l{norm}"] = {
            "kept": kept,
            "trained": [one.weight.data[rows].flatten().tolist(), one.bias.data[rows].tolist(), other.weight.data[:, rows].flatten().tolist()],
        }
    write(
        "removed_channels",
        {"x": x.flatten().tolist(), "y": y.tolist(), "weights": [w.flatten().tolist() for w in first], "cases": cases},
    )


def distillation():
    from torch.nn import functional

    torch.manual_seed(31)
    n, steps, features, hidden, classes = 5, 4, 6, 7, 3
    x = torch.randn(n, steps, features)
    y = torch.randint(0, classes, (n,))
    first = torch.randn(classes, features) / 2
    teacher = [torch.randn(hidden, features), torch.randn(classes, hidden)]
    taught = torch.relu(x.double() @ teacher[0].double().T) @ teacher[1].double().T
    cases = {}
    for logits, heat, weight in (("sum", 4.0, 0.7), ("mean", 1.5, 1.0)):
        wanted = taught.sum(1) if logits == "sum" else taught.mean(1)
        w = first.double().clone().requires_grad_()
        optimizer = torch.optim.SGD([w], lr=0.1)
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            out = (x.double() @ w.T).sum(1)
            # Hinton et al. 2015: the gradients of the soft targets are multiplied by the squared temperature
            soft = heat**2 * functional.kl_div(
                functional.log_softmax(out / heat, 1), functional.softmax(wanted / heat, 1), reduction="batchmean"
            )
            loss = (1 - weight) * functional.cross_entropy(out, y) + weight * soft
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        cases[logits] = {"temperature": heat, "weight": weight, "losses": losses, "trained": w.detach().flatten().tolist()}
    write(
        "distillation",
        {
            "x": x.flatten().tolist(),
            "y": y.tolist(),
            "weight": first.flatten().tolist(),
            "teacher": [t.flatten().tolist() for t in teacher],
            "cases": cases,
        },
    )


def cycled_momentum():
    torch.manual_seed(12)
    n, steps, features, classes = 5, 4, 6, 3
    x = torch.randn(n, steps, features)
    y = torch.randint(0, classes, (n,))
    first = torch.randn(classes, features) / 2
    cases = []
    for name in ("sgd", "adam", "rmsprop"):
        for options in (
            {"pct_start": 0.4},
            {"pct_start": 0.3, "three_phase": True, "anneal_strategy": "linear", "base_momentum": 0.7, "max_momentum": 0.9},
        ):
            w = first.double().clone().requires_grad_()
            optimizer = {
                "sgd": lambda: torch.optim.SGD([w], lr=0.1, momentum=0.5),
                "adam": lambda: torch.optim.Adam([w], lr=0.1),
                "rmsprop": lambda: torch.optim.RMSprop([w], lr=0.1),
            }[name]()
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                optimizer, max_lr=0.1, total_steps=8, cycle_momentum=True, **options
            )
            for _ in range(8):
                optimizer.zero_grad()
                tet_loss(x.double() @ w.T, y, torch.nn.CrossEntropyLoss(), 1.0, 0).backward()
                optimizer.step()
                schedule.step() if _ < 7 else None
            cases.append({"optimizer": name, "options": options, "trained": w.detach().flatten().tolist()})
    write("cycled_momentum", {"x": x.flatten().tolist(), "y": y.tolist(), "weight": first.flatten().tolist(), "cases": cases})


early_exit()
cycled_momentum()
pruned_training()
removed_channels()
distillation()
quantised_training()
step_losses()

"""Writes layers.json: outputs, gradients and state of whole layers, in the format of README.md.

usage: python3 layers.py > layers.json
It needs PyTorch and torchvision. Each entry of `layers` has a layer of a job spec, the module that PyTorch's users write for it, and the shape
of a batch. The modules compute in float64 from values that float32 represents exactly.
"""
import json
import torch
import torch.nn as nn
from torchvision.ops import SqueezeExcitation


def stored(t):
    if t.dtype == torch.int64:
        return {"shape": list(t.shape), "dtype": "int64", "data": t.flatten().tolist()}
    return {"shape": list(t.shape), "dtype": "float32", "data": [float(f"{v:.9g}") for v in t.detach().double().flatten().tolist()]}


def drawn(shape, scale=1.0):
    """Values that float32 represents exactly, in float64."""
    return (torch.randn(*shape) * scale).float().double()


class Dropout2d(nn.Module):
    """PyTorch's layer with the draws of torch.rand, which a job's specification prescribes."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        kept = (torch.rand(x.shape[0], x.shape[1]) >= self.p).double()
        return x * kept.reshape(x.shape[0], x.shape[1], 1, 1) / (1 - self.p)


class Branches(nn.Module):
    """The branches of a job's specification, written with PyTorch's own modules."""

    def __init__(self, merge, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.merge = merge

    def forward(self, x):
        outputs = [branch(x) for branch in self.branches]
        return torch.cat(outputs, dim=1) if self.merge == "concat" else torch.stack(outputs).sum(0)


def convolution(out, kernel, **rest):
    return {"type": "conv2d", "outChannels": out, "kernelSize": kernel, **rest}


layers = [
    ({"type": "hardSigmoid"}, nn.Hardsigmoid(), (3, 17), 3.0),
    ({"type": "mish"}, nn.Mish(), (3, 17), 4.0),
    ({"type": "instanceNorm2d"}, nn.InstanceNorm2d(3), (2, 3, 4, 5)),
    ({"type": "instanceNorm2d", "affine": True, "eps": 0.01}, nn.InstanceNorm2d(3, eps=0.01, affine=True), (3, 3, 2, 4)),
    ({"type": "instanceNorm2d", "trackRunningStats": True}, nn.InstanceNorm2d(3, track_running_stats=True), (4, 3, 3, 2)),
    ({"type": "instanceNorm2d", "affine": True, "trackRunningStats": True, "momentum": 0.3},
     nn.InstanceNorm2d(2, momentum=0.3, affine=True, track_running_stats=True), (3, 2, 4, 3)),
    ({"type": "dropout2d", "p": 0.4}, Dropout2d(0.4), (3, 4, 2, 3), 1.0, 7),
    ({"type": "dropout2d", "p": 0}, Dropout2d(0.0), (2, 3, 2, 2), 1.0, 7),
    ({"type": "squeezeExcite", "squeezeChannels": 2}, SqueezeExcitation(4, 2), (3, 4, 3, 2)),
    ({"type": "squeezeExcite", "squeezeChannels": 3, "scaleActivation": "hardSigmoid"},
     SqueezeExcitation(5, 3, scale_activation=nn.Hardsigmoid), (2, 5, 2, 4), 2.0),
    ({"type": "branches", "branches": [[convolution(2, 1), {"type": "relu"}], [convolution(3, 3, padding=1), {"type": "batchNorm2d"}], []]},
     Branches("concat", nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU()), nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)), nn.Sequential()),
     (2, 2, 4, 3)),
    ({"type": "branches", "merge": "add", "branches": [[], [convolution(2, 3, padding=1)], [convolution(2, 1)], [{"type": "tanh"}]]},
     Branches("add", nn.Sequential(), nn.Sequential(nn.Conv2d(2, 2, 3, padding=1)), nn.Sequential(nn.Conv2d(2, 2, 1)), nn.Sequential(nn.Tanh())),
     (2, 2, 3, 3)),
    ({"type": "branches", "branches": [[{"type": "linear", "outFeatures": 3}], [{"type": "linear", "outFeatures": 2}, {"type": "sigmoid"}]]},
     Branches("concat", nn.Sequential(nn.Linear(4, 3)), nn.Sequential(nn.Linear(4, 2), nn.Sigmoid())), (5, 4)),
]


for activation, module in {"relu6": nn.ReLU6, "silu": nn.SiLU, "hardSwish": nn.Hardswish, "gelu": nn.GELU, "mish": nn.Mish}.items():
    layers.append(({"type": "squeezeExcite", "squeezeChannels": 3, "activation": activation}, SqueezeExcitation(3, 3, activation=module), (2, 3, 2, 2)))


def case(layer, module, shape, scale=1.0, seed=None):
    model = nn.Sequential(module).double()
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value.copy_(drawn(value.shape).abs() + 0.5 if name.endswith("running_var") else drawn(value.shape, 0.7))
    weights = {name: stored(value) for name, value in model.state_dict().items()}
    x = drawn(shape, scale).requires_grad_()
    if seed is not None:
        torch.manual_seed(seed)
    output = model(x)
    gradient = drawn(output.shape)
    output.backward(gradient)
    after = {name: stored(value) for name, value in model.named_buffers()}
    evaluated = model.eval()(x)
    return {"layer": layer, **({} if seed is None else {"seed": seed}), "input": stored(x), "weights": weights, "output": stored(output),
            "grad_output": stored(gradient), "grads": {"input": stored(x.grad), **{name: stored(p.grad) for name, p in model.named_parameters()}},
            "buffers_after": after, "evaluated": stored(evaluated)}


torch.manual_seed(0)
cases = [json.dumps(case(*entry), separators=(",", ":")) for entry in layers]
print("[\n" + ",\n".join(cases) + "\n]")

# Writes the weight files in this folder with PyTorch 2.15 and safetensors 0.8: python3 make.py. Writes to `values.json` the values that
# PyTorch reads from these files.
import argparse, collections, json, pathlib
import torch, torch.nn as nn
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
torch.manual_seed(0)
linear = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
state = linear.state_dict()
types = {"f64": torch.float64, "f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
readable = {name: {key: value.to(dtype) for key, value in state.items()} for name, dtype in types.items()}
for name, values in readable.items():
    torch.save(values, here / f"{name}.pt")
    save_file(values, here / f"{name}.safetensors")
for name, dtype in {"int32": torch.int32, "float8": torch.float8_e4m3fn}.items():
    torch.save({key: value.to(dtype) for key, value in state.items()}, here / f"{name}.pt")

numbers = torch.randn(50)
readable["strided"] = {
    "0.weight": numbers[:12].view(4, 3).t(),
    "0.bias": numbers[10:16:2],
    "2.weight": numbers[20:26].view(2, 3),
    "2.bias": numbers[:1].expand(2),
}
torch.save(readable["strided"], here / "strided.pt")
readable["protocol4"] = state
torch.save(state, here / "protocol4.pt", pickle_protocol=4)
readable["parameters"] = {key: value.detach() for key, value in linear.named_parameters()}
torch.save(dict(linear.named_parameters()), here / "parameters.pt")
readable["checkpoint"] = state
optimizer = torch.optim.Adam(linear.parameters())
torch.save({"epoch": 3, "state_dict": state, "optimizer": optimizer.state_dict()}, here / "checkpoint.pt")

normed = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
readable["parallel"] = nn.DataParallel(normed).state_dict()
torch.save(readable["parallel"], here / "parallel.pt")
readable["uncounted"] = {key: value for key, value in normed.state_dict().items() if "num_batches" not in key}
save_file(readable["uncounted"], here / "uncounted.safetensors")

torch.save({"epoch": 3, "model": state}, here / "otherCheckpoint.pt")
torch.save({"state_dict": state, "args": argparse.Namespace(lr=1)}, here / "settings.pt")
torch.save(linear, here / "model.pt")
torch.save(state["0.weight"], here / "tensor.pt")
torch.save(state, here / "old.pt", _use_new_zipfile_serialization=False)
torch.jit.save(torch.jit.script(nn.Linear(2, 2)), here / "program.pt")
torch.save({"0.weight": torch.tensor(1.0).expand(100_000, 100_000)}, here / "expanded.pt")
broken = {key: value.clone() for key, value in state.items()}
broken["2.weight"][1, 2] = float("nan")
torch.save(broken, here / "nan.pt")

values = {name: {key: value.double().flatten().tolist() for key, value in tensors.items()} for name, tensors in readable.items()}
(here / "values.json").write_text(json.dumps(values, indent=1))

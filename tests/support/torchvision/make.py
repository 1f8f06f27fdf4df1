# Writes results.json with torchvision 0.29 and PyTorch 2.15: python3 make.py. For each network of torchvision that is a preset, it has what
# the network computes from the weights and images of seeded.ts, in float64, so these are the true values. Dropout is off.
#   parameters      the number of parameters
#   tensors         the shapes of all tensors of the state_dict, in its order
#   evaluation      in evaluation mode: the outputs, the cross entropy, and the gradients of all parameters
#   training        the same in training mode
#   statistics      the running statistics after one batch in training mode
# Of a gradient or a statistic it has the largest absolute value (max), and some values at equal distances.
import json, math, pathlib
import numpy as np, torch, torchvision

here = pathlib.Path(__file__).parent
BATCH, SIDE, CLASSES, SHOWN = 8, 64, 10, 3
networks = {
    "resnet18": lambda: torchvision.models.resnet18(num_classes=CLASSES),
    "resnet34": lambda: torchvision.models.resnet34(num_classes=CLASSES),
    "mobileNetV2": lambda: torchvision.models.mobilenet_v2(num_classes=CLASSES, dropout=0.0),
    "squeezeNet1_1": lambda: torchvision.models.squeezenet1_1(num_classes=CLASSES, dropout=0.0),
}


def noise(seed, count):
    """Numbers from -1 up to but not including 1, which float32 does not round. seeded.ts computes the same numbers."""
    mask = np.uint64(0xFFFFFFFF)
    x = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(seed) * np.uint64(40503) + np.uint64(1)) & mask
    x = ((x ^ (x >> np.uint64(15))) * np.uint64(2246822519)) & mask
    x = ((x ^ (x >> np.uint64(13))) * np.uint64(3266489917)) & mask
    x ^= x >> np.uint64(16)
    return (x >> np.uint64(8)).astype(np.float64) / 2**23 - 1


def values(name, shape, seed):
    count = math.prod(shape)
    if name.endswith("num_batches_tracked"):
        return torch.tensor(3)
    u = noise(seed, count)
    if len(shape) > 1:
        v = u * math.sqrt(3 / math.prod(shape[1:]))
    elif name.endswith("running_var"):
        v = 1 + 0.5 * u
    elif name.endswith("weight"):
        v = 1 + 0.25 * u
    else:
        v = 0.125 * u
    return torch.from_numpy(v.astype(np.float32)).double().reshape(shape)


def shown(tensor):
    flat = tensor.detach().flatten().tolist()
    step = max(1, len(flat) // SHOWN)
    return {"max": max(map(abs, flat)), "values": flat[::step][:SHOWN]}


def computed(model, images, targets, training):
    model.zero_grad()
    output = model.train(training)(images)
    loss = torch.nn.functional.cross_entropy(output, targets)
    loss.backward()
    return {
        "outputs": output.tolist(),
        "loss": loss.item(),
        "gradients": {key: shown(p.grad) for key, p in model.named_parameters()},
    }


results = {}
for name, make in networks.items():
    model = make().double()
    state = model.state_dict()
    model.load_state_dict({key: values(key, value.shape, seed) for seed, (key, value) in enumerate(state.items())})
    images = torch.from_numpy(noise(9999, BATCH * 3 * SIDE * SIDE)).reshape(BATCH, 3, SIDE, SIDE)
    targets = torch.arange(BATCH) * 3 % CLASSES
    results[name] = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "tensors": {key: list(value.shape) for key, value in state.items()},
        "evaluation": computed(model, images, targets, False),
        "training": computed(model, images, targets, True),
        "statistics": {key: shown(b) for key, b in model.named_buffers() if "running" in key},
    }

trim = lambda v: {k: trim(x) for k, x in v.items()} if isinstance(v, dict) else [trim(x) for x in v] if isinstance(v, list) else float(f"{v:.8g}") if isinstance(v, float) else v
(here / "results.json").write_text(json.dumps(trim(results), separators=(",", ":")) + "\n")

"""Another conformance set in the format of tests/conformance/README.md, computed by the PyTorch at hand.

usage: python3 conformanceSet.py FOLDER SEED
Shapes, options, values and seeds are drawn from SEED; the names are those of the project's own set, some shapes larger, so that
kernels for large sizes are met too. It writes ops, losses, optimizers, schedulers, rng and runs_tutorial; whole runs on real data
need data and are not made.
"""
import json, os, random, sys
import torch, torch.nn as nn, torch.nn.functional as F

folder, seed = sys.argv[1], int(sys.argv[2])
rnd = random.Random(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)


def stored(t):
    if t.dtype == torch.int64:
        return {"shape": list(t.shape), "dtype": "int64", "data": t.flatten().tolist()}
    return {"shape": list(t.shape), "dtype": "float32", "data": [float(f"{v:.9g}") for v in t.detach().double().flatten().tolist()]}


def normal(*shape, scale=1.0):
    """Values that float32 holds exactly, in float64: what is computed of them is the truth."""
    return (torch.randn(*shape) * scale).float().double()


def apart(*shape):
    """Distinct values with gaps, so that no maximum is a tie and no kink is met."""
    count = 1
    for size in shape: count *= size
    return ((torch.randperm(count) - count / 2 + 0.25) / 16).double().reshape(shape)


ops, losses = [], []


def case(cases, op, compute, args, inputs, fixed=(), after=(), scale=1.0):
    leaves = {k: v.clone().requires_grad_(v.is_floating_point() and k not in fixed) for k, v in inputs.items()}
    output = compute(*leaves.values())
    grad = normal(*output.shape, scale=scale) if output.shape else torch.tensor(1.0, dtype=torch.float64)
    output.backward(grad)
    cases.append({"op": op, "args": args, "inputs": {k: stored(v) for k, v in inputs.items()}, "output": stored(output), "grad_output": stored(grad),
                  "grads": {k: stored(v.grad) for k, v in leaves.items() if v.requires_grad}, **{f"{k}_after": stored(leaves[k]) for k in after}})


def pick(low, high): return rnd.randint(low, high)
def pair(low, high): return [pick(low, high), pick(low, high)]


# Convolutions: small with every option, then the sizes for which kernels of their own exist; there the gradient is that of a mean, so
# that what is summed over many positions stays of order one, for which the set's absolute tolerance is made.
def conv(n, c, h, w, out, kernel, stride, padding, dilation, groups, bias, scale=1.0):
    inputs = {"input": normal(n, c, h, w), "weight": normal(out, c // groups, *kernel, scale=(c // groups * kernel[0] * kernel[1]) ** -0.5)}
    if bias: inputs["bias"] = normal(out)
    args = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    case(ops, "conv2d", lambda input, weight, bias=None: F.conv2d(input, weight, bias, **args), args, inputs, scale=scale)


for _ in range(30):
    groups = rnd.choice([1, 1, 1, 2, 3]); kernel, dilation = pair(1, 5), pair(1, 2)
    size = [dilation[i] * (kernel[i] - 1) + 1 + pick(0, 9) for i in (0, 1)]
    conv(pick(1, 3), groups * pick(1, 5), *size, groups * pick(1, 5), kernel, pair(1, 3), pair(0, 2), dilation, groups, rnd.random() < 0.7)
for c, out, side, kernel, padding in [(1, 6, 20, 5, 0), (1, 6, 16, 5, 2), (6, 16, 14, 5, 0), (3, 32, 16, 3, 1), (32, 32, 9, 3, 1), (16, 24, 11, 3, 0), (8, 8, 12, 1, 0)]:
    conv(pick(1, 3), c, side, side + pick(0, 2), out, [kernel, kernel], [1, 1], [padding, padding], [1, 1], 1, True, scale=1 / side)
channels = pick(5, 9)
for stride in (1, 2): conv(2, channels, 9, 10, channels, [3, 3], [stride, stride], [1, 1], [1, 1], channels, True)
for _ in range(8):
    groups = rnd.choice([1, 1, 2]); stride = pair(1, 3)
    args = {"stride": stride, "padding": pair(0, 1), "output_padding": [pick(0, stride[0] - 1), pick(0, stride[1] - 1)], "groups": groups}
    c, out = groups * pick(1, 3), pick(1, 3)
    inputs = {"input": normal(pick(1, 2), c, pick(2, 6), pick(2, 6)), "weight": normal(c, out, pick(3, 4), pick(3, 4)), "bias": normal(out * groups)}
    case(ops, "conv_transpose2d", lambda input, weight, bias: F.conv_transpose2d(input, weight, bias, **args), args, inputs)
for _ in range(12):
    kernel = pair(1, 3)
    args = {"kernel_size": kernel, "stride": pair(1, 3), "padding": [pick(0, k // 2) for k in kernel], "ceil_mode": rnd.random() < 0.5}
    shape = [pick(1, 3), pick(1, 4), pick(4, 12), pick(4, 12)]
    case(ops, "max_pool2d", lambda input: F.max_pool2d(input, **args), args, {"input": apart(*shape)})
    averaged = {**{k: v for k, v in args.items() if k != "ceil_mode"}, "count_include_pad": rnd.random() < 0.5}
    case(ops, "avg_pool2d", lambda input: F.avg_pool2d(input, **averaged), averaged, {"input": normal(*shape)})
for _ in range(5):
    args = {"output_size": pair(1, 5)}
    case(ops, "adaptive_avg_pool2d", lambda input: F.adaptive_avg_pool2d(input, args["output_size"]), args, {"input": normal(2, 3, pick(5, 11), pick(5, 11))})
for n, i, o in [(pick(1, 9), pick(1, 50), pick(1, 50)) for _ in range(8)] + [(32, 400, 120), (1, 257, 65)]:
    case(ops, "linear", F.linear, {}, {"input": normal(n, i), "weight": normal(o, i, scale=i ** -0.5), "bias": normal(o)})
for m, k, n in [(pick(1, 40), pick(1, 40), pick(1, 40)) for _ in range(8)] + [(65, 70, 33)]:
    case(ops, "matmul", torch.matmul, {}, {"a": normal(m, k), "b": normal(k, n, scale=k ** -0.5)})
case(ops, "matmul", torch.matmul, {}, {"a": normal(3, pick(2, 6), 5), "b": normal(3, 5, pick(2, 6))})

# Element by element; broadcasts.
a, b, c = pick(2, 5), pick(2, 5), pick(2, 9)
for name in ["add", "sub", "mul", "div", "maximum", "minimum"]:
    for left, right in [((a, b), (a, b)), ((a, b, c), (c,)), ((a, 1, c), (b, 1)), ((1,), (a, b)), ((a, b, c), (1, b, 1))]:
        other = normal(*right)
        if name == "div": other = torch.sign(other) * (other.abs() + 0.5)
        case(ops, name, getattr(torch, name), {}, {"a": normal(*left), "b": other})
away = lambda: torch.where((x := normal(pick(2, 5), pick(3, 40))).abs() < 0.05, x + 0.2, x)
for name, f in {"relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "exp": torch.exp, "neg": torch.neg, "abs": torch.abs, "silu": F.silu,
                "softplus": F.softplus, "relu6": F.relu6, "hardswish": F.hardswish, "hardsigmoid": F.hardsigmoid, "mish": F.mish, "square": torch.square}.items():
    for scale in (1, 3): case(ops, name, lambda input: f(input), {}, {"input": (away() * scale).float().double()})
for name, f in {"log": torch.log, "sqrt": torch.sqrt, "reciprocal": torch.reciprocal}.items():
    case(ops, name, lambda input: f(input), {}, {"input": away().abs() + 0.125})
for approximate in ("none", "tanh"): case(ops, "gelu", lambda input: F.gelu(input, approximate=approximate), {"approximate": approximate}, {"input": away()})
slope, alpha, exponent = rnd.choice([0.01, 0.2]), rnd.choice([0.5, 1.5]), rnd.choice([2, 3, 4])
case(ops, "leaky_relu", lambda input: F.leaky_relu(input, slope), {"negative_slope": slope}, {"input": away()})
case(ops, "elu", lambda input: F.elu(input, alpha), {"alpha": alpha}, {"input": away()})
case(ops, "prelu", F.prelu, {}, {"input": away().reshape(-1, 1).repeat(1, 4), "weight": normal(4)})
case(ops, "clamp", lambda input: torch.clamp(input, -0.6, 0.9), {"min": -0.6, "max": 0.9}, {"input": away()})
case(ops, "pow", lambda input: input ** exponent, {"exponent": exponent}, {"input": away()})

# Along dimensions; shapes.
cube = [pick(2, 6), pick(2, 6), pick(2, 6)]
for dim in (0, 1, 2, -1):
    case(ops, "softmax", lambda input: F.softmax(input, dim), {"dim": dim}, {"input": normal(*cube)})
    case(ops, "log_softmax", lambda input: F.log_softmax(input, dim), {"dim": dim}, {"input": normal(*cube)})
for dim, keepdim in [(None, False), ([0], False), ([1], True), ([0, 2], False), ([-1], True)]:
    args = {"dim": dim, "keepdim": keepdim}
    for name in ("sum", "mean"):
        f = getattr(torch, name)
        case(ops, name, lambda input: f(input) if dim is None else f(input, dim, keepdim), args, {"input": normal(*cube)})
    dims = dim or [0, 1, 2]
    for unbiased in (True, False):
        case(ops, "var", lambda input: torch.var(input, dims, unbiased=unbiased, keepdim=keepdim), {"dim": dims, "keepdim": keepdim, "unbiased": unbiased}, {"input": normal(*cube)})
for dim in (0, 1, 2): case(ops, "max", lambda input: torch.max(input, dim, keepdim=True).values, {"dim": dim, "keepdim": True}, {"input": apart(*cube)})
shape = [cube[2], cube[0] * cube[1]]; dims = rnd.sample([0, 1, 2], 3); part = [pick(0, 1), pick(1, 2)]
case(ops, "reshape", lambda input: input.reshape(shape), {"shape": shape}, {"input": normal(*cube)})
case(ops, "flatten", lambda input: input.flatten(1), {"start_dim": 1}, {"input": normal(*cube, 2)})
case(ops, "permute", lambda input: input.permute(dims), {"dims": dims}, {"input": normal(*cube)})
case(ops, "transpose", lambda input: input.transpose(1, 2), {"dim0": 1, "dim1": 2}, {"input": normal(*cube)})
case(ops, "cat", lambda a, b: torch.cat([a, b], 1), {"dim": 1}, {"a": normal(2, pick(1, 4), 4), "b": normal(2, pick(1, 4), 4)})
sizes = [pick(0, 3) for _ in range(4)]
case(ops, "pad", lambda input: F.pad(input, sizes, value=-1.5), {"pad": sizes, "value": -1.5}, {"input": normal(*cube)})
case(ops, "narrow", lambda input: input.narrow(1, *part), {"dim": 1, "start": part[0], "length": part[1]}, {"input": normal(2, 4, 3)})
factor = pick(2, 3)
case(ops, "upsample_nearest2d", lambda input: F.interpolate(input, scale_factor=factor), {"scale_factor": factor}, {"input": normal(2, 2, 3, 4)})
rows = pick(4, 9)
case(ops, "embedding", lambda indices, weight: F.embedding(indices, weight), {}, {"indices": torch.randint(0, rows, (3, 4)), "weight": normal(rows, 5)})
for training in (True, False):
    for shape in ([pick(2, 5), 3, 5, 6], [pick(4, 9), 3], [2, 3, 1, 3], [8, 3, 12, 12]):
        args = {"training": training, "momentum": rnd.choice([0.1, 0.3]), "eps": 1e-5}
        inputs = {"input": normal(*shape), "weight": normal(3), "bias": normal(3), "running_mean": normal(3), "running_var": normal(3).abs() + 0.5}
        case(ops, "batch_norm", lambda input, weight, bias, running_mean, running_var: F.batch_norm(input, running_mean, running_var, weight, bias, **args),
             args, inputs, fixed=("running_mean", "running_var"), after=("running_mean", "running_var"))
    args = {"use_input_stats": training, "momentum": 0.2, "eps": 1e-5}
    inputs = {"input": normal(pick(2, 4), 3, pick(2, 6), 5), "weight": normal(3), "bias": normal(3), "running_mean": normal(3), "running_var": normal(3).abs() + 0.5}
    case(ops, "instance_norm", lambda input, weight, bias, running_mean, running_var: F.instance_norm(input, running_mean, running_var, weight, bias, **args),
         args, inputs, fixed=("running_mean", "running_var"), after=("running_mean", "running_var"))
last = cube[1:]
case(ops, "layer_norm", lambda input, weight, bias: F.layer_norm(input, last, weight, bias), {"normalized_shape": last, "eps": 1e-5}, {"input": normal(*cube), "weight": normal(*last), "bias": normal(*last)})
case(ops, "group_norm", lambda input, weight, bias: F.group_norm(input, 3, weight, bias), {"num_groups": 3, "eps": 1e-5}, {"input": normal(2, 6, 3, 5), "weight": normal(6), "bias": normal(6)})

# Losses.
n, k = pick(3, 9), pick(3, 7)
for reduction in ("mean", "sum", "none"):
    for name, extra in {"mse_loss": {}, "l1_loss": {}, "smooth_l1_loss": {"beta": 0.4}, "huber_loss": {"delta": 1.3}}.items():
        args = {"reduction": reduction, **extra}
        case(losses, name, lambda input, target: getattr(F, name)(input, target, **args), args, {"input": normal(n, k), "target": normal(n, k)}, fixed=("target",))
    for extra, weighted in [({"label_smoothing": 0.0}, False), ({"label_smoothing": 0.2}, False), ({"label_smoothing": 0.0}, True)]:
        args = {"reduction": reduction, **extra}
        inputs = {"input": normal(n, k), "target": torch.randint(0, k, (n,))}
        if weighted: inputs["weight"] = normal(k).abs() + 0.25
        case(losses, "cross_entropy", lambda input, target, weight=None: F.cross_entropy(input, target, weight, **args), args, inputs, fixed=("weight",))
    args = {"reduction": reduction}
    case(losses, "nll_loss", lambda input, target: F.nll_loss(input, target, **args), args, {"input": F.log_softmax(normal(n, k), 1).float().double(), "target": torch.randint(0, k, (n,))})
    case(losses, "binary_cross_entropy", lambda input, target: F.binary_cross_entropy(input, target, **args), args,
         {"input": torch.sigmoid(normal(n, k)).float().double(), "target": torch.randint(0, 2, (n, k)).double()}, fixed=("target",))
    case(losses, "binary_cross_entropy_with_logits", lambda input, target: F.binary_cross_entropy_with_logits(input, target, **args), args,
         {"input": normal(n, k), "target": torch.rand(n, k).double()}, fixed=("target",))
case(losses, "kl_div", lambda input, target: F.kl_div(input, target, reduction="batchmean"), {"reduction": "batchmean"},
     {"input": F.log_softmax(normal(n, k), 1).float().double(), "target": F.softmax(normal(n, k), 1).float().double()}, fixed=("target",))

# Optimizers, eight steps each.
optimizers = []
for name, cls, args in [
    ("sgd", torch.optim.SGD, {"lr": 0.05}), ("sgd", torch.optim.SGD, {"lr": 0.03, "momentum": 0.8, "dampening": 0.1, "weight_decay": 0.02}),
    ("sgd", torch.optim.SGD, {"lr": 0.03, "momentum": 0.8, "nesterov": True}), ("adam", torch.optim.Adam, {"lr": 0.005, "betas": [0.85, 0.99], "weight_decay": 0.05}),
    ("adam", torch.optim.Adam, {"lr": 0.01, "amsgrad": True}), ("adamw", torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1, "eps": 1e-6}),
    ("rmsprop", torch.optim.RMSprop, {"lr": 0.02, "alpha": 0.95, "momentum": 0.4}), ("rmsprop", torch.optim.RMSprop, {"lr": 0.01, "centered": True}),
    ("adagrad", torch.optim.Adagrad, {"lr": 0.2, "lr_decay": 0.02}), ("adadelta", torch.optim.Adadelta, {"lr": 0.9, "rho": 0.85, "weight_decay": 0.01}),
    ("adamax", torch.optim.Adamax, {"lr": 0.02, "betas": [0.8, 0.99]}), ("radam", torch.optim.RAdam, {"lr": 0.02, "weight_decay": 0.01}),
] + ([("nadam", torch.optim.NAdam, {"lr": 0.01, "momentum_decay": 0.008})] if torch.__version__.startswith("1.") else []):  # PyTorch 2 corrects the mean otherwise
    params = [normal(pick(2, 5), pick(2, 9)).requires_grad_(), normal(pick(1, 9)).requires_grad_()]
    entry = {"optimizer": name, "args": args, "params": [stored(p) for p in params], "steps": []}
    optimizer = cls(params, **{key: tuple(v) if isinstance(v, list) else v for key, v in args.items()})
    for _ in range(8):
        for p in params: p.grad = normal(*p.shape)
        optimizer.step()
        entry["steps"].append({"grads": [stored(p.grad) for p in params], "params": [stored(p) for p in params]})
    optimizers.append(entry)

# Schedulers, thirty epochs each.
S = torch.optim.lr_scheduler
schedulers = []
for name, make, args in [
    ("step", S.StepLR, {"step_size": pick(2, 9), "gamma": 0.6}), ("multi_step", S.MultiStepLR, {"milestones": [2, 9, 20], "gamma": 0.4}), ("exponential", S.ExponentialLR, {"gamma": 0.93}),
    ("cosine", S.CosineAnnealingLR, {"T_max": pick(9, 20), "eta_min": 0.002}), ("cosine_warm_restarts", S.CosineAnnealingWarmRestarts, {"T_0": pick(3, 6), "T_mult": 2, "eta_min": 0.0}),
    ("linear", S.LinearLR, {"start_factor": 0.5, "end_factor": 0.1, "total_iters": pick(5, 12)}), ("constant", S.ConstantLR, {"factor": 0.25, "total_iters": pick(2, 9)}),
    ("polynomial", S.PolynomialLR, {"total_iters": pick(9, 20), "power": 1.5}), ("one_cycle", S.OneCycleLR, {"max_lr": 0.3, "total_steps": 30}),
    ("reduce_on_plateau", S.ReduceLROnPlateau, {"factor": 0.3, "patience": 1}),
]:
    base = rnd.choice([0.1, 0.02])
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=base)
    scheduler = make(optimizer, **args)
    metric = [1 / (1 + i // pick(2, 4)) for i in range(30)] if name == "reduce_on_plateau" else None
    rates = []
    for i in range(30):
        rates.append(optimizer.param_groups[0]["lr"]); optimizer.step()
        if i < 29: scheduler.step(metric[i]) if metric else scheduler.step()
    entry = {"scheduler": name, "args": {key.lower(): v for key, v in args.items()}, "base_lr": base, "lrs": rates}
    schedulers.append({**entry, "metric": metric} if metric else entry)

# Draws.
rng = []
for drawn in [rnd.randint(0, 2**32 - 1) for _ in range(4)] + [2**32 - 1]:
    torch.manual_seed(drawn)
    entry = {"seed": drawn, "rand_9": stored(torch.rand(9)), "randn_15": stored(torch.randn(15)), "randn_16": stored(torch.randn(16)), "randn_53": stored(torch.randn(53)),
             "randperm_31": torch.randperm(31).tolist(), "randint_3_17_9": torch.randint(3, 17, (9,)).tolist(), "rand_4": stored(torch.rand(4))}
    torch.manual_seed(drawn)
    conv_layer, linear_layer = nn.Conv2d(1, 6, 5), nn.Linear(20, 7)
    for key, layer in {"conv2d_1_6_5": conv_layer, "linear_20_7": linear_layer}.items():
        entry[f"{key}.weight"], entry[f"{key}.bias"] = stored(layer.weight), stored(layer.bias)
    torch.manual_seed(drawn)
    loader = torch.utils.data.DataLoader(list(range(50)), batch_size=8, shuffle=True)
    for epoch in (1, 2): entry[f"dataloader_50_batch8_epoch{epoch}"] = [batch.tolist() for batch in loader]
    rng.append(entry)


def tutorial(drawn, kernel):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            side = (((32 - kernel + 1) // 2) - kernel + 1) // 2
            self.conv1, self.conv2 = nn.Conv2d(1, 6, kernel), nn.Conv2d(6, 16, kernel)
            self.fc1, self.fc2, self.fc3 = nn.Linear(16 * side * side, 120), nn.Linear(120, 84), nn.Linear(84, 10)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.conv2(F.max_pool2d(F.relu(self.conv1(x)), 2))), 2)
            return self.fc3(F.relu(self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))))

    torch.manual_seed(drawn)
    net = Net(); x = torch.randn(1, 1, 32, 32); output = net(x); target = torch.randn(10).view(1, -1); loss = F.mse_loss(output, target)
    net.zero_grad(); loss.backward()
    entry = {"run": "tutorial", "seed": drawn, "kernel_size": kernel, "output": stored(output), "loss": loss.item(), "conv1.bias.grad": stored(net.conv1.bias.grad), "input_first8": x.flatten()[:8].tolist()}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01); history = []
    for _ in range(20):
        optimizer.zero_grad(); loss = F.mse_loss(net(x), target); loss.backward(); optimizer.step(); history.append(loss.item())
    return {**entry, "sgd_lr0.01_losses": history, "param_sums_after": {key: v.double().sum().item() for key, v in net.named_parameters()}}


runs = [tutorial(rnd.randint(0, 9999), kernel) for kernel in (5, 3, 4)]
os.makedirs(folder, exist_ok=True)
for name, content in {"ops": ops, "losses": losses, "optimizers": optimizers, "schedulers": schedulers, "rng": rng, "runs_tutorial": runs}.items():
    with open(os.path.join(folder, name + ".json"), "w") as file: json.dump(content, file)
print(json.dumps({"torch": torch.__version__, "cases": sum(map(len, (ops, losses, optimizers, schedulers, rng, runs)))}))

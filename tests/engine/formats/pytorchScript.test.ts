// Tests the text of train.py: how it describes a job, and that a job cannot inject code. tests/peer runs the scripts on PyTorch and
// compares the losses.
import { readFile } from 'node:fs/promises';
import { pytorchScript } from '@trainyard/engine/formats';
import { checkSpec, defaultLimits } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { registryJobs } from '../../support/registryJobs.ts';
import { uploads } from '../../support/uploads.ts';

const scriptOf = (body: unknown): string => pytorchScript(checkSpec(body, defaultLimits, uploads).spec);
const tutorial: unknown = JSON.parse(await readFile('docs/examples/tutorial.json', 'utf8'));

const lenet = {
  name: 'lenet',
  seed: 7,
  data: {
    dataset: 'mnist',
    trainLimit: 10_000,
    batchSize: 32,
    transforms: [{ type: 'normalize', mean: [0.1307], std: [0.3081] }],
  },
  model: {
    layers: [
      { type: 'conv2d', name: 'conv1', outChannels: 6, kernelSize: 5, padding: 2 },
      { type: 'relu' },
      { type: 'maxPool2d', kernelSize: 2 },
      { type: 'flatten' },
      { type: 'linear', outFeatures: 10, bias: false },
    ],
  },
  loss: { type: 'crossEntropy', labelSmoothing: 0.1 },
  optimizer: { type: 'adam', learningRate: 1, betas: [0, 0.99] },
  scheduler: { type: 'step', stepSize: 1, gamma: 0.5 },
  epochs: 2,
  gradientClipping: { maxNorm: 1 },
  earlyStopping: { metric: 'testAccuracy', patience: 2 },
};

test("the tutorial's script looks like hand-written code", () => {
  expect(scriptOf(tutorial)).toMatchInlineSnapshot(`
    "# tutorial: the same model, seed, data and training loop in PyTorch. The losses are the same as the job's.
    # Usage: python3 train.py    It prints one line of JSON per epoch.
    import json
    import math
    from collections import OrderedDict

    import torch
    from torch import nn, optim
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)

    model = nn.Sequential(
        OrderedDict(
            [
                ("conv1", nn.Conv2d(1, 6, 5)),
                ("1", nn.ReLU()),
                ("2", nn.MaxPool2d(2)),
                ("conv2", nn.Conv2d(6, 16, 5)),
                ("4", nn.ReLU()),
                ("5", nn.MaxPool2d(2)),
                ("6", nn.Flatten()),
                ("fc1", nn.Linear(400, 120)),
                ("8", nn.ReLU()),
                ("fc2", nn.Linear(120, 84)),
                ("10", nn.ReLU()),
                ("fc3", nn.Linear(84, 10)),
            ]
        )
    )

    inputs = torch.randn(1, 1, 32, 32)
    targets = torch.randn(1, 10)

    criterion = nn.MSELoss()
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=64, shuffle=True)

    for epoch in range(1, 21):
        learning_rate = optimizer.param_groups[0]["lr"]
        total_loss, seen = 0.0, 0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            if not math.isfinite(loss.item()):
                raise SystemExit(f"the loss is no longer finite in epoch {epoch}")
            optimizer.step()
            total_loss += loss.item() * len(x)
            seen += len(x)
        metrics = {"trainLoss": total_loss / seen, "testLoss": None, "testAccuracy": None}
        print(json.dumps({"epoch": epoch, **metrics, "learningRate": learning_rate}), flush=True)
    "
  `);
});

test("a LeNet's script on files contains exactly the options that are not the default", () => {
  expect(scriptOf(lenet)).toMatchInlineSnapshot(`
    "# lenet: the same model, seed, data and training loop in PyTorch. The losses are the same as the job's.
    # Usage: python3 train.py [--data FOLDER]    It prints one line of JSON per epoch.
    import argparse
    import gzip
    import json
    import math
    import urllib.request
    from collections import OrderedDict
    from pathlib import Path

    import torch
    from torch import nn, optim
    from torch.optim import lr_scheduler
    from torch.utils.data import DataLoader, TensorDataset

    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder that contains one folder per dataset")
    args = parser.parse_args()


    def read(name):
        file = args.data / "mnist" / name
        unpacked = file.with_suffix("")
        if unpacked.exists():
            return unpacked.read_bytes()
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            urllib.request.urlretrieve("https://ossci-datasets.s3.amazonaws.com/mnist/" + name, file)
        return gzip.decompress(file.read_bytes())


    def read_images(name):
        pixels = torch.frombuffer(bytearray(read(name)), dtype=torch.uint8, offset=16)
        return pixels.reshape(-1, 1, 28, 28).float() / 255


    def read_labels(name):
        return torch.frombuffer(bytearray(read(name)), dtype=torch.uint8, offset=8).long()


    def transform(images):
        images = (images - 0.1307) / 0.3081
        return images


    torch.manual_seed(7)

    model = nn.Sequential(
        OrderedDict(
            [
                ("conv1", nn.Conv2d(1, 6, 5, padding=2)),
                ("1", nn.ReLU()),
                ("2", nn.MaxPool2d(2)),
                ("3", nn.Flatten()),
                ("4", nn.Linear(1176, 10, bias=False)),
            ]
        )
    )

    inputs = read_images("train-images-idx3-ubyte.gz")[:10000]
    targets = read_labels("train-labels-idx1-ubyte.gz")[:10000]
    test_inputs = read_images("t10k-images-idx3-ubyte.gz")
    test_targets = read_labels("t10k-labels-idx1-ubyte.gz")

    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.Adam(model.parameters(), lr=1.0, betas=(0.0, 0.99))
    scheduler = lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=32, shuffle=True)


    def metrics_of(output, targets):
        # A sample with an output that is not finite has no predicted class.
        predicted = torch.where(output.isfinite().all(1), output.argmax(1), 10)
        correct = torch.bincount(targets[predicted == targets], minlength=10)
        counts = torch.bincount(targets, minlength=10) + torch.bincount(predicted, minlength=10)[:10]
        f1 = 2 * correct[counts > 0].double() / counts[counts > 0]
        metrics = {"testAccuracy": correct.sum().item() / len(targets), "testF1": f1.mean().item()}
        own = output.gather(1, targets[:, None])
        larger = (output > own) | ((output == own) & (torch.arange(10) < targets[:, None]))
        metrics["testTop5"] = ((larger.sum(1) < 5) & (predicted < 10)).sum().item() / len(targets)
        return metrics


    def evaluate():
        model.eval()
        total_loss, outputs = 0.0, []
        with torch.no_grad():
            for x, y in zip(test_inputs.split(256), test_targets.split(256)):
                output = model(transform(x))
                total_loss += criterion(output, y).item() * len(x)
                outputs.append(output)
        model.train()
        return {"testLoss": total_loss / len(test_inputs), **metrics_of(torch.cat(outputs), test_targets)}


    best, waited = None, 0
    for epoch in range(1, 3):
        learning_rate = optimizer.param_groups[0]["lr"]
        total_loss, seen = 0.0, 0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(transform(x)), y)
            loss.backward()
            if not math.isfinite(loss.item()):
                raise SystemExit(f"the loss is no longer finite in epoch {epoch}")
            nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
            optimizer.step()
            total_loss += loss.item() * len(x)
            seen += len(x)
        metrics = {"trainLoss": total_loss / seen, **evaluate()}
        print(json.dumps({"epoch": epoch, **metrics, "learningRate": learning_rate}), flush=True)
        scheduler.step()
        value = metrics["testAccuracy"]
        if math.isfinite(value) and (best is None or value - best > 0.0):
            best, waited = value, 0
        else:
            waited += 1
        if waited >= 2:
            break
    "
  `);
});

test('a name in a spec cannot inject code', () => {
  const name = 'x"""\\ " \u2028 ${y} \u{1f600}';
  const script = scriptOf({
    ...lenet,
    name,
    model: {
      layers: [
        { type: 'flatten', name },
        { type: 'linear', outFeatures: 10 },
      ],
    },
  });
  const lines = script.split('\n').filter((line) => line.includes('${y}'));
  expect(lines).toEqual([
    `# ${name}: the same model, seed, data and training loop in PyTorch. The losses are the same as the job's.`,
    `            (${JSON.stringify(name)}, nn.Flatten()),`,
  ]);
});

test('numbers are written as floats where PyTorch requires floats, and counts as integers', () => {
  const script = scriptOf({ ...lenet, scheduler: { type: 'cosineWarmRestarts', t0: 2, etaMin: 0.5, interval: 'step' } });
  expect(script).toContain('optim.Adam(model.parameters(), lr=1.0, betas=(0.0, 0.99))');
  expect(script).toContain('lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2, eta_min=0.5)');
});

test('defines the helpers of layers within a residual once and before it', () => {
  const dropout = { type: 'dropout', p: 0.2 };
  const text = pytorchScript(
    checkSpec({
      ...registryJobs['the loss mse'],
      model: { layers: [dropout, { type: 'residual', layers: [dropout] }, { type: 'linear', outFeatures: 3 }] },
    }).spec,
  );
  expect(text.match(/^class \w+/gm)).toEqual(['class Dropout', 'class Residual']);
  expect(text).toContain('("1", Residual(nn.Sequential(Dropout(0.2)))),');
});

test('defines the helpers of layers within branches once and before it', () => {
  const dropout = { type: 'dropout', p: 0.2 };
  const layers = [
    { type: 'branches', branches: [[dropout], [], [dropout]], merge: 'add' },
    { type: 'linear', outFeatures: 3 },
  ];
  const text = pytorchScript(checkSpec({ ...registryJobs['the loss mse'], model: { layers } }).spec);
  expect(text.match(/^class \w+/gm)).toEqual(['class Dropout', 'class Branches']);
  expect(text).toContain('Branches((nn.Sequential(Dropout(0.2)), nn.Sequential(), nn.Sequential(Dropout(0.2))), merge="add")');
});

describe('a script can be made for a job with', () => {
  test.for(Object.entries(registryJobs))('%s', ([, body]) => {
    expect(scriptOf(body)).toContain('for epoch in range(1, ');
  });
});

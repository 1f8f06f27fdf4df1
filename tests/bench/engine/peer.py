"""The benchmark's workloads on the CPU with PyTorch, a slice of steps whenever a line comes in.

usage: python3 peer.py lenet|mnist_epoch|cifar_vgg BATCH THREADS SLICE_SECONDS [IMAGES LABELS]
Writes JSON lines: first {"peer": NAME}, once it is warm, then {"us": MICROSECONDS A STEP} for each line that it reads.
mnist_epoch runs whole epochs over gzipped IDX files. `workloads.ts` says the same of our side.
"""
import gzip
import json
import sys
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SAMPLES = 10_000


def lenet(padding):
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=padding), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )


def vgg():
    def block(inputs, outputs):
        return [
            nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        ]

    head = [nn.Flatten(), nn.Linear(4096, 128), nn.ReLU(), nn.Linear(128, 10)]
    return nn.Sequential(*block(3, 32), *block(32, 64), *head)


def update(model, criterion, optimizer, inputs, targets):
    optimizer.zero_grad()
    criterion(model(inputs), targets).backward()
    optimizer.step()


def idx(path, header, size):
    with gzip.open(path) as file:
        file.read(header)
        return torch.frombuffer(bytearray(file.read(size)), dtype=torch.uint8)


def steps_of(workload, batch, files):
    """A function that runs some steps and tells how many."""
    if workload == "mnist_epoch":
        images = idx(files[0], 16, SAMPLES * 784).reshape(-1, 1, 28, 28).float() / 255
        labels = idx(files[1], 8, SAMPLES).long()
        loader = DataLoader(TensorDataset(images, labels), batch_size=batch, shuffle=True)
        model, criterion = lenet(padding=2), nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

        def epoch():
            for inputs, targets in loader:
                update(model, criterion, optimizer, inputs, targets)
            return len(loader)

        return epoch
    if workload == "lenet":
        model, criterion = lenet(padding=0), nn.MSELoss()
        inputs, targets = torch.randn(batch, 1, 32, 32), torch.randn(batch, 10)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    else:
        model, criterion = vgg(), nn.CrossEntropyLoss()
        inputs, targets = torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step():
        update(model, criterion, optimizer, inputs, targets)
        return 1

    return step


def run_slice(steps, seconds):
    """Microseconds a step over at least so many seconds."""
    count, start = 0, time.perf_counter()
    while True:
        count += steps()
        taken = time.perf_counter() - start
        if taken >= seconds:
            return taken / count * 1e6


def main():
    workload, batch, threads, seconds, *files = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    steps = steps_of(workload, int(batch), files)
    run_slice(steps, float(seconds))
    print(json.dumps({"peer": "pytorch " + torch.__version__}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"us": run_slice(steps, float(seconds))}), flush=True)


main()

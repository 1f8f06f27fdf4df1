"""Writes orders.json: the orders of two epochs that PyTorch's DataLoader draws with a WeightedRandomSampler, in which each class is equally
likely, and the number that the default generator gives after them. Usage: python3 make.py > orders.json"""
import json

import torch
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

CASES = [
    (0, [0]),
    (1, [0, 1]),
    (2, [0, 0, 0, 0, 0, 0, 0, 2]),
    (3, [1, 1, 1, 0, 2, 2, 1, 1, 1, 1, 2, 1, 1]),
    (4, [(i * i) % 7 % 5 for i in range(100)]),
]


def orders(seed, labels):
    targets = torch.tensor(labels)
    weights = 1 / torch.bincount(targets).double()[targets]
    torch.manual_seed(seed)
    sampler = WeightedRandomSampler(weights, len(weights))
    loader = DataLoader(TensorDataset(torch.arange(len(labels))), batch_size=4, sampler=sampler)
    epochs = [[index for (batch,) in loader for index in batch.tolist()] for _ in range(2)]
    return {"seed": seed, "labels": labels, "epochs": epochs, "next": str(torch.empty((), dtype=torch.int64).random_().item())}


print(json.dumps({"torch": torch.__version__, "cases": [orders(*case) for case in CASES]}))

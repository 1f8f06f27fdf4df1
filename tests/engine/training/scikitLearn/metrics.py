"""Writes metrics.json next to this file: random outputs and targets, and their metrics by scikit-learn, for
tests/engine/training/metrics.test.ts. It needs scikit-learn."""
import json
import warnings
from pathlib import Path

import numpy as np
from sklearn import metrics

warnings.filterwarnings("ignore")
random = np.random.default_rng(11)


def class_case(name, probabilities, targets):
    probabilities, targets = np.asarray(probabilities, np.float32), np.asarray(targets)
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(1)
    labels = list(range(classes))
    options = {"zero_division": 0}
    precision, recall, f1, support = metrics.precision_recall_fscore_support(targets, predicted, labels=labels, **options)

    def mean(kind):
        p, r, f, _ = metrics.precision_recall_fscore_support(targets, predicted, average=kind, **options)
        return {"precision": p, "recall": r, "f1": f}

    sure = probabilities[np.arange(len(targets)), predicted].astype(np.float64)
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], sure)
    calibration = []
    for index in range(10):
        of = bins == index
        calibration.append({
            "samples": int(of.sum()),
            "meanProbability": float(sure[of].mean()) if of.any() else None,
            "accuracy": float((predicted == targets)[of].mean()) if of.any() else None,
        })
    top5 = float(metrics.top_k_accuracy_score(targets, probabilities, k=5, labels=labels)) if classes >= 10 else None
    both = classes == 2 and len(set(targets)) == 2
    return {
        "name": name,
        "classes": classes,
        "outputs": [float(str(value)) for value in probabilities.reshape(-1)],
        "targets": targets.tolist(),
        "accuracy": float(metrics.accuracy_score(targets, predicted)),
        "perClass": [
            {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for p, r, f, s in zip(precision, recall, f1, support)
        ],
        "macro": mean("macro"),
        "weighted": mean("weighted"),
        "top5": top5,
        "rocAuc": float(metrics.roc_auc_score(targets, probabilities[:, 1])) if both else None,
        "calibration": calibration,
    }


def drawn(samples, classes, sharpness=2.0):
    logits = random.normal(size=(samples, classes)) * sharpness
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def value_case(name, outputs, targets):
    outputs, targets = np.asarray(outputs, np.float32), np.asarray(targets, np.float32)
    flat = [array.reshape(len(array), -1).astype(np.float64) for array in (targets, outputs)]
    each = {"multioutput": "raw_values"}
    mae = metrics.mean_absolute_error(*flat, **each)
    rmse = metrics.root_mean_squared_error(*flat, **each)
    r2 = metrics.r2_score(*flat, **each) if len(targets) > 1 else [None] * flat[0].shape[1]
    return {
        "name": name,
        "shape": list(targets.shape[1:]),
        "outputs": [float(str(value)) for value in outputs.reshape(-1)],
        "targets": [float(str(value)) for value in targets.reshape(-1)],
        "mae": float(metrics.mean_absolute_error(*flat)),
        "rmse": float(metrics.root_mean_squared_error(*flat)),
        "r2": float(metrics.r2_score(*flat)) if len(targets) > 1 else None,
        "perOutput": [
            {"mae": float(a), "rmse": float(b), "r2": None if c is None else float(c)} for a, b, c in zip(mae, rmse, r2)
        ],
    }


tied = np.full((8, 2), 0.5)
tied[:3] = [[0.25, 0.75]] * 3
classes = [
    class_case("two classes", drawn(40, 2), random.integers(0, 2, 40)),
    class_case("two classes with equal probabilities", tied, [1, 0, 1, 1, 0, 1, 0, 0]),
    class_case("two classes of which only one occurs", drawn(7, 2), np.ones(7, int)),
    class_case("a single sample", drawn(1, 3), [2]),
    class_case("three classes, all right", np.eye(3)[[0, 1, 2, 1]], [0, 1, 2, 1]),
    class_case("three classes, all wrong", np.eye(3)[[0, 1, 2, 1]], [1, 2, 0, 0]),
    class_case("five classes of which two never occur", drawn(20, 5), random.integers(0, 3, 20)),
    class_case("classes that are neither a target nor a prediction", np.eye(6)[[0, 1, 1, 4]], [0, 1, 4, 4]),
    class_case("ten classes", drawn(50, 10), random.integers(0, 10, 50)),
    class_case("twelve unbalanced classes", drawn(60, 12, 4.0), random.integers(0, 12, 60) ** 2 // 12),
]
values = [
    value_case("one output", random.normal(size=(30, 1)), random.normal(size=(30, 1))),
    value_case("outputs of several dimensions", random.normal(size=(10, 2, 3)), random.normal(size=(10, 2, 3))),
    value_case("targets far from 0", 1e4 + random.normal(size=(25, 2)), 1e4 + random.normal(size=(25, 2))),
    value_case("equal targets, of which one output is right", [[1, 2]] * 4, [[1, 3]] * 4),
    value_case("a single sample", [[1.5, -2]], [[1, 0.25]]),
]
Path(__file__).with_name("metrics.json").write_text(json.dumps({"classes": classes, "values": values}, indent=1) + "\n")

"""Writes transforms.json next to this file: images before and after transforms of torchvision, for tests/engine/data/torchvision.test.ts.
It needs torchvision. The random parameters of a transform are fixed by ranges of one value."""
import json
from pathlib import Path

import numpy as np
import torch
from torchvision.transforms.v2 import functional as F

cases = []
random = np.random.default_rng(7)


def image(channels, height, width):
    return random.integers(0, 256, (channels, height, width), dtype=np.uint8)


def case(name, transforms, pixels, change, random=True):
    """`random`: whether the transforms draw in this case. Otherwise they are applied as in evaluation."""
    result = change(torch.from_numpy(pixels).float() / 255)
    cases.append({
        "name": name,
        "transforms": transforms,
        "random": random,
        "shape": list(pixels.shape),
        "pixels": pixels.reshape(-1).tolist(),
        "resultShape": list(result.shape),
        "result": [float(str(value)) for value in result.reshape(-1).numpy()],
    })


colour, grey = image(3, 5, 6), image(1, 4, 5)
dull = np.concatenate([np.full((3, 1, 6), 90, np.uint8), image(1, 4, 6).repeat(3, axis=0)], axis=1)
case("verticalFlip", [{"type": "verticalFlip", "p": 1}], colour, F.vertical_flip)
for pixels, kind in ((colour, "colours"), (grey, "grey"), (dull, "grey in three channels")):
    for factor in (0, 0.4, 1.7):
        both = [factor, factor]
        case(f"brightness {factor} of {kind}", [{"type": "colorJitter", "brightness": both}], pixels, lambda x: F.adjust_brightness(x, factor))
        case(f"contrast {factor} of {kind}", [{"type": "colorJitter", "contrast": both}], pixels, lambda x: F.adjust_contrast(x, factor))
        case(f"saturation {factor} of {kind}", [{"type": "colorJitter", "saturation": both}], pixels, lambda x: F.adjust_saturation(x, factor))
    for shift in (-0.5, -0.13, 0.27, 0.5):
        case(f"hue {shift} of {kind}", [{"type": "colorJitter", "hue": [shift, shift]}], pixels, lambda x: F.adjust_hue(x, shift))
    case(f"grayscale of {kind}", [{"type": "grayscale"}], pixels, lambda x: F.rgb_to_grayscale(x, 1), random=False)
    case(f"grayscale to three channels of {kind}", [{"type": "grayscale", "numOutputChannels": 3}], pixels,
         lambda x: F.rgb_to_grayscale(x, 3), random=False)

photo = image(3, 11, 14)
for size in (5, 23, 11, [4, 20], [13, 7], [11, 14]):
    case(f"resize to {size}", [{"type": "resize", "size": size}], photo, lambda x: F.resize(x, size if isinstance(size, list) else [size]))
tall = image(1, 19, 6)
case("resize of a tall image", [{"type": "resize", "size": 4}], tall, lambda x: F.resize(x, [4]))
case("resize with a maxSize", [{"type": "resize", "size": 4, "maxSize": 9}], tall, lambda x: F.resize(x, [4], max_size=9))
for size in (3, 8, [9, 15], [14, 6], [20, 17]):
    case(f"centerCrop of {size}", [{"type": "centerCrop", "size": size}], photo, lambda x: F.center_crop(x, size))
case("randomResizedCrop in evaluation", [{"type": "randomResizedCrop", "size": 7}], photo, lambda x: F.center_crop(F.resize(x, [8]), 7), random=False)
case("randomResizedCrop in evaluation, enlarged", [{"type": "randomResizedCrop", "size": 20}], tall, lambda x: F.center_crop(F.resize(x, [23]), 20),
     random=False)
case("randomResizedCrop of the whole image", [{"type": "randomResizedCrop", "size": [6, 9], "scale": [1, 1], "ratio": [14 / 11, 14 / 11]}], photo,
     lambda x: F.resize(x, [6, 9]))

if __name__ == "__main__":
    text = json.dumps(cases).replace('}, {', '},\n{')
    Path(__file__).with_name("transforms.json").write_text(text + "\n")

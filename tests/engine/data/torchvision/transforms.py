"""Writes transforms.json and trivialAugment.json next to this file: images before and after transforms of torchvision, for
tests/engine/data/torchvision.test.ts. It needs torchvision. The random parameters of a transform are fixed by ranges of one value."""
import json
from pathlib import Path

import numpy as np
import torch
from torchvision.transforms.v2 import TrivialAugmentWide
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

square = image(2, 8, 8)
for angle in (0, 90, 180, 270, 30, -77.7, 400, -90):
    for pixels in (photo, square):
        case(f"rotate by {angle}", [{"type": "rotate", "degrees": [angle, angle]}], pixels, lambda x: F.rotate(x, angle, fill=0))
case("rotate about a centre, with a fill", [{"type": "rotate", "degrees": [20, 20], "center": [3, 2.5], "fill": 0.5}], photo,
     lambda x: F.rotate(x, 20, center=[3, 2.5], fill=0.5))
for angle, scale, shear in ((0, 1, (0, 0)), (33, 1.3, (0, 0)), (-10, 0.6, (12, -7)), (0, 1, (30, 0))):
    parameters = {"degrees": [angle, angle], "scale": [scale, scale], "shear": [shear[0], shear[0], shear[1], shear[1]]}
    case(f"affine {angle} {scale} {shear}", [{"type": "affine", **parameters}], photo, lambda x: F.affine(x, angle, [0, 0], scale, list(shear), fill=0))
for size, sigma in ((3, 0.8), (5, 2), ([7, 3], 0.3), ([1, 9], 10)):
    case(f"gaussianBlur {size} {sigma}", [{"type": "gaussianBlur", "kernelSize": size, "sigma": sigma}], photo,
         lambda x: F.gaussian_blur(x, size if isinstance(size, list) else [size, size], [sigma, sigma]))

steep = np.clip(np.linspace(0, 255, 17 * 18).reshape(1, 17, 18) + random.integers(-40, 40, (3, 17, 18)), 10, 240).astype(np.uint8)
images = (steep, image(1, 9, 16))
changed = []
for number, pixels in enumerate(images):
    for change, (magnitudes, signed) in TrivialAugmentWide._AUGMENTATION_SPACE.items():
        levels = magnitudes(31, *pixels.shape[-2:])
        for index in (0,) if levels is None else (7, 30):
            for negative in (False, True) if signed else (False,):
                magnitude = 0.0 if levels is None else float(levels[index]) * (-1 if negative else 1)
                result = TrivialAugmentWide()._apply_image_or_video_transform(torch.from_numpy(pixels), change, magnitude, "nearest", {torch.Tensor: None})
                changed.append({
                    "change": change, "index": index, "negative": negative, "image": number,
                    "result": result.reshape(-1).tolist(),
                })

trivial = {"images": [{"shape": list(pixels.shape), "pixels": pixels.reshape(-1).tolist()} for pixels in images], "changed": changed}

if __name__ == "__main__":
    for name, values in (("transforms", cases), ("trivialAugment", trivial)):
        text = json.dumps(values).replace("}, {", "},\n{")
        Path(__file__).with_name(f"{name}.json").write_text(text + "\n")

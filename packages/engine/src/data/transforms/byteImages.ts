// Changes images of bytes in place, as torchvision.transforms.v2.functional does on uint8 tensors: sharpness, posterize, solarize,
// autocontrast and equalize. The bytes are whole numbers from 0 to 255 in a Float32Array. colours.ts has the other changes of colours.

const f = Math.fround;

/** The size of an image in an array that begins with its first value. */
export type ImageSize = readonly [channels: number, height: number, width: number];

/**
 * Blends an image with a smoothed one. A factor above 1 sharpens it. Pixels at the edge stay the same.
 * @param blurred memory for one channel
 */
export function adjustSharpness(image: Float32Array, [channels, height, width]: ImageSize, factor: number, blurred: Float32Array): void {
  if (height <= 2 || width <= 2) return;
  const rest = f(1 - factor);
  const pixels = height * width;
  for (let begin = 0; begin < channels * pixels; begin += pixels) {
    for (let row = 1; row < height - 1; row++) {
      for (let at = begin + row * width + 1; at < begin + (row + 1) * width - 1; at++) {
        const above = image[at - width - 1] + image[at - width] + image[at - width + 1];
        const below = image[at + width - 1] + image[at + width] + image[at + width + 1];
        // The sum of the weights is 13. A thirteenth is never half of a whole number, so the rounding is exact.
        blurred[at - begin] = Math.floor((above + below + image[at - 1] + image[at + 1] + 5 * image[at]) / 13 + 0.5);
      }
    }
    for (let row = 1; row < height - 1; row++) {
      for (let at = begin + row * width + 1; at < begin + (row + 1) * width - 1; at++) {
        const value = f(image[at] + (blurred[at - begin] - image[at]) * rest);
        image[at] = Math.floor(Math.min(255, Math.max(0, value)));
      }
    }
  }
}

/** Keeps the highest bits of each byte. */
export function posterize(image: Float32Array, bits: number): void {
  const step = 2 ** (8 - bits);
  for (let i = 0; i < image.length; i++) image[i] = Math.floor(image[i] / step) * step;
}

/** Inverts the bytes that are at least as large as the threshold. */
export function solarize(image: Float32Array, threshold: number): void {
  const limit = f(threshold);
  for (let i = 0; i < image.length; i++) if (image[i] >= limit) image[i] = 255 - image[i];
}

/** Stretches the bytes of each channel to 0 … 255. */
export function autocontrast(image: Float32Array, [channels, height, width]: ImageSize): void {
  const pixels = height * width;
  for (let channel = 0; channel < channels; channel++) {
    const plane = image.subarray(channel * pixels, (channel + 1) * pixels);
    let least = 255;
    let most = 0;
    for (let i = 0; i < pixels; i++) {
      least = Math.min(least, plane[i]);
      most = Math.max(most, plane[i]);
    }
    if (least === most) continue;
    const scale = f((most - least) * f(1 / 255));
    for (let i = 0; i < pixels; i++) plane[i] = Math.floor(Math.min(255, f((plane[i] - least) / scale)));
  }
}

/** Spreads the bytes of each channel, so that all are about equally frequent (Pillow's ImageOps.equalize). */
export function equalize(image: Float32Array, [channels, height, width]: ImageSize): void {
  const pixels = height * width;
  const counts = new Int32Array(256);
  const table = new Float32Array(256);
  for (let channel = 0; channel < channels; channel++) {
    const plane = image.subarray(channel * pixels, (channel + 1) * pixels);
    counts.fill(0);
    for (let i = 0; i < pixels; i++) counts[plane[i]] += 1;
    const largest = counts.findLast((count) => count > 0) ?? 0;
    const step = Math.floor((pixels - largest) / 255);
    if (step === 0) continue;
    let before = Math.floor(step / 2);
    for (let value = 0; value < 256; value++) {
      table[value] = Math.min(255, Math.floor(before / step));
      before += counts[value];
    }
    for (let i = 0; i < pixels; i++) plane[i] = table[plane[i]];
  }
}

/** The functions of this file in Python, for a float32 tensor of whole numbers. */
export const pythonByteImages = `def sharpen(image, factor):
    if min(image.shape[-2:]) <= 2:
        return image
    kernel = torch.tensor([[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]], dtype=torch.float64)[None, None]
    blurred = nn.functional.conv2d(image[:, None].double(), kernel)[:, 0].div(13).round().float()
    result, middle = image.clone(), image[:, 1:-1, 1:-1]
    result[:, 1:-1, 1:-1] = middle.add(blurred - middle, alpha=1.0 - factor)
    return result.clamp(0, 255).floor()


def autocontrast(image):
    least, most = image.amin((-2, -1), keepdim=True), image.amax((-2, -1), keepdim=True)
    stretched = (image - least).div(torch.where(most == least, 1.0, (most - least) * (1.0 / 255))).clamp(0, 255).floor()
    return torch.where(most == least, image, stretched)


def equalize(image):
    planes = []
    for plane in image.long():
        counts = torch.bincount(plane.reshape(-1), minlength=256)
        step = (plane.numel() - counts[counts.nonzero().max()]) // 255
        if step > 0:
            before = torch.cat([counts.new_zeros(1), counts.cumsum(0)[:-1]])
            plane = ((before + step // 2) // step).clamp(0, 255)[plane]
        planes.append(plane)
    return torch.stack(planes).float()`;

// Writes the part of a PyTorch script that transforms samples, with the draws of random transforms. No generator of PyTorch is used,
// because the numbers of a sample must not depend on the order in which samples are read (data/transforms/draws.ts).
import { findDataset } from '../data/datasets/index.ts';
import { numpy } from '../data/transforms/define.ts';
import { samplingOf } from '../data/sampling.ts';
import { findTransform, transformedShape } from '../data/transforms/index.ts';
import type { JobSpec } from '../training/jobSpec.ts';

export interface TransformCode {
  readonly imports: readonly string[];
  readonly functions: string;
  readonly isRandom: boolean;
}

/** Returns the Python function `transform` and, for random transforms, the function that draws. Null for a job without transforms. */
export function transformCode({ seed, data }: JobSpec): TransformCode | null {
  if (data.transforms.length === 0) return null;
  let shape = findDataset(data.dataset).describe(data).inputShape;
  const isRandom = data.transforms.some(({ type }) => findTransform(type).random);
  const isRepeated = samplingOf(data) === 'balanced';
  const imports = new Set<string>(isRandom ? [numpy] : []);
  const functions = new Set<string>();
  const lines: string[] = [];
  for (const [place, spec] of data.transforms.entries()) {
    const definition = findTransform(spec.type);
    const code = definition.pytorch(spec, shape);
    for (const name of code.imports ?? []) imports.add(name);
    for (const text of code.functions ?? []) functions.add(text);
    if (definition.random) lines.push(drawsLine(place, code.draws ?? 4, isRepeated));
    lines.push(...code.lines);
    const transformed = transformedShape([spec], shape);
    if (!transformed.ok) throw transformed.error;
    shape = transformed.shape;
  }
  const body = [...lines, 'return images'].map((line) => `    ${line}\n`).join('');
  const signature = isRandom ? `transform(images, epoch=None, samples=None${isRepeated ? ', earlier=None' : ''})` : 'transform(images)';
  const called = [...functions].map((text) => `\n${text}\n\n`).join('');
  return {
    imports: [...imports],
    functions: `${isRandom ? drawFunction(seed, isRepeated) : ''}${called}\ndef ${signature}:\n${body}`,
    isRandom,
  };
}

const drawsLine = (place: number, draws: number, isRepeated: boolean): string =>
  `draws = None if samples is None else uniform_draws(epoch, samples, ${place}${draws > 4 ? `, ${draws}` : ''}${isRepeated ? ', earlier=earlier' : ''})`;

/** The function that counts how often samples come up, for epochs in which a sample can come up several times. */
const visitsFunction = `
def earlier_visits(samples, visits):
    """How often each sample came before in the epoch. Adds the samples to \`visits\`."""
    earlier = np.empty(len(samples), dtype=np.uint64)
    for row, sample in enumerate(samples.tolist()):
        earlier[row] = visits[sample]
        visits[sample] += 1
    return earlier

`;

const drawFunction = (seed: number, isRepeated: boolean): string => `${isRepeated ? visitsFunction : ''}
def uniform_draws(epoch, samples, place, count=4${isRepeated ? ', earlier=None' : ''}):
    """Numbers from [0, 1) for each sample, at least \`count\`, which depend only on the seed, the epoch, the sample${isRepeated ? ', how often it\n    came before in the epoch' : ''} and the transform's
    place (Philox4x32-10; Salmon et al. 2011)."""
    low = np.uint64(0xFFFFFFFF)
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    c0, c1, c2, c3 = (np.zeros((len(samples), len(blocks)), dtype=np.uint64) for _ in range(4))
    c0, c1 = c0 + samples.numpy().astype(np.uint64)[:, None], c1 + np.uint64(epoch)
    c2 = c2 + np.uint64(place) + np.uint64(256) * blocks
${isRepeated ? '    c3 = c3 + earlier[:, None]\n' : ''}    k0, k1 = ${seed}, 0
    for _ in range(10):
        first, second = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c2 = (second >> np.uint64(32)) ^ c1 ^ np.uint64(k0), (first >> np.uint64(32)) ^ c3 ^ np.uint64(k1)
        c1, c3 = second & low, first & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).reshape(len(samples), -1) / 2.0**32

`;

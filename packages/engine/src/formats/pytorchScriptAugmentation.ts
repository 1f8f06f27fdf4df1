// Writes the part of a PyTorch script that transforms samples, with the draws of random transforms. No generator of PyTorch is used,
// because the numbers of a sample must not depend on the order in which samples are read (data/transforms/draws.ts).
import { findDataset } from '../data/datasets/index.ts';
import { numpy } from '../data/transforms/define.ts';
import { samplingOf } from '../data/sampling.ts';
import { countFitted, findTransform, transformedShape } from '../data/transforms/index.ts';
import type { Shape } from '../shape.ts';
import type { JobSpec } from '../training/jobSpec.ts';

export interface TransformCode {
  readonly imports: readonly string[];
  readonly functions: string;
  /** The code that computes the statistics of the data, after the data was loaded. Empty if no transform needs them. */
  readonly fit: string;
  /** Whether there is a function `transform`. */
  readonly changesSamples: boolean;
  /** Whether `transform` draws. It then needs the epoch and the indices of the samples. */
  readonly isRandom: boolean;
  /** Whether there is a function `mix` of training batches. */
  readonly mixes: boolean;
}

interface Collected {
  readonly imports: Set<string>;
  readonly functions: Set<string>;
  readonly sampleLines: string[];
  readonly batchLines: string[];
  isRandom: boolean;
}

/**
 * Returns the Python functions `transform` and, if there are transforms of whole batches, `mix`, with the functions that draw. Null for a
 * job without transforms.
 */
export function transformCode({ seed, data }: JobSpec): TransformCode | null {
  if (data.transforms.length === 0) return null;
  const { inputShape, target } = findDataset(data.dataset).describe(data);
  const isRepeated = samplingOf(data) === 'balanced';
  const { imports, functions, sampleLines, batchLines, isRandom } = collect(data.transforms, inputShape, isRepeated);
  const mixes = batchLines.length > 0;
  const changesSamples = data.transforms.some(({ type }) => findTransform(type).scope === 'sample');
  const body = (lines: readonly string[]): string => lines.map((line) => `    ${line}\n`).join('');
  const signature = isRandom ? `transform(images, epoch=None, samples=None${isRepeated ? ', earlier=None' : ''})` : 'transform(images)';
  const called = [...functions].map((text) => `\n${text}\n\n`).join('');
  const classes = target.kind === 'class' ? target.classes.length : 0;
  const parts = [
    isRandom || mixes ? philoxFunction(seed) : '',
    isRandom ? sampleDraws(isRepeated) : '',
    mixes ? batchDraws : '',
    called,
    changesSamples ? `\ndef ${signature}:\n${body([...sampleLines, 'return images'])}` : '',
    changesSamples && mixes ? '\n' : '',
    mixes ? `\ndef mix(images, targets, epoch, step):\n${body([oneHot(classes), ...batchLines, 'return images, targets'])}` : '',
  ];
  const fitted = countFitted(data.transforms);
  return {
    imports: [...(isRandom || mixes ? [numpy] : []), ...imports],
    functions: parts.join(''),
    fit: 'statistics.append(channel_statistics(torch.cat([transform(part) for part in inputs.split(256)])))\n'.repeat(fitted),
    changesSamples,
    isRandom,
    mixes,
  };
}

function collect(transforms: JobSpec['data']['transforms'], inputShape: Shape, isRepeated: boolean): Collected {
  const collected: Collected = { imports: new Set(), functions: new Set(), sampleLines: [], batchLines: [], isRandom: false };
  let shape = inputShape;
  let fitted = 0;
  for (const [place, spec] of transforms.entries()) {
    const definition = findTransform(spec.type);
    const code = definition.pytorch(spec, shape, fitted);
    for (const name of code.imports ?? []) collected.imports.add(name);
    for (const text of code.functions ?? []) collected.functions.add(text);
    if (definition.scope === 'batch') {
      collected.batchLines.push(`draws = step_draws(epoch, step, ${place})`, ...code.lines);
    } else {
      if (definition.random) collected.sampleLines.push(drawsLine(place, code.draws ?? 4, isRepeated));
      collected.sampleLines.push(...code.lines);
      collected.isRandom ||= definition.random;
      fitted += definition.needsStatistics === true ? 1 : 0;
    }
    const transformed = transformedShape([spec], shape);
    if (!transformed.ok) throw transformed.error;
    shape = transformed.shape;
  }
  return collected;
}

const oneHot = (classes: number): string => `targets = nn.functional.one_hot(targets, ${classes}).float()`;

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

const philoxFunction = (seed: number): string => `
def philox(c0, c1, c2, c3, stream):
    """Four numbers from [0, 1) for each counter (Philox4x32-10; Salmon et al. 2011)."""
    low = np.uint64(0xFFFFFFFF)
    k0, k1 = ${seed}, stream
    for _ in range(10):
        first, second = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2
        c0, c2 = (second >> np.uint64(32)) ^ c1 ^ np.uint64(k0), (first >> np.uint64(32)) ^ c3 ^ np.uint64(k1)
        c1, c3 = second & low, first & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1) / 2.0**32

`;

const sampleDraws = (isRepeated: boolean): string => `${isRepeated ? visitsFunction : ''}
def uniform_draws(epoch, samples, place, count=4${isRepeated ? ', earlier=None' : ''}):
    """At least \`count\` numbers for each sample, which depend only on the seed, the epoch, the sample${isRepeated ? ', how often it came\n    before in the epoch,' : ''} and the transform's place."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    zeros = np.zeros((len(samples), len(blocks)), dtype=np.uint64)
    sample = zeros + samples.numpy().astype(np.uint64)[:, None]
    place = zeros + np.uint64(place) + np.uint64(256) * blocks
    return philox(sample, zeros + np.uint64(epoch), place, ${isRepeated ? 'zeros + earlier[:, None]' : 'zeros'}, 0).reshape(len(samples), -1)

`;

const batchDraws = `
def step_draws(epoch, step, place):
    """Yields the numbers of a step, which depend only on the seed, the epoch, the step and the transform's place."""
    block = 0
    while True:
        counter = [np.array([word], dtype=np.uint64) for word in (step, epoch, place + 256 * block, 0)]
        yield from philox(*counter, 1)[0].tolist()
        block += 1

`;

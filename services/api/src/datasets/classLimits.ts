// Finds sample limits that would remove a class. Files are often sorted by class, so their first N samples may lack some classes.
// The labels are read from the data, if it is on this machine or in the artifact store.
import { EngineError } from '@trainyard/engine';
import { type DatasetFiles, findDataset, smallestLimit, splitRows } from '@trainyard/engine/data';
import { type JobSpec, type Problem, SpecError } from '@trainyard/engine/spec';
import { ArtifactError, type ArtifactStore, type DatasetRecord, type DatasetStore } from '@trainyard/jobs';
import { LRUCache } from 'lru-cache';
import { ProblemError } from '../problems.ts';
import { firstUploaded, loadBuiltIn, type Part } from './firstSamples.ts';

/** How many samples of a built-in dataset are read. Built-in datasets are shuffled, so this many samples contain every class. */
const BUILT_IN_SAMPLES = 1_000;
const MOST_CACHED = 100;

/** The class indices of the samples of each part. A limit of n samples keeps the first n. `null` if the part cannot be read. */
type Labels = Readonly<Record<Part, ArrayLike<number> | null>>;

interface Services {
  readonly datasets: DatasetStore;
  readonly artifacts: ArtifactStore;
  readonly files: Pick<DatasetFiles, 'find'>;
}

export class ClassLimits {
  readonly #services: Services;
  /** The smallest limits that keep every class, by data and split. */
  readonly #smallest = new LRUCache<string, Promise<Readonly<Record<Part, number>>>>({ max: MOST_CACHED });

  constructor(services: Services) {
    this.#services = services;
  }

  /** Checks the limits of a spec. @throws SpecError if a limit removes all samples of a class. It names the smallest allowed limit */
  async check(spec: JobSpec): Promise<void> {
    const problems = await this.problems(spec);
    if (problems.length > 0) throw new SpecError(problems);
  }

  async problems({ data }: JobSpec): Promise<readonly Problem[]> {
    const limits = (['train', 'test'] as const).flatMap((part) => {
      const limit = (data as Partial<Record<string, unknown>>)[`${part}Limit`];
      return typeof limit === 'number' ? [{ part, limit }] : [];
    });
    const hasClasses = findDataset(data.dataset).describe(data).target.kind === 'class';
    const isUploaded = 'content' in data;
    if (!hasClasses || limits.every(({ limit }) => !isUploaded && limit >= BUILT_IN_SAMPLES)) return [];
    const smallest = await this.#smallestOf(data);
    return limits.flatMap(({ part, limit }) => {
      if (limit >= smallest[part]) return [];
      const what = part === 'train' ? 'training' : 'test';
      const message = `the first ${limit} ${what} samples do not have every class: use at least ${smallest[part]}, or omit the limit`;
      return [{ path: `/data/${part}Limit`, message, code: 'lostClass' }];
    });
  }

  async #smallestOf(data: JobSpec['data']): Promise<Readonly<Record<Part, number>>> {
    const content = 'content' in data ? data.content : undefined;
    const testSplit = 'testSplit' in data ? data.testSplit : undefined;
    const key = JSON.stringify([content?.sha256 ?? data.dataset, testSplit]);
    const known = this.#smallest.get(key);
    if (known !== undefined) return await known;
    const found = this.#labels(data.dataset, testSplit).then(({ train, test }) => ({
      train: train === null ? 0 : smallestLimit(train),
      test: test === null ? 0 : smallestLimit(test),
    }));
    this.#smallest.set(key, found);
    try {
      return await found;
    } catch (error) {
      this.#smallest.delete(key);
      if (!(error instanceof ArtifactError || error instanceof EngineError)) throw error;
      // The data cannot be read now, so the limit is not checked. The job itself waits for its data.
      return { train: 0, test: 0 };
    }
  }

  async #labels(id: string, testSplit: number | undefined): Promise<Labels> {
    const { datasets, artifacts, files } = this.#services;
    const uploaded = await datasets.get(id);
    if (uploaded === null) return await builtInLabels(id, files);
    const labels = async (part: Part) =>
      (await firstUploaded(uploaded, part, samplesOf(uploaded, part), artifacts, 'targets'))?.targets ?? null;
    const train = await labels('train');
    if (testSplit === undefined || train === null) return { train, test: await labels('test') };
    const rows = splitRows(train.length, testSplit);
    return { train: rows.train.map((row) => train[row]), test: rows.test.map((row) => train[row]) };
  }
}

const samplesOf = ({ content }: DatasetRecord, part: Part): number => (part === 'train' ? content.trainSamples : content.testSamples);

/** Returns the labels of the first samples; `null` if the files are not on this machine. */
async function builtInLabels(id: string, files: Pick<DatasetFiles, 'find'>): Promise<Labels> {
  try {
    const { train, test } = await loadBuiltIn(id, files, BUILT_IN_SAMPLES);
    return { train: train.targets, test: test?.targets ?? null };
  } catch (error) {
    if (error instanceof ProblemError) return { train: null, test: null };
    throw error;
  }
}

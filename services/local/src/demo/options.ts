// Reads the demo's command line and builds the job to submit.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The command line is wrong, or the file that it names cannot be used. The message says why. */
export class UsageError extends Error {
  readonly code = 'usage';

  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export const usage = `npm run demo [-- OPTIONS]

Starts a private service in a temporary folder, trains a network as a job, shows its progress, and stops everything.

  --dataset NAME   the dataset to train LeNet on: digits (default, generated) or another one from GET /catalog,
                   such as mnist (read from TRAINYARD_DATASETS, otherwise downloaded)
  --spec FILE      a file with your own job spec, as in the body of POST /jobs
  --epochs N       the number of epochs
  --help           shows this text
`;

/** LeNet-5 with ReLU and max pooling, as in PyTorch's tutorials. */
const lenetFile = new URL('../../../../docs/examples/lenet-digits.json', import.meta.url);

export interface DemoJob {
  readonly help: false;
  /** The title for the headline. */
  readonly title: string;
  /** The body for POST /jobs. The API checks it. */
  readonly spec: unknown;
}
export type DemoRequest = { readonly help: true } | DemoJob;

/**
 * Reads the command line.
 * @param folder the folder for a relative FILE
 * @throws UsageError if an option or the file with the spec is invalid
 */
export async function readDemoRequest(args: readonly string[], folder: string): Promise<DemoRequest> {
  const { dataset, spec: file, epochs: epochsText, help } = parseOptions(args);
  if (help) return { help: true };
  if (file !== undefined && dataset !== undefined)
    throw new UsageError('--spec and --dataset cannot be used together, because a spec names its dataset: omit one of them');
  const epochs = epochsText === undefined ? undefined : readEpochs(epochsText);
  if (file === undefined) {
    const name = dataset ?? 'digits';
    return { help: false, title: `LeNet on ${name}`, spec: await lenet(name, epochs) };
  }
  const spec = await readSpec(resolve(folder, file));
  return { help: false, title: file, spec: epochs === undefined ? spec : { ...spec, epochs } };
}

function parseOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        dataset: { type: 'string' },
        spec: { type: 'string' },
        epochs: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function readEpochs(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new UsageError(`--epochs takes a whole number from 1 up, got ${JSON.stringify(text)}`);
  return Number(text);
}

async function readSpec(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`--spec: ${error instanceof Error ? error.message : String(error)}`);
  });
  const spec = parseJson(text, path);
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec))
    throw new UsageError(`--spec: ${path} does not contain a JSON object`);
  return { ...spec };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--spec: ${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Returns the job of the README, with the given dataset and epochs. */
async function lenet(dataset: string, epochs?: number): Promise<Record<string, unknown>> {
  const spec = await readSpec(fileURLToPath(lenetFile));
  const data = typeof spec['data'] === 'object' ? { ...spec['data'], dataset } : { dataset };
  return { ...spec, name: `lenet-${dataset}`, data, ...(epochs === undefined ? {} : { epochs }) };
}

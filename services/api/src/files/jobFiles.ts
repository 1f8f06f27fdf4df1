// The list of all files that can be downloaded of a job. Only weights are stored. The other files are rendered from the weights, the spec
// and the metrics for each request, so that old jobs get new kinds of files too.
import { engineScript, pytorchScript } from '@trainyard/engine/formats';
import { initialWeightsFile } from '@trainyard/engine/spec';
import { type ArtifactStore, type EventLog, trainedWeightsFile as weights } from '@trainyard/jobs';
import { type FileContent, inMemory, type JobFile } from './jobFile.ts';
import type { FairSemaphore } from '../fairSemaphore.ts';
import { inTurns } from '../http/inTurns.ts';
import { MetricsFiles } from './metricsCsv.ts';
import { onnxFile } from './onnxFile.ts';
import { torchvisionWeights } from './torchvisionWeights.ts';

const octets = 'application/octet-stream';

interface Services {
  readonly artifacts: ArtifactStore;
  readonly eventLog: EventLog;
  /** Limits the pages of long histories that are read at the same time. */
  readonly historyTurns: FairSemaphore;
}

export function jobFiles({ artifacts, eventLog, historyTurns }: Services): readonly JobFile[] {
  const stored = async (jobId: string, name: string): Promise<FileContent | null> => {
    const file = await artifacts.stat(jobId, name);
    if (file === null) return null;
    const { bytes, sha256: digest } = file;
    return { bytes, digest, open: (range) => artifacts.open(jobId, name, range && { start: range.first, end: range.last }) };
  };
  const metrics = new MetricsFiles();
  return [
    {
      name: weights,
      operationId: 'getModel',
      summary: 'The trained weights',
      description: 'A safetensors file. Parameters are named as PyTorch names those of an `nn.Sequential` with the same layers.',
      contentType: octets,
      extension: 'safetensors',
      takesNames: true,
      content: async (job, _caller, { names } = {}) =>
        names === 'torchvision' ? await torchvisionWeights(artifacts, job) : await stored(job.id, weights),
    },
    {
      name: 'model.onnx',
      operationId: 'getOnnx',
      summary: 'The trained network as an ONNX model',
      description:
        'For evaluation, with opset 17. `input` is a batch of samples after the transforms of the data. Its first dimension can have any size.',
      contentType: octets,
      extension: 'onnx',
      content: ({ id, spec }) => onnxFile(artifacts, id, spec, weights),
    },
    {
      name: initialWeightsFile,
      operationId: 'getInitialWeights',
      summary: 'The weights that the job began with',
      description: 'A safetensors file. A job has it only if its spec has `initialWeights`.',
      contentType: octets,
      extension: 'initial.safetensors',
      content: ({ id }) => stored(id, initialWeightsFile),
    },
    {
      name: 'train.py',
      operationId: 'getTrainPy',
      summary: 'The job as a PyTorch script',
      description: 'It trains the same model with the same seed, data and loop, and prints the same learning curve.',
      contentType: 'text/x-python; charset=utf-8',
      extension: 'py',
      content: ({ spec }) => Promise.resolve(inMemory(pytorchScript(spec))),
    },
    {
      name: 'train.ts',
      operationId: 'getTrainTs',
      summary: "The job as a TypeScript script on this service's engine",
      description: 'It trains the same model with the same seed, data and loop, and prints the same learning curve, bit for bit.',
      contentType: 'text/x-typescript; charset=utf-8',
      extension: 'ts',
      content: ({ spec }) => Promise.resolve(inMemory(engineScript(spec))),
    },
    {
      name: 'spec.json',
      operationId: 'getSpec',
      summary: 'The spec, with its defaults and its seed',
      description: 'If you post it as a new job, the same training runs again.',
      contentType: 'application/json; charset=utf-8',
      extension: 'json',
      content: ({ spec }) => Promise.resolve(inMemory(`${JSON.stringify(spec, null, 2)}\n`)),
    },
    {
      name: 'metrics.csv',
      operationId: 'getMetricsCsv',
      summary: 'The metrics of the epochs so far, as a table',
      description: 'The same table as `GET /jobs/{id}/metrics` with `Accept: text/csv`.',
      contentType: 'text/csv; charset=utf-8',
      extension: 'csv',
      content: async ({ id }, caller) => {
        const lastId = (await eventLog.head(id))?.lastId ?? '0-0';
        return await metrics.file(`${id} ${lastId}`, () => inTurns(eventLog.epochPages(id, lastId), historyTurns, caller));
      },
    },
  ];
}

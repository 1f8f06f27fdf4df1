// The program that predicts and renders for the API, one order at a time (see predictions.ts). It keeps networks in memory and decodes
// images. It opens no files. Its memory is limited: it evicts networks before an order, and collects garbage
// after it. If it still uses too much, a thread kills the process (memoryWatch.ts).
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { EngineError } from '@trainyard/engine';
import { colourOf, DataFormatError, decodingFor } from '@trainyard/engine/data';
import type { NamedArray } from '@trainyard/engine/formats';
import {
  type BatchValues,
  imagePreparationOf,
  imageSample,
  type JobSpec,
  NonFiniteNumbers,
  type Prediction,
  Predictor,
} from '@trainyard/engine/spec';
import { nested } from '../files/nested.ts';
import {
  type FromPredictProcess,
  type PredictAnswer,
  type PredictInput,
  type PredictOrder,
  processBytes,
  type ProcessSettings,
  type SentTensor,
  type ToPredictProcess,
} from './messages.ts';
import { ModelCache } from './modelCache.ts';
import { rendered, type RenderOrder } from './render.ts';

/** The most pixels of an image. The size is checked before the image is decoded. */
const mostPixels = 2 ** 26;

const { memoryBytes, cacheBytes } = JSON.parse(process.argv[2] ?? '') as ProcessSettings;
const cache = new ModelCache(cacheBytes);
/** The bytes of weights that the API sends. */
const arriving = process.stdin[Symbol.asyncIterator]();
/** Bytes of the next tensor that have already arrived. */
let unread: Buffer = Buffer.alloc(0);

async function answerOf(order: PredictOrder | RenderOrder): Promise<PredictAnswer> {
  try {
    return { kind: 'done', body: order.kind === 'predict' ? await predicted(order) : rendered(order) };
  } catch (error) {
    if (error instanceof EngineError && error.code === 'outOfMemory') return { kind: 'outOfMemory' };
    const message = error instanceof Error ? error.message : String(error);
    return { kind: error instanceof DataFormatError ? 'refused' : 'failed', message };
  }
}

async function predicted(order: PredictOrder): Promise<Uint8Array> {
  const model = await modelOf(order);
  const prediction = model.predict(await valuesOf(order.input, order.spec), { activations: order.activations });
  cache.keep(order.key, model);
  return new TextEncoder().encode(JSON.stringify({ ...documentOf(prediction, model.classes), ...unknownOf(order.input) }));
}

/** Returns the network of an order, from the cache or built from weights that the API sends. */
async function modelOf({ key, spec, memoryBytes: needed }: PredictOrder): Promise<Predictor> {
  if (cache.makeRoom(memoryBytes - needed, key)) free();
  const known = cache.get(key);
  if (known !== undefined) return known;
  send({ kind: 'needsWeights' });
  const [message] = (await once(process, 'message')) as [ToPredictProcess];
  if (message.kind !== 'weights') throw new TypeError('another order came before the weights');
  const tensors: NamedArray[] = [];
  for (const tensor of message.tensors) tensors.push(await receive(tensor));
  const model = new Predictor(spec, tensors, { maximumBytes: memoryBytes, metadata: message.metadata });
  tensors.length = 0;
  free();
  return model;
}

/** Reads the bytes of one tensor from the standard input. */
async function receive({ name, shape, dtype, bytes }: SentTensor): Promise<NamedArray> {
  const received = new Uint8Array(bytes);
  for (let at = 0; at < bytes; ) {
    if (unread.length === 0) {
      const next = await arriving.next();
      if (next.done === true) throw new TypeError('the weights end too early');
      unread = next.value as Buffer;
    }
    const part = unread.subarray(0, bytes - at);
    received.set(part, at);
    at += part.length;
    unread = unread.subarray(part.length);
  }
  // The weights of a job are float32. Counters, such as those of batch normalization, are int64.
  if (dtype === 'F32') return { name, shape, data: new Float32Array(received.buffer) };
  if (dtype === 'I64') return { name, shape, data: new BigInt64Array(received.buffer) };
  throw new TypeError(`the weights of ${name} are ${dtype}`);
}

async function valuesOf(input: PredictInput, spec: JobSpec): Promise<Uint8Array | Float32Array> {
  if (input.kind === 'values') return input.values;
  const preparation = imagePreparationOf(spec);
  // The decoder is loaded only when it is needed, because it takes memory.
  const { openImage } = await import('../images/decodeImage.ts');
  const opened = await openImage({ name: 'the image', bytes: input.bytes }, mostPixels);
  const image = await opened.decode(decodingFor(opened, preparation, colourOf(preparation.background)));
  return imageSample(image, opened, preparation, input.isInverted);
}

/** Returns the fields that only the response to rows of a table has. */
const unknownOf = (input: PredictInput): object =>
  input.kind === 'values' && input.unknownCategories !== undefined ? { unknownCategories: input.unknownCategories } : {};

function documentOf({ outputs, probabilities, classes, activations }: Prediction, names: readonly string[] | null): object {
  const nonFinite = new NonFiniteNumbers();
  const lists = ({ values, shape }: BatchValues, place: string) => nested(values, shape, place, nonFinite);
  const document = {
    outputs: lists(outputs, 'outputs'),
    probabilities: probabilities === null ? null : lists(probabilities, 'probabilities'),
    classes: classes === null || names === null ? null : classes.map((index) => (index === null ? null : (names[index] ?? String(index)))),
    classIndices: classes,
    ...(activations && {
      activations: activations.map(({ name, type, ...batch }, index) => ({
        name,
        type,
        shape: batch.shape,
        values: lists(batch, `activations/${index}/values`),
      })),
    }),
  };
  return { ...document, ...nonFinite.field };
}

/** Collects garbage if there is much of it: evicted networks, received weights, the numbers of a response. */
function free(): void {
  if (process.memoryUsage.rss() > processBytes + cache.bytes) globalThis.gc?.();
}

function send(message: FromPredictProcess): void {
  process.send?.(message);
}

// Exits when the parent has ended, because nobody needs the answer then.
process.on('disconnect', () => process.exit(1));
process.on('message', (message: ToPredictProcess) => {
  if (message.kind !== 'order') return;
  void answerOf(message.order).then((answer) => {
    free();
    send({ kind: 'answer', answer, residentBytes: process.memoryUsage.rss() });
  });
});
new Worker(new URL('../memoryWatch.js', import.meta.url), { workerData: { memoryBytes, parent: process.ppid } }).once('message', () =>
  send({ kind: 'ready' }),
);

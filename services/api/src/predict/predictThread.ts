// The thread that predicts, so that the API's own goes on answering. It has networks in memory and decodes images; it reads no
// files and knows no HTTP. An order at a time.
import { parentPort, workerData } from 'node:worker_threads';
import { type BatchValues, DataFormatError, imageSample, NonFiniteNumbers, type Prediction, Predictor } from '@trainyard/engine';
import { decodeImage } from '../images/decodeImage.ts';
import { nested } from '../files/nested.ts';
import type { PredictAnswer, PredictInput, PredictOrder } from './messages.ts';
import { ModelCache } from './modelCache.ts';

/** Pixels of an image that are decoded at most; its size is looked at first. */
const mostPixels = 16_777_216;
/** Numbers of all feature maps of an answer. */
const mostActivations = 1_000_000;

const { cacheBytes } = workerData as { cacheBytes: number };
const cache = new ModelCache(cacheBytes);

parentPort?.on('message', (order: PredictOrder) => {
  void answerOf(order).then((answer) => {
    parentPort?.postMessage(answer, answer.kind === 'predicted' ? [answer.body.buffer as ArrayBuffer] : []);
  });
});

async function answerOf({ key, spec, input, activations, weights }: PredictOrder): Promise<PredictAnswer> {
  try {
    const model = cache.get(key) ?? (weights === undefined ? undefined : new Predictor(spec, weights));
    if (model === undefined) return { kind: 'needsWeights' };
    const prediction = model.predict(await valuesOf(input, model), { activations });
    cache.keep(key, model);
    const numbers = prediction.activations?.reduce((sum, { values }) => sum + values.length, 0) ?? 0;
    if (numbers > mostActivations) {
      throw new DataFormatError(`the feature maps hold ${numbers} numbers, and answered are at most ${mostActivations}: send fewer inputs`);
    }
    return {
      kind: 'predicted',
      body: new TextEncoder().encode(JSON.stringify({ ...documentOf(prediction, model.classes), ...unknownOf(input) })),
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: error instanceof DataFormatError ? 'refused' : 'failed', message };
  }
}

async function valuesOf(input: PredictInput, { inputShape }: Predictor): Promise<Uint8Array | Float32Array> {
  if (input.kind === 'values') return input.values;
  return imageSample(await decodeImage({ name: 'the image', bytes: input.bytes }, mostPixels), inputShape);
}

/** What an answer about rows of a table has beside the numbers. */
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
  return { ...document, ...nonFinite.beside };
}

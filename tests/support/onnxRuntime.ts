// Compares a network in evaluation mode with its exported ONNX model in a third-party runtime.
import { encodeWeights, fromFlat, Generator, noGrad, randn, type Sequential, type Shape } from '@trainyard/engine';
import { encodeOnnx } from '@trainyard/engine/formats';
import { checkSpec, type JobSpec, type LayerSpec, layerSchema, buildModel, inferShapes } from '@trainyard/engine/spec';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const BATCH = 3;

/** Returns a spec with these layers and this input shape, and its network with random weights and statistics. */
function networkOf(layers: readonly object[], inputShape: Shape): { spec: JobSpec; model: Sequential } {
  // A `prelu` layer with one slope makes sure that the network has a parameter to train.
  const all: LayerSpec[] = [{ type: 'prelu' }, ...layers].map((layer) => layerSchema.parse(layer));
  const inferred = inferShapes(all, inputShape);
  if (!inferred.ok) throw inferred.error;
  const targetShape = inferred.layers.at(-1)?.outputShape;
  const { spec } = checkSpec({
    seed: 3,
    data: { dataset: 'random', inputShape, targetShape, samples: BATCH },
    model: { layers: all },
    loss: { type: 'mse' },
    optimizer: { type: 'sgd' },
    epochs: 1,
  });
  const generator = new Generator(3);
  const model = buildModel(spec.model.layers, inputShape, generator);
  for (const parameter of model.parameters()) {
    generator.uniform_(parameter.values, -0.8, 0.8);
    parameter.version.count += 1;
  }
  noGrad(() => model.forward(randn([BATCH, ...inputShape], { generator })));
  return { spec, model: model.eval() };
}

export interface RuntimeComparison {
  readonly shape: Shape;
  readonly ourShape: Shape;
  /** The largest |a − b| / max(1, |b|) of all outputs. */
  readonly deviation: number;
}

export interface OnnxResult {
  readonly shape: Shape;
  readonly data: Float32Array;
  /** Null if the model has no such output. */
  readonly probabilities: Float32Array | null;
}

/** Returns the outputs of the ONNX runtime for a model file and inputs. */
export async function runOnnx(file: Uint8Array, inputs: Float32Array, shape: Shape): Promise<OnnxResult> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, executionProviders: ['cpu'], logSeverityLevel: 3 });
  try {
    const { output, probabilities } = await session.run({ input: new Tensor('float32', inputs, [...shape]) });
    return {
      shape: output.dims,
      data: Float32Array.from(output.data as Float32Array),
      probabilities: session.outputNames.includes('probabilities') ? Float32Array.from(probabilities.data as Float32Array) : null,
    };
  } finally {
    await session.release();
  }
}

/** Runs these layers in both runtimes and compares the outputs. */
export async function compareWithRuntime(layers: readonly object[], inputShape: Shape): Promise<RuntimeComparison> {
  const { spec, model } = networkOf(layers, inputShape);
  const shape = [BATCH, ...inputShape];
  const inputs = new Generator(9).normal_(new Float32Array(shape.reduce((product, size) => product * size, 1)));
  const ours = noGrad(() => model.forward(fromFlat(inputs, shape)));
  const theirs = await runOnnx(encodeOnnx(spec, encodeWeights(model).bytes), inputs, shape);
  return { shape: theirs.shape, ourShape: ours.shape, deviation: deviationOf(theirs.data, ours.values) };
}

/** Returns the largest |a − b| / max(1, |b|). A NaN gives Infinity. */
export function deviationOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const distance = Math.abs(a[i] - b[i]) / Math.max(1, Math.abs(b[i]));
    if (Number.isNaN(distance)) return Infinity;
    most = Math.max(most, distance);
  }
  return most;
}

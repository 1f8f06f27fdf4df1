// What is claimed of the engine, and with which tests each claim is shown. `npm run verify` runs them and writes what it saw into
// docs/verification.md; it claims nothing that it did not see.

/** Environment variables that a claim needs beside the project itself. */
export type Need = 'TRAINYARD_DATASETS' | 'TRAINYARD_PEER_PYTHON' | 'TRAINYARD_OTHER_NODE';

interface Shown {
  readonly claim: string;
  readonly needs?: readonly Need[];
}

/** Shown by tests. */
export interface TestedClaim extends Shown {
  /** Arguments of vitest: a project or a config, then files. */
  readonly tests: readonly string[];
  /** What `deviation` of the tests' reports means, for tests that measure one. */
  readonly deviation?: string;
}

/** Shown by a figure of a benchmark. */
export interface MeasuredClaim extends Shown {
  /** Arguments of the benchmark. */
  readonly bench: readonly string[];
  readonly metric: string;
  readonly atMost: number;
}

export type Claim = TestedClaim | MeasuredClaim;

const peer = ['--config', 'tests/peer/vitest.config.ts'];

export const claims: readonly Claim[] = [
  {
    claim: 'Every case of the conformance set equals PyTorch on every backend, none skipped',
    tests: ['--project', 'conformance'],
  },
  {
    claim: 'So do sets that the newest PyTorch makes, with other shapes, options and seeds',
    tests: [...peer, 'tests/peer/conformanceSet.test.ts'],
    needs: ['TRAINYARD_PEER_PYTHON'],
  },
  {
    claim: 'Every layer, loss, optimizer, scheduler, transform and preset describes itself, checks its options and builds what it says',
    tests: [
      '--project',
      'engine',
      'tests/engine/registries.test.ts',
      'tests/engine/presets.test.ts',
      'tests/engine/layers.test.ts',
      'tests/engine/layersPrinted.test.ts',
      'tests/engine/layersRefused.test.ts',
    ],
  },
  {
    claim: 'An entry of a registry that no conformance case and no finite difference proves fails by name',
    tests: ['--project', 'conformance', 'tests/conformance/registries.test.ts'],
  },
  {
    claim: 'On random shapes, strides and broadcasts the gradients are finite differences, and wasm equals the reference',
    tests: [
      '--project',
      'engine',
      'tests/engine/opsProperties.test.ts',
      'tests/engine/opsGradients.test.ts',
      'tests/engine/wasmKernels.test.ts',
    ],
  },
  {
    claim:
      'Two and three threads give the bits of one, kernel by kernel and in whole runs; a thread that is lost is an error, idle ones sleep',
    tests: ['--project', 'engine', 'tests/engine/threadsBits.test.ts', 'tests/engine/threads.test.ts'],
  },
  {
    claim: 'Kernels write and count nothing beyond the arrays and the scratch memory that they are given, at every size',
    tests: [
      '--project',
      'engine',
      'tests/engine/winogradBounds.test.ts',
      'tests/engine/wasmConvVariants.test.ts',
      'tests/engine/wasmPooledConv.test.ts',
      'tests/engine/wasmProducts.test.ts',
    ],
  },
  {
    claim: 'Steps and evaluations that are done again give the bits of those that are made anew, for runs of random specs',
    tests: ['--project', 'engine', 'tests/engine/replay.test.ts', 'tests/engine/training/replayedRuns.test.ts'],
  },
  {
    claim: 'The relaxed mode fuses multiply-adds, and says so in the version that results, weights, checkpoints and workers carry',
    tests: ['--project', 'engine', '--project', 'worker', 'tests/engine/relaxed.test.ts', 'tests/worker/training.test.ts'],
  },
  {
    claim: "Whole runs on real MNIST and CIFAR-10 follow PyTorch's curves from the seed alone",
    tests: ['--project', 'conformance', 'tests/conformance/runs-real-data.test.ts'],
    needs: ['TRAINYARD_DATASETS'],
    deviation: 'largest relative distance of a loss of an epoch',
  },
  {
    claim: 'Every format of data is read, hostile files are refused, transforms are exact, and batches are gathered ahead',
    tests: ['--project', 'engine', 'tests/engine/data/'],
  },
  {
    claim: 'A LeNet that was trained on drawn digits alone reads at least 80 % of the test images of MNIST',
    tests: ['--project', 'conformance', 'tests/conformance/digits-read-mnist.test.ts'],
    needs: ['TRAINYARD_DATASETS'],
    deviation: 'largest share misread',
  },
  {
    claim: 'model.safetensors goes out and in to the bit; names and shapes that do not fit are listed',
    tests: ['--project', 'engine', 'tests/engine/training/weights.test.ts'],
  },
  {
    claim: 'onnxruntime computes model.onnx to 1e-5: every layer, every preset, random networks',
    tests: ['--project', 'engine', 'tests/engine/formats/onnx.test.ts', 'tests/engine/presets.test.ts'],
    deviation: "largest distance of an output from the engine's",
  },
  {
    claim: "The exported train.py gives the job's curve on PyTorch",
    tests: [...peer, 'tests/peer/trainPy.test.ts'],
    needs: ['TRAINYARD_PEER_PYTHON'],
    deviation: 'largest relative distance of a loss or rate',
  },
  {
    claim: "The scripts that jobs export say what the job does; the TypeScript one gives the job's curve bit for bit",
    tests: ['--project', 'engine', 'tests/engine/formats/pytorchScript.test.ts', 'tests/engine/formats/engineScript.test.ts'],
  },
  {
    claim:
      'A run that is stopped anywhere and goes on in a fresh process ends with the same weightsSha256: every optimizer, every scheduler, dropout and augmentation',
    tests: ['--project', 'engine', 'tests/engine/training/checkpoint.test.ts'],
  },
  {
    claim: 'A run that diverges names the first tensor, its layer and its step; it fails or goes on, and all it tells is JSON',
    tests: ['--project', 'engine', 'tests/engine/training/divergence.test.ts'],
  },
  {
    claim: 'Early stopping and gradient clipping do what they say',
    tests: ['--project', 'engine', 'tests/engine/training/stopping.test.ts'],
  },
  {
    claim: 'A run begins with the weights of another job or of a file; what does not fit is listed',
    tests: ['--project', 'api', '--project', 'worker', 'tests/api/weights.test.ts', 'tests/worker/initialWeights.test.ts'],
  },
  {
    claim: 'A fork goes on from a checkpoint with changed hyperparameters; a retry ends with the bits of a run that was never disturbed',
    tests: ['--project', 'api', '--project', 'worker', 'tests/api/successors.test.ts', 'tests/worker/successors.test.ts'],
  },
  {
    claim: "Gradients, evaluations and filters show the run's own numbers, the tutorial's conv1.bias.grad before and after among them",
    tests: [
      '--project',
      'engine',
      '--project',
      'api',
      'tests/engine/training/inside.test.ts',
      'tests/api/inside.test.ts',
      'tests/api/filters.test.ts',
    ],
  },
  {
    claim: 'Looking into every epoch slows a training by at most 3 %',
    bench: ['service', 'inside'],
    metric: 'insideShareOfTraining',
    atMost: 0.03,
  },
  {
    claim: 'Whole runs give the weightsSha256 that is pinned for the engine, and the same under another Node',
    tests: ['--project', 'engine', 'tests/engine/golden/golden.test.ts'],
    needs: ['TRAINYARD_OTHER_NODE'],
  },
];

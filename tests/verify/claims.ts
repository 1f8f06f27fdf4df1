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
    claim: "The engine's results are those of PyTorch for every case of the conformance set, on every backend; no case is skipped",
    tests: ['--project', 'conformance'],
  },
  {
    claim: "The engine's results are also those of the newest PyTorch, for new sets with other shapes, options and seeds",
    tests: [...peer, 'tests/peer/conformanceSet.test.ts'],
    needs: ['TRAINYARD_PEER_PYTHON'],
  },
  {
    claim:
      'Every layer, loss, optimizer, scheduler, transform and preset has a description, checks its options, and builds what it describes',
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
    claim: 'A test fails and names each entry of a registry that neither a conformance case nor finite differences check',
    tests: ['--project', 'conformance', 'tests/conformance/registries.test.ts'],
  },
  {
    claim: 'For random shapes, strides and broadcasts, gradients equal finite differences, and the wasm backend equals the reference',
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
      'Two and three threads give the same bits as one, for each kernel and for whole runs; a lost thread is an error, and idle threads sleep',
    tests: ['--project', 'engine', 'tests/engine/threadsBits.test.ts', 'tests/engine/threads.test.ts'],
  },
  {
    claim: 'Kernels of every size write only to their arrays and scratch memory, and their results do not depend on the bytes around these',
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
    claim: 'Replayed steps and evaluations give the same bits as steps and evaluations without replay, for runs of random specs',
    tests: ['--project', 'engine', 'tests/engine/replay.test.ts', 'tests/engine/training/replayedRuns.test.ts'],
  },
  {
    claim: 'The relaxed mode fuses multiply-adds, and the version in results, weights, checkpoints and workers shows it',
    tests: ['--project', 'engine', '--project', 'worker', 'tests/engine/relaxed.test.ts', 'tests/worker/training.test.ts'],
  },
  {
    claim: "Whole runs on real MNIST and CIFAR-10 follow PyTorch's curves from the seed alone",
    tests: ['--project', 'conformance', 'tests/conformance/runs-real-data.test.ts'],
    needs: ['TRAINYARD_DATASETS'],
    deviation: 'largest relative distance of a loss of an epoch',
  },
  {
    claim: 'Every format of data is read, malicious files are refused, transforms are exact, and batches are prepared ahead',
    tests: ['--project', 'engine', 'tests/engine/data/'],
  },
  {
    claim: 'A LeNet that was trained only on drawn digits reads at least 80 % of the test images of MNIST',
    tests: ['--project', 'conformance', 'tests/conformance/digits-read-mnist.test.ts'],
    needs: ['TRAINYARD_DATASETS'],
    deviation: 'largest share misread',
  },
  {
    claim: 'model.safetensors is written and read bit for bit; names and shapes that do not fit are listed',
    tests: ['--project', 'engine', 'tests/engine/training/weights.test.ts'],
  },
  {
    claim: 'onnxruntime computes the same from model.onnx, to 1e-5, for every layer, every preset and random networks',
    tests: ['--project', 'engine', 'tests/engine/formats/onnx.test.ts', 'tests/engine/presets.test.ts'],
    deviation: "largest distance of an output from the engine's",
  },
  {
    claim: "The exported train.py gives the job's losses on PyTorch",
    tests: [...peer, 'tests/peer/trainPy.test.ts'],
    needs: ['TRAINYARD_PEER_PYTHON'],
    deviation: 'largest relative distance of a loss or rate',
  },
  {
    claim: "The exported scripts do what the job does; the TypeScript script gives the job's losses bit for bit",
    tests: ['--project', 'engine', 'tests/engine/formats/pytorchScript.test.ts', 'tests/engine/formats/engineScript.test.ts'],
  },
  {
    claim:
      'A run that is stopped anywhere and continues in a new process ends with the same weightsSha256, with every optimizer, every scheduler, dropout and augmentation',
    tests: ['--project', 'engine', 'tests/engine/training/checkpoint.test.ts'],
  },
  {
    claim: 'A run that diverges names the first tensor, its layer and its step; it fails or continues, and all its events are JSON',
    tests: ['--project', 'engine', 'tests/engine/training/divergence.test.ts'],
  },
  {
    claim: 'Early stopping and gradient clipping do what they say',
    tests: ['--project', 'engine', 'tests/engine/training/stopping.test.ts'],
  },
  {
    claim: 'A run starts from the weights of another job or of a file; tensors that do not fit are listed',
    tests: ['--project', 'api', '--project', 'worker', 'tests/api/weights.test.ts', 'tests/worker/initialWeights.test.ts'],
  },
  {
    claim: 'A fork continues from a checkpoint with changed hyperparameters; a retry ends with the same bits as an undisturbed run',
    tests: ['--project', 'api', '--project', 'worker', 'tests/api/successors.test.ts', 'tests/worker/successors.test.ts'],
  },
  {
    claim: "Gradients, evaluations and filters show the numbers of the run, such as the tutorial's conv1.bias.grad before and after",
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
    claim: 'Keeping gradients and evaluations of every epoch slows a training by at most 3 %',
    bench: ['service', 'inside'],
    metric: 'insideShareOfTraining',
    atMost: 0.03,
  },
  {
    claim: "Whole runs give the weightsSha256 that is recorded for the engine's version, also on another Node",
    tests: ['--project', 'engine', 'tests/engine/golden/golden.test.ts'],
    needs: ['TRAINYARD_OTHER_NODE'],
  },
];

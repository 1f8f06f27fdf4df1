// The memory that a layer needs in training and in predictions, in addition to its parameters. It is part of the layer's definition, and
// training/memory.ts adds it up for a list of layers. All sizes are counts of values (not bytes) for one sample.

/** The memory for padded images and transformed tiles, as a share of the arrays that the kernels read and write. */
const SCRATCH = 0.5;

/** The sizes of a layer's arrays. */
export interface LayerSizes {
  readonly input: number;
  readonly output: number;
  /** The values between the layer's parts: `innerActivations` of its cost. */
  readonly inner: number;
  /** The values while the gradients of an inner layer are computed: `innerGradients` of its cost. */
  readonly innerGradients: number;
}

export interface LayerMemory {
  /**
   * Which array the backward pass reads to compute the gradient of the input. `nothing`: neither input nor output, because the gradient
   * depends only on shapes, options, or values that are counted in the layer's cost. A layer that returns its input, such as flatten, keeps
   * the default.
   */
  readonly gradientReads: 'input' | 'output' | 'nothing';
  /** How many arrays of the output's size are kept for the backward pass. 0 if the output uses the input's array. */
  readonly keptOutputs: number;
  /** Returns how many values exist at the same time while the input's gradient is computed: gradients and scratch memory of kernels. */
  gradientValues(sizes: LayerSizes): number;
  /** Returns how many values a prediction needs at the same time in addition to the layer's input and output. */
  predictionValues(sizes: LayerSizes): number;
  /** Whether kernels make a packed or transformed copy of the layer's weights. */
  readonly packsWeights: boolean;
  /** Whether the layer, or a layer inside it, can have a buffer that counts batches. */
  readonly hasCounters: boolean;
  /** The layer's role in a group of neighbouring layers that one operation can compute (fusion.ts), or null. */
  readonly fusedAs: 'start' | 'rectifier' | 'pooling' | null;
}

/** The default: the layer is one operation that reads its input and allocates each array. */
export const defaultMemory: LayerMemory = {
  gradientReads: 'input',
  keptOutputs: 1,
  gradientValues: ({ input, output }) => input + output,
  // One more output is counted, because activations and norms that consist of several operations need one more array.
  predictionValues: ({ output, inner }) => output + inner,
  packsWeights: false,
  hasCounters: false,
  fusedAs: null,
};

/** For a layer that writes its input's gradient into the array of its output's gradient. */
export const gradientInPlace: Partial<LayerMemory> = { gradientValues: ({ output }) => output };

/** For a layer whose kernels pad images, transform tiles or pack weights. */
export const kernelScratch: Partial<LayerMemory> = {
  gradientValues: ({ input, output }) => (1 + SCRATCH) * (input + output),
  predictionValues: ({ input, output, inner }) => inner + SCRATCH * Math.max(input, output),
};

/** How many values a norm over rows keeps for each row: mean, variance, factor and summand. Its gradient needs the same number again. */
export const VALUES_PER_ROW = 4;

/** For a norm over rows. Its cost counts the values per row as inner activations. */
export const rowStatistics: Partial<LayerMemory> = { gradientValues: ({ input, output, inner }) => input + output + inner };

/** For a layer that consists of other layers. Any of them may need scratch memory or have counters. */
export const memoryOfBlock: Partial<LayerMemory> = {
  // An inner layer may have larger arrays than the whole. Meanwhile, the gradient of the output is kept for the other list of layers.
  gradientValues: ({ input, output, innerGradients }) =>
    Math.max((1 + SCRATCH) * (output + Math.max(input, 2 * output)), output + innerGradients),
  predictionValues: ({ output, inner }) => output + inner * (1 + SCRATCH),
  packsWeights: true,
  hasCounters: true,
};

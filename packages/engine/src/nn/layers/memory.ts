// What a layer's training and predictions keep in memory beside its parameters. A layer's definition holds it, and training/memory.ts adds
// it up for a list of layers. All sizes are numbers of values of one sample.

/** What kernels need for padded images and transformed tiles, as a share of the arrays that they read and write. */
const SCRATCH = 0.5;

/** The sizes of a layer's arrays. */
export interface LayerSizes {
  readonly input: number;
  readonly output: number;
  /** The values between the layer's parts, from its cost. */
  readonly inner: number;
}

export interface LayerMemory {
  /**
   * The array that the gradient of the input is computed from. `nothing` is for a layer whose gradient follows from shapes, options or
   * from values that its cost counts. A layer that hands on its input, such as flatten, leaves the default.
   */
  readonly gradientReads: 'input' | 'output' | 'nothing';
  /** How many arrays of the output's size exist until the backward pass. It is 0 if the output is the input's array. */
  readonly keptOutputs: number;
  /** Returns the values that exist at the same time while the input's gradient is computed: gradients and kernels' memory. */
  gradientValues(sizes: LayerSizes): number;
  /** Returns the values that a prediction needs at the same time beside the layer's input and output. */
  predictionValues(sizes: LayerSizes): number;
  /** Whether kernels make a packed or transformed copy of the layer's weights. */
  readonly packsWeights: boolean;
  /** Whether the layer has a buffer that counts, or can hold a layer with one. */
  readonly hasCounters: boolean;
  /** The layer's place among neighbours that one operation can compute (fusion.ts), or null. */
  readonly fusedAs: 'start' | 'rectifier' | 'pooling' | null;
}

/** The memory of a layer whose definition says nothing else: one operation that reads its input and makes each array anew. */
export const defaultMemory: LayerMemory = {
  gradientReads: 'input',
  keptOutputs: 1,
  gradientValues: ({ input, output }) => input + output,
  // Activations and norms that consist of several operations need one more array.
  predictionValues: ({ output, inner }) => output + inner,
  packsWeights: false,
  hasCounters: false,
  fusedAs: null,
};

/** For a layer whose input's gradient is written over its output's gradient. */
export const gradientInPlace: Partial<LayerMemory> = { gradientValues: ({ output }) => output };

/** For a layer whose kernels pad images, transform tiles or pack weights. */
export const kernelScratch: Partial<LayerMemory> = {
  gradientValues: ({ input, output }) => (1 + SCRATCH) * (input + output),
  predictionValues: ({ input, output, inner }) => inner + SCRATCH * Math.max(input, output),
};

/** The values that a norm over rows keeps for each row: mean, variance, factor and summand. Its gradient needs as many more. */
export const VALUES_PER_ROW = 4;

/** For a norm over rows, whose cost counts the values per row as inner values. */
export const rowStatistics: Partial<LayerMemory> = { gradientValues: ({ input, output, inner }) => input + output + inner };

/** For a layer that consists of other layers, any of which may need scratch memory or count. */
export const memoryOfBlock: Partial<LayerMemory> = {
  gradientValues: ({ input, output }) => (1 + SCRATCH) * (output + Math.max(input, 2 * output)),
  predictionValues: ({ output, inner }) => output + inner * (1 + SCRATCH),
  packsWeights: true,
  hasCounters: true,
};

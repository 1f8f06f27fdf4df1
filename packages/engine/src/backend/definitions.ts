// The names that the engine and its kernels both know: operations, and the sizes of convolutions and poolings. A name's index in its list
// is its number in the kernels. For sizes, it is the index of the size's int32 word in memory. The build of the kernels (kernels/build.mjs)
// imports this file and generates the kernels' constants and classes from these lists, so a new name must be added only in this file. The
// names of the activations are in activations.ts.

/** Element-wise functions of one operand. */
export const unaryOps = ['neg', 'exp', 'log', 'sqrt', 'square', 'abs', 'relu'] as const;

/** Element-wise functions of two operands. */
export const binaryOps = ['add', 'sub', 'mul', 'div', 'pow', 'maximum'] as const;

/** Sizes of a 2-D convolution in NCHW. Weight: [outChannels, inChannels/groups, kernelHeight, kernelWidth]. */
export const convSizes = [
  'batch',
  'inChannels',
  'height',
  'width',
  'outChannels',
  'kernelHeight',
  'kernelWidth',
  'strideHeight',
  'strideWidth',
  // Zeros before the first row and the first column. The number of zeros after the last ones follows from the output's size.
  'padTop',
  'padLeft',
  'dilationHeight',
  'dilationWidth',
  'groups',
  'outHeight',
  'outWidth',
] as const;

/** Sizes of a 2-D pooling over `planes` = batch × channels maps. */
export const poolSizes = [
  'planes',
  'height',
  'width',
  'kernelHeight',
  'kernelWidth',
  'strideHeight',
  'strideWidth',
  'padTop',
  'padLeft',
  'dilationHeight',
  'dilationWidth',
  'outHeight',
  'outWidth',
] as const;

/**
 * What a Winograd plan is for: the result, only the gradient of the input, or the gradient of the weight (with or without the gradient of
 * the input).
 */
export const winogradPurposes = ['result', 'gradientOfInput', 'gradients'] as const;

// The names that the engine and its kernels both know: operations, and the sizes of convolutions and poolings. A name's place in its
// list is its number in the kernels, or the place of its int32 word in memory. The build of the kernels (kernels/build.mjs) reads these
// lists and writes the kernels' constants and classes from them, so a name is added here and nowhere else. This file imports nothing.

/** Element-wise functions of one operand. */
export const unaryOps = ['neg', 'exp', 'log', 'sqrt', 'square', 'abs', 'relu'] as const;

/** Element-wise functions of two operands. */
export const binaryOps = ['add', 'sub', 'mul', 'div', 'pow', 'maximum'] as const;

/**
 * Activations. Four of them have parameters a and b: softplus(beta, threshold), leakyRelu(slope), elu(alpha) and clamp(min, max).
 */
export const activationOps = [
  'sigmoid',
  'tanh',
  'silu',
  'softplus',
  'gelu',
  'geluTanh',
  'leakyRelu',
  'elu',
  'relu6',
  'hardSwish',
  'erf',
  'clamp',
] as const;

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

/** What the plan of a Winograd convolution is for: the result, the gradient of the input alone, or the gradient of the weight too. */
export const winogradPurposes = ['result', 'gradientOfInput', 'gradients'] as const;

// The kernels' module: what the engine's wasm backend can call. Kernels get addresses of float32 (or int32) elements in
// linear memory and sizes in elements, allocate nothing and keep no state, so that any number of threads may run them
// over one shared memory. Each sum has an order that depends on its sizes alone.
export { heapBase } from './memory';
export { fill, copy, addScaled, reluBackward, unary, binaryScalar } from './elementwise';
export { binary, gather } from './broadcast';
export { sumTo, sumOfSquares } from './reduce';
export { linear, matmul, matmulScratch } from './matmul';
export { conv2d, conv2dBackwardInput, conv2dBackwardWeight, planConv2d, planConv2dBackwardInput } from './conv2d';
export { depthwise, depthwiseBackwardInput, depthwiseBackwardWeight, planDepthwise } from './depthwise';
export { maxPool2d, maxPool2dBackward } from './pool2d';
export { resample2d } from './resample';
export { copyRuns, selectRows, selectRowsBackward } from './runs';
export { logSoftmax, logSoftmaxBackward } from './softmax';
export { sgd, adam } from './optimizers';
export { rmsprop, adadelta, adamax } from './adaptive';
export { activation, activationBackward } from './activations';
export { channelMoments, channelProducts, channelScale, channelCombine } from './channels';

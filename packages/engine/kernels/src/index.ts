// The module of the kernels that the engine's wasm backend calls. Kernels get sizes in elements and addresses of float32 (or int32)
// elements in linear memory. They allocate nothing and keep no state, so any number of threads may run them over one shared memory. The
// order of each sum depends only on sizes.
//
// The last parameters of a parallel kernel are `from: i32, to: i32`: the range of units that it computes. A unit is, for example, an
// image, a plane or a block of elements. Units depend only on sizes. Each unit writes its own outputs. If several units add to one sum, each
// has its own partial sum, and a later kernel adds these in a fixed order. So a result's bits depend neither on the number of threads nor on
// the thread that runs a unit. A thread's own memory while it runs units is its `ownScratch` (memory.ts). Data that all threads read (sizes,
// a plan, packed weights) is written before the kernel is called. All other parameters are numbers (i32, usize, f32), because they may be
// passed through memory.
export { heapBase, setThread } from './memory';
export { blocksOf } from './blocks';
export { fill, fillBlocks, copy, addScaled, reluBackward, unary, binaryScalar } from './elementwise';
export { binary, binaryUnits, gather, gatherUnits } from './broadcast';
export { sumTo, sumToScratch, sumToUnits, sumOfSquares } from './reduce';
export { dots, dotUnits } from './dots';
export { matmul, matmulScratch, matmulUnits } from './matmul';
export { conv2d, packConv2d, packedBytes, packUnits, planConv2d, planConv2dBackwardInput } from './conv2d';
export { addParts, conv2dBackwardWeight, unpackConv2d, weightParts } from './conv2d';
export { columnSums, outerProduct } from './linear';
export { directConvReluPool, directConvScratch, directConvWeights, packDirectConv } from './directConv';
export { packTiledConv, tiledConvReluPool, tiledConvScratch, tiledConvWeights } from './tiledConv';
export { convReluPoolBackward, packedWindows, packWindows, pooledBackwardScratch, pooledBackwardSums, pooledBackwardTotal } from './pooledBackward';
export { depthwise, depthwiseBackwardInput, depthwiseBackwardWeight, planDepthwise } from './depthwise';
export { maxPool2d, maxPool2dBackward } from './pool2d';
export { resample2d } from './resample';
export { scalePixels } from './pixels';
export { copyRuns, selectRows, selectRowsBackward, selectRowsBackwardUnits } from './runs';
export { logSoftmax, logSoftmaxBackward } from './softmax';
export { sgd, adam } from './optimizers';
export { rmsprop, adadelta, adamax } from './adaptive';
export { activation, activationBackward } from './activations';
export { channelMoments, channelProducts, channelScale, channelCombine } from './channels';
export { planWinograd, winograd, winogradBlocks, winogradOwnBytes, winogradStrips, winogradTurnedBytes } from './winograd';
export { winogradTurnedStrips, winogradWeightBytes, winogradWeights } from './winograd';
export { winogradBackward, winogradPartBytes, winogradParts, winogradSumWeights } from './winogradBackward';

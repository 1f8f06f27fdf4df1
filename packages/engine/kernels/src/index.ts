// The kernels' module: what the engine's wasm backend can call. Kernels get addresses of float32 (or int32) elements in
// linear memory and sizes in elements, allocate nothing and keep no state, so that any number of threads may run them
// over one shared memory. Each sum has an order that depends on its sizes alone.
//
// A parallel kernel's last parameters are `from: i32, to: i32`: it processes these of its units, the pieces of a fixed
// partition of its work that follows from sizes alone (an image, a plane, a block of elements). Units write outputs of their own;
// where they add to one sum, each has its partial sums, which a later kernel adds in a fixed order. So the bits of a
// result depend neither on the number of threads nor on who takes which unit. What a thread alone may write while it
// runs units is its `ownScratch` (memory.ts); everything else that is shared (a geometry, a plan, packed weights) is
// written by an earlier call. All other parameters are numbers (i32, usize, f32), for they may travel through memory.
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

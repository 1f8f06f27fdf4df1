// The list of layers that contain no other layers, and the classes of these layers, for programs that build networks without a job spec. The
// registry in index.ts adds residual and branches, which contain such layers. A new layer needs a file next to this one, and three lines here. The registry
// is the default export, because the engine's main entry exports everything else of this file.
import type { z } from 'zod';
import { registry } from '../../registry.ts';
import { adaptiveAvgPool2d } from './adaptiveAvgPool2d.ts';
import { avgPool2d } from './avgPool2d.ts';
import { batchNorm1d, batchNorm2d } from './batchNorm.ts';
import { conv2d } from './conv2d.ts';
import { convTranspose2d } from './convTranspose2d.ts';
import { dropout } from './dropout.ts';
import { dropout2d } from './dropout2d.ts';
import { elu } from './elu.ts';
import { flatten } from './flatten.ts';
import { gelu } from './gelu.ts';
import { groupNorm } from './groupNorm.ts';
import { hardSigmoid } from './hardSigmoid.ts';
import { hardSwish } from './hardSwish.ts';
import { instanceNorm2d } from './instanceNorm2d.ts';
import { layerNorm } from './layerNorm.ts';
import { leakyRelu } from './leakyRelu.ts';
import { linear } from './linear.ts';
import { logSoftmax } from './logSoftmax.ts';
import { maxPool2d } from './maxPool2d.ts';
import { mish } from './mish.ts';
import { prelu } from './prelu.ts';
import { relu } from './relu.ts';
import { relu6 } from './relu6.ts';
import { sigmoid } from './sigmoid.ts';
import { silu } from './silu.ts';
import { softmax } from './softmax.ts';
import { softplus } from './softplus.ts';
import { squeezeExcite } from './squeezeExcite.ts';
import { tanh } from './tanh.ts';
import { upsample } from './upsample.ts';

export { AdaptiveAvgPool2d } from './adaptiveAvgPool2d.ts';
export { AvgPool2d, type AvgPool2dLayerOptions } from './avgPool2d.ts';
export { BatchNorm1d, BatchNorm2d, type BatchNormLayerOptions } from './batchNorm.ts';
export { Conv2d, type Conv2dLayerOptions } from './conv2d.ts';
export { ConvTranspose2d, type ConvTranspose2dLayerOptions } from './convTranspose2d.ts';
export { Dropout } from './dropout.ts';
export { Dropout2d } from './dropout2d.ts';
export { ELU } from './elu.ts';
export { Flatten } from './flatten.ts';
export { GELU } from './gelu.ts';
export { GroupNorm, type GroupNormLayerOptions } from './groupNorm.ts';
export { Hardsigmoid } from './hardSigmoid.ts';
export { Hardswish } from './hardSwish.ts';
export { InstanceNorm2d, type InstanceNormLayerOptions } from './instanceNorm2d.ts';
export { LayerNorm, type LayerNormLayerOptions } from './layerNorm.ts';
export { LeakyReLU } from './leakyRelu.ts';
export { Linear, type LinearLayerOptions } from './linear.ts';
export { LogSoftmax } from './logSoftmax.ts';
export { MaxPool2d, type MaxPool2dLayerOptions } from './maxPool2d.ts';
export { Mish } from './mish.ts';
export { PReLU } from './prelu.ts';
export { ReLU } from './relu.ts';
export { ReLU6 } from './relu6.ts';
export { Sigmoid } from './sigmoid.ts';
export { SiLU } from './silu.ts';
export { Softmax } from './softmax.ts';
export { Softplus } from './softplus.ts';
export { SqueezeExcitation, type SqueezeExcitationOptions } from './squeezeExcite.ts';
export { Tanh } from './tanh.ts';
export { Upsample, type UpsampleLayerOptions } from './upsample.ts';

const plainLayers = registry('layer', [
  conv2d,
  convTranspose2d,
  linear,
  maxPool2d,
  avgPool2d,
  adaptiveAvgPool2d,
  upsample,
  batchNorm2d,
  batchNorm1d,
  layerNorm,
  groupNorm,
  instanceNorm2d,
  dropout,
  dropout2d,
  relu,
  relu6,
  leakyRelu,
  elu,
  gelu,
  silu,
  sigmoid,
  tanh,
  softplus,
  softmax,
  logSoftmax,
  prelu,
  hardSwish,
  hardSigmoid,
  mish,
  squeezeExcite,
  flatten,
]);
export default plainLayers;

/** A layer of a job spec that contains no other layers, with defaults filled in. */
export type PlainLayerSpec = z.output<typeof plainLayers.schema>;
/** A layer of a job spec that contains no other layers, before defaults are filled in. */
export type PlainLayerInput = z.input<typeof plainLayers.schema>;

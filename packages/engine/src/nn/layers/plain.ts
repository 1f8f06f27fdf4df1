// The list of layers that contain no other layers. The registry in index.ts adds residual, which contains such layers. A new layer needs a
// file next to this one, a line here, and a line in modules.ts.
import type { z } from 'zod';
import { registry } from '../../registry.ts';
import { adaptiveAvgPool2d } from './adaptiveAvgPool2d.ts';
import { avgPool2d } from './avgPool2d.ts';
import { batchNorm1d, batchNorm2d } from './batchNorm.ts';
import { conv2d } from './conv2d.ts';
import { convTranspose2d } from './convTranspose2d.ts';
import { dropout } from './dropout.ts';
import { elu } from './elu.ts';
import { flatten } from './flatten.ts';
import { gelu } from './gelu.ts';
import { groupNorm } from './groupNorm.ts';
import { hardSwish } from './hardSwish.ts';
import { layerNorm } from './layerNorm.ts';
import { leakyRelu } from './leakyRelu.ts';
import { linear } from './linear.ts';
import { logSoftmax } from './logSoftmax.ts';
import { maxPool2d } from './maxPool2d.ts';
import { prelu } from './prelu.ts';
import { relu } from './relu.ts';
import { relu6 } from './relu6.ts';
import { sigmoid } from './sigmoid.ts';
import { silu } from './silu.ts';
import { softmax } from './softmax.ts';
import { softplus } from './softplus.ts';
import { tanh } from './tanh.ts';
import { upsample } from './upsample.ts';

export const plainLayers = registry('layer', [
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
  dropout,
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
  flatten,
]);

/** A layer that contains no others, with its defaults filled in. */
export type PlainLayerSpec = z.output<typeof plainLayers.schema>;
/** A layer that contains no others, before defaults are filled in. */
export type PlainLayerInput = z.input<typeof plainLayers.schema>;

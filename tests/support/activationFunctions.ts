// The activations that the engine exports as functions of a tensor. The list is derived from the engine's table, so a new activation is
// tested without a change here.
import * as ops from '@trainyard/engine';
import type { Tensor } from '@trainyard/engine';
import { type ActivationOp, activationOps } from '../../packages/engine/src/backend/activations.ts';

type ActivationName = Exclude<ActivationOp, 'geluTanh'>;
const exported: Readonly<Record<ActivationName, (x: Tensor) => Tensor>> = ops;

/** The functions with their names and default parameters, without `geluTanh`, which is an option of gelu. */
export const activationFunctions: readonly (readonly [name: ActivationName, compute: (x: Tensor) => Tensor])[] = activationOps
  .filter((name) => name !== 'geluTanh')
  .map((name) => [name, exported[name]]);

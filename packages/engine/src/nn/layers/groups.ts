// The option `groups` of convolutions and transposed convolutions.
import { z } from 'zod';
import { ShapeError } from '../../errors.ts';

/** The schema of the option. */
export const groupsOption = z
  .int()
  .min(1)
  .default(1)
  .describe('The number of groups of channels. Each group of output channels reads only its own group of input channels');

/** @throws ShapeError if `groups` does not divide both numbers of channels */
export function checkGroups(groups: number, inChannels: number, outChannels: number): void {
  if (inChannels % groups === 0 && outChannels % groups === 0) return;
  throw new ShapeError(`groups ${groups} must divide both the ${inChannels} input and the ${outChannels} output channels`, 'groups');
}

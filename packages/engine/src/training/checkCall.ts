// Checks the arguments of `train`.
import { checkOptions, isOptions } from '../argumentChecks.ts';
import { ArgumentError } from '../errors.ts';
import type { TrainOptions } from './events.ts';
import type { JobSpec } from './jobSpec.ts';

/** @throws ArgumentError for a spec that was not checked, and for unknown options */
export function checkCall(spec: JobSpec, options: TrainOptions): void {
  checkOptions('train', options, [
    'files',
    'signal',
    'initialWeights',
    'resumeFrom',
    'checkpointDue',
    'inspect',
    'openLoader',
    'stepEventMs',
  ] satisfies (keyof TrainOptions)[]);
  if (typeof (options.files as unknown) !== 'object') {
    throw new ArgumentError(
      'train: the option files is missing: new NodeDatasetFiles({ folders: [], home: folder }) reads them from the disk',
    );
  }
  const given: unknown = spec;
  if (!isOptions(given) || typeof given['seed'] !== 'number' || typeof given['priority'] !== 'number') {
    throw new ArgumentError('train: the spec was not checked: use train(checkSpec(spec).spec, options)');
  }
}

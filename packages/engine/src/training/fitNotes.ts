// The log messages about initial weights: what was changed so that they fit the network, and which parts of the spec had no effect. Changes
// that were made before a job's file was stored are recorded in the metadata of the file, because the job's log begins later.
import { z } from 'zod';
import { parse, show } from '../validation.ts';
import { PARALLEL_PREFIX, type WeightsFit } from './fitWeights.ts';

/** A line of a job's log. */
export interface Note {
  readonly level: 'info' | 'warn';
  readonly message: string;
}

/** A rename or a pattern of `initialWeights` that matches no name of the file. */
export type Unmatched = readonly [option: 'rename' | 'exclude' | 'include', text: string];

/** The changes that were made before a file was stored. */
export interface RecordedFit extends Pick<WeightsFit, 'prefix' | 'isTorchvision'> {
  readonly unmatched: readonly Unmatched[];
}

/** The metadata keys of a file: the removed prefix, the names that were translated, and what matched nothing. */
const keys = { prefix: 'removedPrefix', names: 'translatedNames', unmatched: 'unmatched' } as const;
const TORCHVISION = 'torchvision';
/** The most names of kept tensors that a message has. */
const MOST_NAMES = 10;

const unmatchedSchema = z.array(z.tuple([z.enum(['rename', 'exclude', 'include']), z.string().max(200)])).max(200);

const info = (message: string): Note => ({ level: 'info', message: `initial weights: ${message}` });

/** Returns the log messages about the changes that made the weights fit. */
export function notesOfFit(fit: Omit<WeightsFit, 'mismatches'>, tensors: number): Note[] {
  const { prefix, missingCounters, isTorchvision, kept = [] } = fit;
  const notes = changes({ prefix, unmatched: [], ...(isTorchvision && { isTorchvision }) });
  if (missingCounters.length > 0) {
    notes.push(
      info(`${missingCounters.join(', ')} ${missingCounters.length === 1 ? 'is missing and counts' : 'are missing and count'} as 0`),
    );
  }
  if (kept.length > 0) {
    const rest = kept.length > MOST_NAMES ? ', …' : '';
    notes.push(
      info(`${kept.length} of ${tensors} tensors are missing and keep their random values: ${kept.slice(0, MOST_NAMES).join(', ')}${rest}`),
    );
  }
  return notes;
}

function changes({ prefix, isTorchvision, unmatched }: RecordedFit): Note[] {
  return [
    ...unmatched.map(([option, text]): Note => ({ level: 'warn', message: `initial weights: ${option} ${show(text)} matches no name` })),
    ...(prefix === '' ? [] : [info(`the prefix "${prefix}" was removed from all names`)]),
    ...(isTorchvision === true ? [info("the names of torchvision were replaced by the model's names")] : []),
  ];
}

/** Returns the metadata that records changes in a file. {@link notesOfFile} reads it. */
export function metadataOfFit({ prefix, isTorchvision, unmatched }: RecordedFit): Record<string, string> {
  return {
    ...(prefix !== '' && { [keys.prefix]: prefix }),
    ...(isTorchvision === true && { [keys.names]: TORCHVISION }),
    ...(unmatched.length > 0 && { [keys.unmatched]: JSON.stringify(unmatched) }),
  };
}

/** Returns the log messages about changes that were made before the file was stored. */
export function notesOfFile(metadata: Readonly<Record<string, string>>): Note[] {
  return changes({
    prefix: metadata[keys.prefix] === PARALLEL_PREFIX ? PARALLEL_PREFIX : '',
    unmatched: unmatchedOf(metadata[keys.unmatched]),
    ...(metadata[keys.names] === TORCHVISION && { isTorchvision: true }),
  });
}

/** Reads a list that {@link metadataOfFit} wrote. A user may have written the metadata of a file, so anything else counts as no list. */
function unmatchedOf(text: string | undefined): readonly Unmatched[] {
  if (text === undefined) return [];
  try {
    const parsed = parse(unmatchedSchema, JSON.parse(text));
    return parsed.ok ? parsed.data : [];
  } catch {
    return [];
  }
}

// Turns the progress reports of loading data into events of the run.
import type { LoadProgress } from '../data/files.ts';
import type { TrainingEvent } from './events.ts';

/** Runs `load` and yields its progress. Reports that arrive while the consumer handles another report are dropped. */
export async function* reportingProgress<T>(
  load: (onProgress: (progress: LoadProgress) => void) => Promise<T>,
): AsyncGenerator<TrainingEvent, T, void> {
  let report = Promise.withResolvers<LoadProgress>();
  const loaded = load((progress) => report.resolve(progress));
  const ended = loaded.then(() => null);
  for (;;) {
    const progress = await Promise.race([ended, report.promise]);
    if (progress === null) return await loaded;
    report = Promise.withResolvers();
    yield { type: 'progress', ...progress };
  }
}

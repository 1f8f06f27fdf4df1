// Schemas, and types inferred from them, for the data that is exchanged between client, API and worker. No behaviour.
export * from './answers.ts';
export * from './dataset.ts';
export * from './events.ts';
export * from './job.ts';
export * from './jobActions.ts';
export * from './metrics.ts';
export * from './problem.ts';
export * from './spec.ts';
export * from './status.ts';
export * from './sweep.ts';
export * from './webhook.ts';
export * from './weights.ts';
export * from './worker.ts';

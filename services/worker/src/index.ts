// The worker's parts, for those who run it inside another process and for the tests. Importing it starts nothing; the
// process is main.ts.
export { type ChildDeath, describeDeath } from './childDeath.ts';
export { ChildPool, type PoolOptions } from './childPool.ts';
export { EventOutbox } from './eventOutbox.ts';
export type { Ending, ReportedEvent } from './messages.ts';
export type { TrainSignals } from './serveTraining.ts';
export { describeError } from './runError.ts';
export { runProcess } from './runProcess.ts';
export { type Assignment, type ChildOptions, ChildStartError, type Outcome, TrainingChild } from './trainingChild.ts';
export { TrainingWorker, type TrainingWorkerOptions } from './worker.ts';
export { UploadedData } from './uploadedData.ts';

// The parts of the worker, for the tests and for programs that run a worker inside their own process. Importing this file starts nothing;
// main.ts is the program.
export { type ChildDeath, describeDeath } from './childDeath.ts';
export { type WorkerConfig, workerConfig } from './config.ts';
export { ChildPool, type PoolOptions } from './childPool.ts';
export { EventOutbox } from './eventOutbox.ts';
export type { ReportedEnd, ReportedEvent } from './messages.ts';
export type { TrainSignals } from './serveTraining.ts';
export { describeError } from './runError.ts';
export { type Assignment, type ChildOptions, ChildStartError, type TrainingEnd, TrainingChild } from './trainingChild.ts';
export { startWorker, type TrainingWorker, workerService } from './worker.ts';
export { UploadedData } from './uploadedData.ts';

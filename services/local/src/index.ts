// The local service, for the tests and for programs that run it inside their own process. Importing this file starts nothing; the programs
// are start.ts and demo.ts.
export { RefusedError } from './demo/jobClient.ts';
export { type EpochLosses, lossChart } from './demo/lossChart.ts';
export { type DemoJob, type DemoRequest, readDemoRequest, UsageError } from './demo/options.ts';
export { Progress, type ProgressOptions, type Screen } from './demo/progress.ts';
export { LocalService, type LocalServiceOptions } from './localService.ts';
export { ServiceProcess, type ServiceProcessOptions, ServiceStartError } from './serviceProcess.ts';

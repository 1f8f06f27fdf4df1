// `npm start`: runs the whole service on this machine until Ctrl-C or SIGTERM. A second signal hands back running jobs at once, a third one
// exits at once. When jobs can be submitted, it prints `listening on http://HOST:PORT` to standard output. All messages and logs go to
// standard error.
import { ClosedError, interruptionSignals, onInterruption } from '@trainyard/jobs';
import closeWithGrace from 'close-with-grace';
import { LocalService } from './localService.ts';

const log = (message: string): void => {
  process.stderr.write(`${message}\n`);
};

const service = new LocalService({ env: process.env, log });
const { close } = closeWithGrace({ delay: false, skip: interruptionSignals }, async ({ err }) => {
  if (err) log(`stopping after an unhandled error: ${err.stack ?? err.message}`);
  await service.close();
});
const actions = [close, () => service.endGrace(), () => process.exit(1)];
onInterruption(() => actions.shift()?.());

try {
  await service.start();
  process.stdout.write(`listening on ${service.url}\n`);
} catch (error) {
  // An interrupted start is not an error: it exits with the code of a normal stop.
  if (!(error instanceof ClosedError)) {
    log(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}

// `npm start`: the whole service on this machine, until Ctrl-C or SIGTERM; a second one does not wait for the job in hand, a
// third not for anything. Prints `listening on http://HOST:PORT` on standard output once jobs are served, and nothing else
// there; messages and logs go to standard error.
import { interruptionSignals, onInterruption } from '@trainyard/jobs';
import closeWithGrace from 'close-with-grace';
import { LocalService, LocalServiceClosedError } from './localService.ts';

const log = (message: string): void => {
  process.stderr.write(`${message}\n`);
};

const service = new LocalService({ env: process.env, log });
const { close } = closeWithGrace({ delay: false, skip: interruptionSignals }, async ({ err }) => {
  if (err) log(`stopping after an error that nobody handled: ${err.stack ?? err.message}`);
  await service.close();
});
const answers = [close, () => service.hurry(), () => process.exit(1)];
onInterruption(() => answers.shift()?.());

try {
  await service.start();
  process.stdout.write(`listening on ${service.url}\n`);
} catch (error) {
  // Whoever interrupted the start knows why it ended, and waits for the exit code of a stop.
  if (!(error instanceof LocalServiceClosedError)) {
    log(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}

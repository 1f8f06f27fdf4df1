// What a team's thread does: it takes shares of the current job, polls for the next job for about a millisecond, and then sleeps until
// there is one. The platform makes the thread (src/node).
import { type Kernels, unitRunners } from './kernels.generated.ts';
import type { TeamSetup } from './team.ts';
import { Team, takeShare, teamRecordAt } from './teamRecord.ts';
import { Instance, type WasmMemoryObject } from './webAssembly.ts';

/**
 * How long an idle thread polls for work before it sleeps. Waking a thread takes about 100 µs, and the serial parts of a step are shorter
 * than 1 ms.
 */
const LOOKOUT_MS = 1;
/** How many times the job's number is read between two reads of the clock. This takes about 5 µs. */
const LOOKS = 1_000;

/** Runs shares until the team is closed. It blocks the thread, which handles no other events until then. */
export function serveTeam({ module, memory, record, threads, thread }: TeamSetup): void {
  const shared = memory as WasmMemoryObject;
  const kernels = new Instance(module, { env: { memory: shared } }).exports as Kernels;
  kernels.setThread(thread);
  const { words, args } = teamRecordAt(shared.buffer, record, threads);
  Atomics.add(words, Team.present, 1);
  Atomics.notify(words, Team.present);
  for (;;) {
    const turn = Atomics.load(words, Team.turn);
    for (let share = takeShare(words, threads, thread); share >= 0; share = takeShare(words, threads, thread)) {
      const length = words[Team.length];
      runShare(kernels, words, args, share * length, Math.min(words[Team.units], (share + 1) * length));
    }
    if (Atomics.load(words, Team.closed) === 1) return;
    awaitTurn(words, turn);
  }
}

/** Tells the team that this thread has ended, for any reason. Call it when the thread ends. */
export function leaveTeam({ memory, record, threads }: TeamSetup): void {
  const { words } = teamRecordAt((memory as WasmMemoryObject).buffer, record, threads);
  if (Atomics.load(words, Team.closed) === 1) return;
  Atomics.store(words, Team.failed, 1);
  Atomics.notify(words, Team.unfinished);
}

function runShare(kernels: Kernels, words: Int32Array, args: Float64Array, from: number, to: number): void {
  try {
    unitRunners[words[Team.kernel]](kernels, args, from, to);
  } catch {
    Atomics.store(words, Team.failed, 1);
  }
  // The share counts as finished in both cases. The computing thread then reads `failed`.
  if (Atomics.sub(words, Team.unfinished, 1) === 1 && Atomics.load(words, Team.waiting) === 1) Atomics.notify(words, Team.unfinished);
}

/** Waits until the number of the job is no longer `turn`: there is a new job, or the team was closed. */
function awaitTurn(words: Int32Array, turn: number): void {
  const until = performance.now() + LOOKOUT_MS;
  while (performance.now() < until) {
    for (let looks = LOOKS; looks > 0; looks--) if (Atomics.load(words, Team.turn) !== turn) return;
  }
  Atomics.add(words, Team.asleep, 1);
  Atomics.wait(words, Team.turn, turn);
  Atomics.sub(words, Team.asleep, 1);
}

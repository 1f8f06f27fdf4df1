// What a thread of a team does: takes shares of the job in hand, looks out for the next job for about a millisecond, then sleeps
// until there is one. How it came to be is the platform's (src/node); what it must not do is return before it is told to.
import { type Kernels, unitRunners } from './kernels.generated.ts';
import type { TeamSetup } from './team.ts';
import { Team, takeShare, teamRecordAt } from './teamRecord.ts';
import { Instance, type WasmMemoryObject } from './webAssembly.ts';

/** How long an idle thread looks out for work before it sleeps: waking costs some 100 µs, a step's serial parts are shorter. */
const LOOKOUT_MS = 1;
/** Looks between two looks at the clock: some 5 µs. */
const LOOKS = 1_000;

/** Serves until the team is closed. Blocks the thread: it hears of nothing else. */
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

/** Tells the team that this thread will not come back, for whatever reason: call it when the thread ends. */
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
  // The share counts as done in either case: whoever waits for it sees the failure.
  if (Atomics.sub(words, Team.unfinished, 1) === 1 && Atomics.load(words, Team.waiting) === 1) Atomics.notify(words, Team.unfinished);
}

/** Returns when there may be work: the turn is another one. */
function awaitTurn(words: Int32Array, turn: number): void {
  const until = performance.now() + LOOKOUT_MS;
  while (performance.now() < until) {
    for (let looks = LOOKS; looks > 0; looks--) if (Atomics.load(words, Team.turn) !== turn) return;
  }
  Atomics.add(words, Team.asleep, 1);
  Atomics.wait(words, Team.turn, turn);
  Atomics.sub(words, Team.asleep, 1);
}

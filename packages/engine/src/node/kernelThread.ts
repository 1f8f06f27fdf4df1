// The thread of kernelThreads.ts. It computes for its backend until the backend is closed.
import { workerData } from 'node:worker_threads';
import type { TeamSetup } from '../backend/wasm/team.ts';
import { leaveTeam, serveTeam } from '../backend/wasm/teamMember.ts';

const setup = workerData as TeamSetup;

// The thread that computes may be blocked, and then gets no event when this thread ends.
process.on('exit', () => leaveTeam(setup));
serveTeam(setup);

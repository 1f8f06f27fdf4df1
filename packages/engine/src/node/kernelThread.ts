// The thread of kernelThreads.ts: serves its backend's team until it is closed.
import { workerData } from 'node:worker_threads';
import type { TeamSetup } from '../backend/wasm/team.ts';
import { leaveTeam, serveTeam } from '../backend/wasm/teamMember.ts';

const setup = workerData as TeamSetup;

// The computing thread may be asleep and deaf to events when this one ends.
process.on('exit', () => leaveTeam(setup));
serveTeam(setup);

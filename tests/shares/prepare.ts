// Creates the jobs and the dataset that the attacks use, with the attacker's key, before anything is measured.
import { Generator } from '@trainyard/engine';
import { type Dataset, npzPieces } from '@trainyard/engine/data';
import type { Prepared } from './attacks/attack.ts';
import { deepJob, historyJob, post, succeeded, tinyJob } from './jobs.ts';
import { ask, type Caller, expectStatus } from './requests.ts';

/** Builds a dataset of 8,000 equal noise images: 24 MB. */
function noise(): Dataset {
  const [length, size] = [8_000, 3 * 32 * 32];
  const values = new Generator(0).uniform_(new Float32Array(size), 0, 256);
  const inputs = new Uint8Array(length * size);
  for (let sample = 0; sample < length; sample++) inputs.set(values, sample * size);
  const target = { kind: 'class', classes: ['a', 'b'] } as const;
  return { length, inputShape: [3, 32, 32], inputs, target, targets: Int32Array.from({ length }, (_, index) => index % 2) };
}

/**
 * Creates the jobs and the dataset that the attacks need. If no attack needs a job, a tiny job is created in its place.
 * @param attacks the names of the attacks
 */
export async function prepare(caller: Caller, attacks: readonly string[]): Promise<Prepared> {
  const needs = (...names: readonly string[]): boolean => attacks.some((name) => name === 'all' || names.includes(name));
  const deep = await post(caller, needs('predictions', 'exports', 'bodies', 'dripping') ? deepJob : tinyJob);
  await succeeded(caller, deep.id);
  const past = await post(caller, needs('history', 'streams') ? historyJob : tinyJob);
  await succeeded(caller, past.id);
  const endless = await post(caller, { ...historyJob, seed: 1 });
  await expectStatus(ask(caller, `/jobs/${endless.id}/pause`, { method: 'POST' }), 202);
  const form = new FormData();
  form.set('name', 'attack');
  form.set('file', new Blob([...npzPieces({ train: noise(), test: null })].map((piece) => Uint8Array.from(piece))), 'noise.npz');
  const dataset = (await expectStatus(ask(caller, '/datasets', { body: form }), 201)) as { readonly id: string };
  return { deepJobId: deep.id, historyJobId: past.id, pausedJobId: endless.id, datasetId: dataset.id };
}

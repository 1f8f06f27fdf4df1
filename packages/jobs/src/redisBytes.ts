// Estimates of the memory of Redis that jobs and sweeps take, from what is known when they are made. Measured on Redis 7: a queued job takes
// about 8 KB beside its spec, and each epoch about 280 bytes.

/** Bytes of the record of a job or a sweep, with its places in lists and queues, beside its specs. */
export const recordMemory = 8_192;

/** Bytes of an event. */
export const eventMemory = 300;

/** Bytes of a job that has not ended: room for all of its epochs. */
export function jobMemory(specBytes: number, epochs: number): number {
  return recordMemory + specBytes + eventMemory * epochs;
}

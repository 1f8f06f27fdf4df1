// Estimates the Redis memory of jobs and sweeps from what is known at their creation. Measured with Redis 7: a queued job takes about 8 KB
// in addition to its spec, and each epoch about 280 bytes.

/** Bytes of the record of a job or a sweep and its entries in lists and queues, without its specs. */
export const recordMemory = 8_192;

/** Bytes of one event. */
export const eventMemory = 300;

/** Returns the estimated bytes of a job that has not ended. They include the events of all its epochs. */
export function jobMemory(specBytes: number, epochs: number): number {
  return recordMemory + specBytes + eventMemory * epochs;
}

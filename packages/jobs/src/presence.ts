// Only what it takes to ask Redis which workers there are: a container's health check does nothing else, every few seconds, and loading
// the whole package would cost it more than the question.
export { closeRedis, connectRedis } from './redis/connection.ts';
export { servicePrefix } from './redis/keys.ts';
export { WorkerPresence } from './workerPresence.ts';

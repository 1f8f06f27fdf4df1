// Runs Lua scripts. ioredis sends the hash of a script, and its text if Redis does not know the hash.
import type { Redis } from 'ioredis';

export interface Script {
  /** The command's name on the connection. */
  readonly name: string;
  readonly lua: string;
}

type ScriptCommand = (...keysAndArguments: (string | number)[]) => Promise<unknown>;

/** Runs a script. It may also use keys that are not in `keys`; all have the same hash tag. */
export async function runScript(redis: Redis, script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
  if (typeof Reflect.get(redis, script.name) !== 'function') redis.defineCommand(script.name, { lua: script.lua });
  const command = Reflect.get(redis, script.name) as ScriptCommand;
  const reply = await Reflect.apply(command, redis, [keys.length, ...keys, ...args]);
  return reply as Reply;
}

/** The reply of a script: a word for what happened, then values. A Lua integer arrives as a number. */
export type Reply = readonly [string, ...(string | number)[]];

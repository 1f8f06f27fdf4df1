// How a Lua script is named and run. ioredis sends its hash and falls back to its text where Redis does not know it.
import type { Redis } from 'ioredis';

export interface Script {
  /** The command's name on the connection. */
  readonly name: string;
  readonly lua: string;
}

type ScriptCommand = (...keysAndArguments: (string | number)[]) => Promise<unknown>;

/** Runs the script. Every key it touches must be in `keys`; it answers with an array whose first element says what happened. */
export async function runScript(redis: Redis, script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
  if (typeof Reflect.get(redis, script.name) !== 'function') redis.defineCommand(script.name, { lua: script.lua });
  const command = Reflect.get(redis, script.name) as ScriptCommand;
  const reply = await Reflect.apply(command, redis, [keys.length, ...keys, ...args]);
  return reply as Reply;
}

/** `[what happened, values …]`; a Lua integer arrives as a number. */
export type Reply = readonly [string, ...(string | number)[]];

// Lua scripts that run in Redis. The text of a script is packages/jobs/lua/<name>.lua. In it, the keys and arguments of the script are
// local variables, and `keys.<name>` stands for the member `<name>` of `RedisKeys`.
import { finalStatuses } from '@trainyard/contracts';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { eventMemory, recordMemory } from '../record.ts';
import { type RedisKeys, redisKeys } from '../redis/keys.ts';
import { luaTexts } from './lua.generated.ts';

/** Names of two entries in `RedisKeys.files`: the bytes of the job's spec and notes, and of its events. No file has such a name. */
export const specEntry = ':spec';
export const eventsEntry = ':events';

type Value = string | number;

export interface ScriptDefinition<Key extends string, Argument extends string, List extends string, Reply> {
  readonly name: keyof typeof luaTexts;
  /** The keys that the caller names. The script may use other keys with the same hash tag; it then has the argument `tag`. */
  readonly keys?: readonly Key[];
  readonly args?: readonly Argument[];
  /**
   * Arguments that are lists. They may be empty. If the script passes a list to one command, the list may have at most a few thousand
   * values.
   */
  readonly lists?: readonly List[];
  /** The replies of the script. A Lua integer arrives as a number. */
  readonly reply: z.ZodType<Reply>;
}

type ScriptInput<Key extends string, Argument extends string, List extends string> = Readonly<
  Record<Key, string> & Record<Argument, Value> & Record<List, readonly Value[]>
>;

/** Runs a script with values for its keys and arguments. */
export type Script<Key extends string, Argument extends string, List extends string, Reply> = (
  redis: Redis,
  input: ScriptInput<Key, Argument, List>,
) => Promise<Reply>;

type ScriptCommand = (...keysAndArguments: Value[]) => Promise<unknown>;

/** Defines a script. ioredis sends its hash, and its text if Redis does not know the hash. */
export function defineScript<Reply, Key extends string = never, Argument extends string = never, List extends string = never>(
  definition: ScriptDefinition<Key, Argument, List, Reply>,
): Script<Key, Argument, List, Reply> {
  const { name, keys = [], args = [], lists = [], reply } = definition;
  const command = `trainyard:${name}`;
  let lua: string | undefined;
  return async (redis, input) => {
    if (typeof Reflect.get(redis, command) !== 'function') {
      lua ??= scriptText({ name, keys, args, lists });
      redis.defineCommand(command, { lua, numberOfKeys: keys.length });
    }
    const values: Value[] = [...keys.map((key) => input[key]), ...args.map((argument) => input[argument])];
    for (const name of lists) {
      const list: readonly Value[] = input[name];
      values.push(list.length);
      for (const value of list) values.push(value);
    }
    return reply.parse(await Reflect.apply(Reflect.get(redis, command) as ScriptCommand, redis, values));
  };
}

/** Returns the schema of a reply that begins with a word for the outcome. */
export function replies<const Word extends string, const Values extends readonly z.ZodType[]>(word: Word, ...values: Values) {
  return z.tuple([z.literal(word), ...values]);
}

/** Returns the schema of replies that are only a word. */
export function words<const Words extends readonly string[]>(...allowed: Words) {
  return z.tuple([z.literal(allowed)]);
}

/** The reply of a script that checks quotas: the quota, its limit, the current usage, seconds to wait. */
export const overQuota = replies(
  'overQuota',
  z.enum(['queuedJobs', 'storageBytes', 'redisBytes', 'trainingSeconds']),
  z.coerce.number(),
  z.coerce.number(),
  z.number(),
);

export type OverQuota = z.infer<typeof overQuota>;

/** Lua with the table `constants`, for scripts that use it. */
const constants =
  `local constants = { specEntry = '${specEntry}', eventsEntry = '${eventsEntry}', recordMemory = ${recordMemory}, eventMemory = ${eventMemory}, ` +
  `isFinal = { ${finalStatuses.map((status) => `${status} = true`).join(', ')} } }\n`;

interface Names {
  readonly name: keyof typeof luaTexts;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  readonly lists: readonly string[];
}

/** Returns the whole text of a script: its local variables, then the text of its file. */
function scriptText({ name, keys, args, lists }: Names): string {
  const body: string = luaTexts[name];
  const variables = [
    ...keys.map((key, at) => `local ${key} = KEYS[${at + 1}]\n`),
    ...args.map((arg, at) => `local ${arg} = ARGV[${at + 1}]\n`),
  ];
  return variables.join('') + listVariables(lists, args.length) + (body.includes('constants.') ? constants : '') + keyNames(body) + body;
}

/** Returns Lua that reads lists: the number of their values, then the values. */
function listVariables(lists: readonly string[], first: number): string {
  if (lists.length === 0) return '';
  const reader = `local listEnd = ${first}
local function nextList()
  local list, from = {}, listEnd + 1
  listEnd = from + ARGV[from]
  for at = from + 1, listEnd do list[at - from] = ARGV[at] end
  return list
end
`;
  return reader + lists.map((list) => `local ${list} = nextList()\n`).join('');
}

/** Placeholders for the parameters of a {@link RedisKeys} function. */
const parameters = ['<0>', '<1>', '<2>'];

/** Returns Lua with the table `keys`, which has the members of {@link RedisKeys} that a script uses. They need the script's `tag`. */
function keyNames(body: string): string {
  const names = new Set([...body.matchAll(/\bkeys\.(\w+)/g)].map(([, name = '']) => name));
  if (names.size === 0) return '';
  const members = redisKeys('prefix');
  return `local keys = { ${[...names].map((name) => `${name} = ${keyText(members, name)}`).join(', ')} }\n`;
}

function keyText(members: RedisKeys, name: string): string {
  const member: unknown = Reflect.get(members, name);
  const key = String(typeof member === 'function' ? Reflect.apply(member, members, parameters) : member);
  if (!key.startsWith(members.tag)) throw new RangeError(`a script uses keys.${name}, which RedisKeys does not have`);
  const used = parameters.filter((parameter) => key.includes(parameter));
  const names = used.map((_, at) => `a${at}`);
  const parts = key
    .slice(members.tag.length)
    .split(/(<\d>)/)
    .filter((part) => part !== '');
  const text = ['tag', ...parts.map((part) => names[used.indexOf(part)] ?? `'${part}'`)].join(' .. ');
  return typeof member === 'function' ? `function(${names.join(', ')}) return ${text} end` : text;
}

// The environment variables of the processes that predict and that read uploads. These processes need none, and some variables are secrets.

/** Returns the variable of Node's cache of compiled code, which makes the start of a process faster; nothing if it is not set. */
export function childEnvironment({ NODE_COMPILE_CACHE }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
}

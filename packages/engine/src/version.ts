// The engine version that is stored with results. It increases with every change after which a spec gives weights with different bits. So
// results of the same spec with the same version (without a suffix) have the same weightsSha256.

export const engineVersion = '0.9.0';

/** The version of results of the relaxed kernels. Their bits may differ between machines. */
export const relaxedEngineVersion = `${engineVersion}+relaxed`;

/**
 * Returns the version of a run whose first steps were computed by version `before` and whose steps after a resume were computed by `now`.
 * If the two differ, the result is `now` with `mixed` appended: the bits then depend on where the run was resumed, so they may differ
 * between any two runs.
 */
export function versionAfter(before: string, now: string): string {
  const mixed = `${now}${now.includes('+') ? '.' : '+'}mixed`;
  return before === now ? now : mixed;
}

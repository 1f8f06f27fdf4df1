// The engine's version as results carry it. It rises whenever a spec's weights would come out with other
// bits, so that equal versions mean equal weightsSha256.

export const engineVersion = '0.9.0';

/** Of results that relaxed kernels computed: another machine may give other bits. */
export const relaxedEngineVersion = `${engineVersion}+relaxed`;

/**
 * Of a run whose steps were computed by version `before` and, since it was taken up, by `now`. Where these differ it is `now` with
 * `mixed` behind it, which no engine has alone: the bits depend on where the run was taken up, and no other run is taken for it.
 */
export function versionAfter(before: string, now: string): string {
  const mixed = `${now}${now.includes('+') ? '.' : '+'}mixed`;
  return before === now ? now : mixed;
}

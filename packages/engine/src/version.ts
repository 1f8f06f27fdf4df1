// The engine's version as results carry it. It rises whenever a spec's weights would come out with other
// bits, so that equal versions mean equal weightsSha256.

export const engineVersion = '0.9.0';

/** Of results that relaxed kernels computed: another machine may give other bits. */
export const relaxedEngineVersion = `${engineVersion}+relaxed`;

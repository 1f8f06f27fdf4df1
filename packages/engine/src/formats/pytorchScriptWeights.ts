// The parts of a PyTorch script about single weights: which are frozen. The script selects them by the patterns of the spec.
import type { JobSpec } from '../training/jobSpec.ts';

const hasPatterns = ({ freeze }: JobSpec): boolean => freeze !== undefined;

/** Returns the import that {@link globs} needs. It is sorted after `from collections`. */
export const globImport = (spec: JobSpec): string[] => (hasPatterns(spec) ? ['from fnmatch import fnmatchcase'] : []);

/** Returns the function that matches names with patterns; '' if the spec has no patterns. */
export function globs(spec: JobSpec): string {
  if (!hasPatterns(spec)) return '';
  return `
def matches(name, patterns):
    """Whether a pattern matches the whole name of a weight, or of a module that holds it."""
    parts = name.split(".")
    holders = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
    return any(fnmatchcase(holder, pattern) for holder in holders for pattern in patterns)
`;
}

/** Returns patterns as a Python list. fnmatch also knows `?` and `[…]`, so these characters are written as sets of one character. */
function pythonPatterns(patterns: readonly string[]): string {
  const escaped = patterns.map((pattern) => JSON.stringify(pattern.replaceAll(/[?[]/g, (character) => `[${character}]`)));
  return `[${escaped.join(', ')}]`;
}

/** Returns the code that freezes weights, and the function that replaces `model.train()`; '' if nothing is frozen. */
export function freezing({ freeze }: JobSpec): string {
  if (freeze === undefined) return '';
  return `
frozen = ${pythonPatterns(freeze)}
for name, parameter in model.named_parameters():
    parameter.requires_grad_(not matches(name, frozen))
frozen_norms = [
    module
    for name, module in model.named_modules()
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and any(matches(f"{name}.{key}", frozen) for key in module.state_dict())
]


def training_mode():
    model.train()
    for norm in frozen_norms:
        norm.eval()


training_mode()
`;
}

/** Returns the statement that switches the model to training mode. */
export const trainingMode = ({ freeze }: JobSpec): string => (freeze === undefined ? 'model.train()' : 'training_mode()');

// The parts of a PyTorch script about single weights: which are frozen, and in which group of the optimizer they are. The script selects them
// by the patterns of the spec.
import { findOptimizer } from '../optim/index.ts';
import type { JobSpec } from '../training/jobSpec.ts';
import { groupPatterns } from '../training/presetPatterns.ts';
import { frozenPatterns, weightShapes } from '../training/weightsOutline.ts';
import { pythonCall, pythonEntries } from './pytorchScriptCode.ts';

const hasPatterns = ({ freeze, optimizer }: JobSpec): boolean => freeze !== undefined || optimizer.groups !== undefined;

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
export function freezing(spec: JobSpec): string {
  const patterns = frozenPatterns(spec);
  if (patterns === undefined) return '';
  return `
frozen = ${pythonPatterns(patterns)}
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

/** Returns the code that makes the optimizer. Its own options are those of the first group of parameters, which may have none. */
export function optimizerCode(spec: JobSpec): string {
  const { optimizer } = spec;
  const definition = findOptimizer(optimizer.type);
  const construction = definition.pytorch(optimizer);
  if (optimizer.groups === undefined) return `optimizer = ${pythonCall(construction, 'model.parameters()')}`;
  const patterns = groupPatterns(
    spec,
    weightShapes(spec).map(({ name }) => name),
  );
  const listed = patterns.every((pattern) => typeof pattern === 'string')
    ? pythonPatterns(patterns)
    : `[${patterns.map((pattern) => pythonPatterns([pattern].flat())).join(', ')}]`;
  const choice = listed.startsWith('[[') ? 'pattern' : '[pattern]';
  const changes = optimizer.groups.map((group, index) => {
    const entries = pythonEntries(definition.pytorchGroup(group)).map((entry) => `, ${entry}`);
    return `    {"params": groups[${index + 1}]${entries.join('')}},`;
  });
  return `group_patterns = ${listed}
groups = [[] for _ in range(${patterns.length + 1})]
for name, parameter in model.named_parameters():
    group = next((index for index, pattern in enumerate(group_patterns, 1) if matches(name, ${choice})), 0)
    groups[group].append(parameter)
parameter_groups = [
    {"params": groups[0]},
${changes.join('\n')}
]
optimizer = ${pythonCall(construction, 'parameter_groups')}`;
}

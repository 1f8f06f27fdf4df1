// Writes the code of definitions in Python: literals, and calls of PyTorch's classes.
import type { Argument, Construction } from '../construction.ts';

/** PyTorch's names of options, where they are not our names in snake_case. */
const pythonNames: Readonly<Record<string, string>> = {
  learningRate: 'lr',
  maxLearningRate: 'max_lr',
  minLearningRate: 'min_lr',
  tMax: 'T_max',
  t0: 'T_0',
  tMult: 'T_mult',
};

const pythonName = (option: string): string => pythonNames[option] ?? option.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Returns the code of a call, such as `nn.Conv2d(1, 6, 5, padding=2)`. @param leading the code of the first arguments */
export function pythonCall({ name, positional, named }: Construction, ...leading: readonly string[]): string {
  // In PyTorch named children are passed as one ordered dictionary.
  if (name === 'nn.Sequential' && Array.isArray(positional[0]))
    return `nn.Sequential(OrderedDict([${positional.map(pythonLiteral).join(', ')}]))`;
  const options = Object.entries(named).map(([option, value]) => `${pythonName(option)}=${pythonLiteral(value)}`);
  return `${name}(${[...leading, ...positional.map(pythonLiteral), ...options].join(', ')})`;
}

/** Returns named arguments as the entries of a dictionary: `"weight_decay": 0.0`. */
export function pythonEntries(named: Construction['named']): string[] {
  return Object.entries(named).map(([option, value]) => `"${pythonName(option)}": ${pythonLiteral(value)}`);
}

export function pythonLiteral(value: Argument): string {
  if (value === null) return 'None';
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if ('float' in value) return pythonFloat(value.float);
  if ('variable' in value) return pythonName(value.variable);
  if ('tensor' in value) return `torch.tensor(${pythonTensor(value.tensor)})`;
  if ('name' in value) return pythonCall(value);
  return value.length === 1 ? `(${pythonLiteral(value[0])},)` : `(${value.map(pythonLiteral).join(', ')})`;
}

/** Returns a number as code that Python reads as a float. */
export function pythonFloat(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
}

function pythonTensor(values: number | readonly number[]): string {
  return typeof values === 'number' ? pythonFloat(values) : `[${values.map(pythonFloat).join(', ')}]`;
}

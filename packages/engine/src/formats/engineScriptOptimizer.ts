// The parts of a TypeScript program about the optimizer: its construction, and the statements of the training loop that use it. With groups
// there is one optimizer and one schedule for each group.
import type { Construction } from '../construction.ts';
import { findOptimizer, type GroupOptions, optionsOfGroups } from '../optim/index.ts';
import { groupsOfNames } from '../training/parameterGroups.ts';
import type { JobSpec } from '../training/jobSpec.ts';
import { groupPatterns } from '../training/presetPatterns.ts';
import { outlineWeights } from '../training/weightsOutline.ts';
import { construction, Imports, literal } from './engineScriptCode.ts';

/** Returns the call that makes an optimizer. @param parameters the code of its parameters */
function optimizerCode(built: Construction, parameters: string): string {
  return construction({ ...built, name: `optim.${built.name.replace(/^optim\./, '')}` }, new Imports(), parameters);
}

/** Returns the lines that make the optimizer, or the optimizers of its groups, and their schedules. */
export function makeOptimizers(spec: JobSpec, imports: Imports): string[] {
  const { optimizer, scheduler } = spec;
  const definition = findOptimizer(optimizer.type);
  const scheduleOf = (options: GroupOptions): string =>
    scheduler === undefined ? 'null' : `new ${imports.use('Schedule')}(${literal(scheduler)}, ${options.learningRate})`;
  imports.use('optim');
  const own = scheduler === undefined ? [] : [`const schedule = ${scheduleOf(optimizer)};`];
  if (optimizer.groups === undefined)
    return [`const optimizer = ${optimizerCode(definition.pytorch(optimizer), 'model.parameters()')};`, ...own];
  const { names, trained } = outlineWeights(spec);
  const patterns = groupPatterns(spec, names);
  // An optimizer needs parameters, so a group without any is left out.
  const used = new Set(groupsOfNames(patterns, [...trained.keys()]));
  const entries = optionsOfGroups(optimizer).flatMap((options, group) => {
    if (!used.has(group)) return [];
    const made = optimizerCode(definition.pytorch(options), `parameters[${group}]`);
    return [`  { optimizer: ${made}, schedule: ${group === 0 && scheduler !== undefined ? 'schedule' : scheduleOf(options)} },`];
  });
  return [
    ...own,
    `const parameters = ${imports.use('parameterGroups')}(model, ${literal(patterns)});`,
    'const groups = [',
    ...entries,
    '];',
  ];
}

/** Returns the code of the optimizer's own learning rate at the beginning of an epoch. */
export function ownLearningRate({ optimizer, scheduler }: JobSpec): string {
  if (scheduler !== undefined) return 'schedule.after(epoch - 1, steps).learningRate';
  return optimizer.groups === undefined ? 'optimizer.learningRate' : String(optimizer.learningRate);
}

/** Returns a statement of the training loop for the optimizer, or for the optimizers of all groups. */
export function forOptimizer({ optimizer }: JobSpec, statement: string): string {
  return optimizer.groups === undefined ? statement : `for (const { optimizer } of groups) ${statement}`;
}

/** Returns the lines that set the learning rate and the momentum of a step. @param indent the spaces before each line */
export function setRates({ optimizer }: JobSpec, setsMomentum: boolean, indent: string): string[] {
  const lines = [
    'const rates = schedule.after(epoch - 1, steps);',
    'optimizer.learningRate = rates.learningRate;',
    ...(setsMomentum ? ['if (rates.momentum !== null) optimizer.momentum = rates.momentum;'] : []),
  ];
  const all =
    optimizer.groups === undefined ? lines : ['for (const { optimizer, schedule } of groups) {', ...lines.map((line) => `  ${line}`), '}'];
  return [...all, 'steps += 1;'].map((line) => `${indent}${line}`);
}

/** Returns the line that gives the metrics of an epoch to the schedules. */
export function observeMetrics({ optimizer }: JobSpec, metrics: string, indent: string): string[] {
  if (optimizer.groups === undefined) return [`${indent}schedule.observe(${metrics});`];
  return [`${indent}for (const each of new Set([schedule, ...groups.map((group) => group.schedule)])) each.observe(${metrics});`];
}

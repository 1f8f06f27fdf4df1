// The order in which vitest starts the test files. Files that mostly wait for processes and timers start first. Files that compute then
// run at the same time, and no waiting file runs alone at the end. Vitest itself sorts the projects by their names, and then the files by
// their durations, or by their sizes if it has not measured them yet.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Projects that mostly wait. */
const waitingProjects = ['worker', 'e2e'];

/** Files that take much longer than their size suggests: their tests wait until missing heartbeats are noticed. */
const longFiles = ['tests/worker/frozenChildren.test.ts'];

/** Returns the rank of a file. Files with lower ranks start first. */
function rankOf({ moduleId, project }: TestSpecification): number {
  if (longFiles.some((file) => moduleId.endsWith(file))) return -1;
  const rank = waitingProjects.indexOf(project.name);
  return rank === -1 ? waitingProjects.length : rank;
}

export class WaitingFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const inOrderOfVitest = super.sort.bind(this);
    return (await inOrderOfVitest(files)).toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

// Converts the rows of a table to samples, after the preparation of its columns is known.
import { type Dataset, sharableBytes } from '../dataset.ts';
import { DataFormatError } from '../errors.ts';
import type { UploadReport } from '../uploadReport.ts';
import type { ColumnChoice } from './columnChoice.ts';
import { ColumnEncoder, type FieldProblem } from './columnEncoder.ts';
import type { Missing } from './columnPlan.ts';
import { inputsOf, type TablePreparation } from './preparation.ts';
import type { Row } from './rows.ts';
import type { TableText } from './tableText.ts';
import type { TargetCollector } from './targets.ts';
import { counted } from './wording.ts';

/** What the first pass found out about the training file. */
export interface Plan {
  readonly preparation: TablePreparation;
  /** The names of all columns of the training file. */
  readonly names: readonly string[];
  /** The kinds of the target columns if the targets are values. */
  readonly targetKinds: readonly ('number' | 'boolean' | 'date')[];
  readonly classesAreNumbers: boolean;
  readonly missing: Missing;
}

/** A file, and the positions of its columns. */
export interface Layout {
  readonly text: TableText;
  /** The number of fields in a row. A row may have one more field, if that field is empty. */
  readonly width: number;
  readonly hasHeader: boolean;
  readonly choice: ColumnChoice;
  /** The maximum number of rows that the file has. */
  readonly rows: number;
}

/** Collects rows as samples. Faults of the rows are added to the report. */
export class SampleCollector {
  readonly #layout: Layout;
  readonly #plan: Plan;
  readonly #report: UploadReport;
  readonly #targets: TargetCollector;
  readonly #encoders: readonly ColumnEncoder[];
  readonly #width: number;
  readonly #inputs: Float32Array;
  #length = 0;
  #faulty = 0;
  #dropped = 0;
  /** For each column, the texts that the training file does not have: the number of rows, and the first text. */
  readonly #unknown = new Map<string, { rows: number; readonly first: string }>();

  constructor(layout: Layout, plan: Plan, targets: TargetCollector, report: UploadReport) {
    this.#layout = layout;
    this.#plan = plan;
    this.#targets = targets;
    this.#report = report;
    this.#encoders = plan.preparation.columns.map((column) => new ColumnEncoder(column, layout.text.decimal));
    this.#width = inputsOf(plan.preparation);
    this.#inputs = new Float32Array(sharableBytes(4 * layout.rows * this.#width).buffer);
  }

  add({ number, fields }: Row): void {
    const { width, choice } = this.#layout;
    const isRegular = fields.length === width || (fields.length === width + 1 && fields[width].trim() === '');
    if (!isRegular)
      return this.#fault(
        number,
        undefined,
        { found: `has ${counted(fields.length, 'field')}`, remedy: `, but there are ${counted(width, 'column')}` },
        'invalidRow',
      );
    const inputs = this.#writeInputs(number, fields);
    if (inputs !== 'written') {
      if (inputs === 'dropped') this.#dropped += 1;
      return;
    }
    const targets = this.#targets.add(choice.targets.map((column) => fields[column]));
    if (targets.ok) {
      this.#length += 1;
      return;
    }
    this.#clear();
    if (targets.isMissing && this.#plan.missing === 'drop') this.#dropped += 1;
    else
      this.#fault(
        number,
        this.#plan.preparation.targetColumns[targets.column],
        targets.problem,
        targets.isMissing ? 'missingValue' : 'invalidValue',
      );
  }

  #writeInputs(number: number, fields: readonly string[]): 'written' | 'dropped' | 'faulty' {
    const { inputs } = this.#layout.choice;
    let offset = this.#length * this.#width;
    let outcome: 'written' | 'dropped' | 'faulty' = 'written';
    for (let i = 0; i < inputs.length; i++) {
      const encoder = this.#encoders[i];
      const field = fields[inputs[i]];
      const encoded = encoder.write(field, this.#inputs, offset);
      offset += encoder.width;
      if (encoded === 'written') continue;
      const { name } = encoder.column;
      if (encoded === 'unknownCategory') {
        const known = this.#unknown.get(name) ?? { rows: 0, first: field.trim() };
        this.#unknown.set(name, { ...known, rows: known.rows + 1 });
      } else if (encoded !== 'missing') {
        this.#fault(number, name, encoded);
        outcome = 'faulty';
      } else if (this.#plan.missing === 'drop') {
        if (outcome === 'written') outcome = 'dropped';
      } else {
        const found = `has ${field.trim() === '' ? 'nothing' : JSON.stringify(field.trim())}`;
        this.#fault(number, name, { found, remedy: ', which counts as missing' }, 'missingValue');
        outcome = 'faulty';
      }
    }
    if (outcome !== 'written') this.#clear();
    return outcome;
  }

  /** Clears the inputs of a row that is not kept, because the next row is written to the same place. */
  #clear(): void {
    this.#inputs.fill(0, this.#length * this.#width, (this.#length + 1) * this.#width);
  }

  #fault(row: number, column: string | undefined, { found, remedy }: FieldProblem, code?: string): void {
    const part = this.#layout.text.name;
    const where = column === undefined ? '' : ` in column ${JSON.stringify(column)}`;
    this.#faulty += 1;
    this.#report.fault({ part, row, ...(column !== undefined && { column }) }, `${part}: row ${row} ${found}${where}${remedy}`, code);
  }

  finish(): Dataset | undefined {
    const { name } = this.#layout.text;
    for (const [column, { rows, first }] of this.#unknown) {
      const reason = `${name}: ${counted(rows, 'row')} ${rows === 1 ? 'has' : 'have'} a text in column ${JSON.stringify(column)} that the training file does not have, such as ${JSON.stringify(first)}. Their inputs of this column are zeros.`;
      this.#report.choice('columns', column, reason);
    }
    if (this.#dropped > 0) {
      this.#report.choice(
        'missing',
        'drop',
        `${name}: ${this.#dropped} of ${counted(this.#dropped + this.#length, 'row')} ${this.#dropped === 1 ? 'lacks a value and was' : 'lack a value and were'} left out.`,
      );
    }
    if (this.#faulty > 0) return undefined;
    if (this.#length === 0)
      throw new DataFormatError(
        `${name}: no row is left, since each lacks a value. Send columns to leave columns out, or missing=mean to fill gaps`,
      );
    const inputs = this.#inputs.subarray(0, this.#length * this.#width);
    return { length: this.#length, inputShape: [this.#width], inputs, ...this.#targets.finish() };
  }
}

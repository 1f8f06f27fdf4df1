// Reads a training file and a test file of delimiter-separated text into the two parts of a dataset. The training file is read twice: the
// first pass decides how the columns are prepared. The columns of the test file are found by their names.
import type { Dataset } from '../dataset.ts';
import { DataFormatError } from '../errors.ts';
import type { NamedBytes } from '../files.ts';
import { Breather, checkMemory, limitsOf, type ReaderOptions } from '../limits.ts';
import type { UploadReport } from '../uploadReport.ts';
import { type ChoiceOptions, type ColumnChoice, chooseColumns } from './columnChoice.ts';
import { type Missing, MOST_CATEGORIES, prepareColumn, reportColumns, reportMixedColumns } from './columnPlan.ts';
import { ColumnStatistics, kindOf } from './columnStatistics.ts';
import { columnNames, judgeHeader, numberedColumns, repeatedName } from './header.ts';
import { inputsOf, type PreparedColumn, type TablePreparation } from './preparation.ts';
import { type Row, RowError } from './rows.ts';
import { type Layout, type Plan, SampleCollector } from './samples.ts';
import { type FindEncoding, TableText, type TextOptions } from './tableText.ts';
import { ClassCollector, kindOfTargets, type TargetKind, ValueCollector } from './targets.ts';
import { testLayout } from './testColumns.ts';
import { counted } from './wording.ts';

export interface TableOptions extends TextOptions, ChoiceOptions {
  readonly header?: boolean | undefined;
  readonly missing?: Missing | undefined;
  readonly targetKind?: TargetKind | undefined;
}

export interface TableContext {
  readonly report: UploadReport;
  readonly reader: ReaderOptions;
  /** Finds the encoding of bytes that are neither UTF-8 nor UTF-16. Default: windows-1252. */
  readonly findEncoding?: FindEncoding | undefined;
}

export interface ReadTables {
  readonly train: Dataset;
  readonly test: Dataset | null;
  readonly table: TablePreparation;
}

/**
 * Reads a training file and, if there is one, its test file.
 * @returns undefined if there are faults. They are added to the report
 * @throws UploadError if there are too many faults
 * @throws `signal.reason` if aborted
 */
export async function readTables(
  files: { readonly train: NamedBytes; readonly test: NamedBytes | null },
  options: TableOptions,
  context: TableContext,
): Promise<ReadTables | undefined> {
  const { report } = context;
  const reading = new TableReading(options, context);
  const trained = await attemptRows(files.train.name, report, async () => await reading.train(files.train));
  const { test: testFile } = files;
  if (testFile === null || reading.plan === undefined) return trained === undefined ? undefined : { ...trained, test: null };
  const test = await attemptRows(testFile.name, report, async () => await reading.test(testFile, trained?.train));
  return trained === undefined || test === undefined ? undefined : { ...trained, test };
}

/** Does the same as {@link UploadReport.attempt}, and adds the row to the place of a fault. */
async function attemptRows<T>(part: string, report: UploadReport, step: () => Promise<T | undefined>): Promise<T | undefined> {
  return await report.attempt({ part }, async () => {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      report.fault({ part, row: error.row }, error.message, 'invalidRow');
      return undefined;
    }
  });
}

class TableReading {
  plan: Plan | undefined;
  readonly #options: TableOptions;
  readonly #context: TableContext;
  readonly #breather: Breather;

  constructor(options: TableOptions, context: TableContext) {
    this.#options = options;
    this.#context = context;
    this.#breather = new Breather(context.reader);
  }

  async train(file: NamedBytes): Promise<Omit<ReadTables, 'test'> | undefined> {
    const { report, findEncoding } = this.#context;
    const text = new TableText(file, this.#options, report, findEncoding);
    const survey = await this.#survey(text, this.#options.header === false);
    const hasHeader = this.#hasHeader(survey, text);
    if (hasHeader === undefined) return undefined;
    const width = usedWidth(file.name, survey, hasHeader, report);
    if (width === undefined) return undefined;
    const names = hasHeader ? columnNames(survey.first.fields.slice(0, width)) : numberedColumns(width);
    const choice = this.#choice(file.name, names);
    if (choice === undefined) return undefined;
    const statistics = survey.columns;
    const table = this.#prepare(file.name, names, choice, statistics, hasHeader);
    if (table === undefined) return undefined;
    const train = await this.#read({ text, width, hasHeader, choice, rows: survey.rows }, null);
    return train === undefined ? undefined : { train, table };
  }

  /** The first pass: collects the statistics of the columns. @throws DataFormatError if the table has no rows */
  async #survey(text: TableText, includesFirst: boolean): Promise<Survey> {
    const mostNames = Math.max(MOST_CATEGORIES, limitsOf(this.#context.reader).classes);
    const columns = Array.from({ length: text.usualFields }, () => new ColumnStatistics(text.decimal, mostNames));
    let first: Row | undefined;
    let rows = 0;
    for await (const row of text.rows(this.#breather, this.#context.reader.onRead)) {
      if (first === undefined) {
        first = row;
        if (!includesFirst) continue;
      }
      rows += 1;
      if (row.fields.length !== columns.length) continue;
      for (let i = 0; i < columns.length; i++) columns[i].add(row.fields[i]);
    }
    if (first === undefined) throw new DataFormatError(`${text.name}: is empty: expected a row of names and at least one of values`);
    return { first, columns, rows };
  }

  /** Returns whether the first row has names. Returns undefined if this is unclear, and reports it as a fault. */
  #hasHeader({ first, columns, rows }: Survey, text: TableText): boolean | undefined {
    const { report } = this.#context;
    const { header } = this.#options;
    if (columns.length < 2 && first.fields.length < 2) throw oneColumn(text.name);
    const isAlone = rows === 0;
    if (isAlone && (header === true || first.fields.every((field) => kindOf(field, text.decimal) === 'category'))) {
      throw new DataFormatError(`${text.name}: has a row of names and no row of values`);
    }
    if (header !== undefined) return header;
    if (isTitle(first, columns.length)) {
      const message = `${text.name}: row 1 is a title and not the names of the ${columns.length} columns: remove the rows above the names`;
      report.fault({ part: text.name, row: 1 }, message, 'invalidRow');
      return undefined;
    }
    const { verdict, reason } = judgeHeader(
      first.fields,
      columns.map(({ kind }) => kind),
      text.decimal,
    );
    if (verdict === 'names') {
      report.choice('header', true, reason);
      return true;
    }
    report.fault(
      { part: 'header' },
      `${text.name}: row 1 may be the names of the columns or data: it ${reason}. Send header=true or header=false`,
      'unsureHeader',
    );
    return undefined;
  }

  #choice(file: string, names: readonly string[]): ColumnChoice | undefined {
    const { report } = this.#context;
    if (names.length < 2) throw oneColumn(file);
    const repeated = repeatedName(names);
    if (repeated === undefined) return chooseColumns(names, this.#options, report);
    const message = `${file}: row 1 names two columns ${JSON.stringify(repeated)}: give each column a different name, or send header=false`;
    report.fault({ part: file, row: 1, column: repeated }, message);
    return undefined;
  }

  #prepare(
    file: string,
    names: readonly string[],
    choice: ColumnChoice,
    statistics: readonly ColumnStatistics[],
    header: boolean,
  ): TablePreparation | undefined {
    const { report } = this.#context;
    const { missing = 'error' } = this.#options;
    const columns = choice.inputs.map((column) => prepareColumn(file, names[column], statistics[column], this.#options, report));
    const targets = choice.targets.map((column) => statistics[column]);
    const targetColumns = choice.targets.map((column) => names[column]);
    for (const [i, target] of targets.entries()) {
      const message = `${file}: column ${JSON.stringify(targetColumns[i])}, which is to be learned, holds no value`;
      if (target.present === 0) report.fault({ part: file, column: targetColumns[i] }, message, 'missingValue');
    }
    if (report.hasFaults || !columns.every((column): column is PreparedColumn => column !== undefined)) return undefined;
    const targetKind = kindOfTargets(this.#options.targetKind, targetColumns, targets, report);
    const preparation: TablePreparation = { header, columns, targetColumns, targetKind };
    reportColumns(
      columns,
      choice.inputs.map((column) => statistics[column]),
      this.#options.columns,
      report,
    );
    const classesAreNumbers = targets[0].kind === 'number';
    const targetKinds = targets.map(({ kind }) =>
      targetKind === 'labels' ? 'boolean' : kind === 'date' || kind === 'boolean' ? kind : 'number',
    );
    this.plan = { preparation, names, targetKinds, classesAreNumbers, missing };
    const inputs = choice.inputs.map((column) => ({ name: names[column], statistics: statistics[column] }));
    reportMixedColumns(file, inputs, this.#options.columns, report);
    if (missing === 'error') reportGaps(file, names, choice, statistics, report);
    return preparation;
  }

  /** Reads the test file. @param train the training part, or undefined if it had faults */
  async test(file: NamedBytes, train: Dataset | undefined): Promise<Dataset | undefined> {
    const plan = this.#planned();
    const { report, findEncoding } = this.#context;
    const text = new TableText(file, this.#options, report, findEncoding);
    let first: Row | undefined;
    let rows = 0;
    for await (const row of text.rows(this.#breather, this.#context.reader.onRead)) {
      first ??= row;
      rows += 1;
    }
    if (first === undefined) throw new DataFormatError(`${file.name}: is empty`);
    const { header } = plan.preparation;
    if (header && rows === 1) throw new DataFormatError(`${file.name}: has a row of names and no row of values`);
    const layout = testLayout(text, first, plan, report);
    const known = train?.target.kind === 'class' ? train.target.classes : null;
    return layout === undefined ? undefined : await this.#read({ ...layout, rows }, known);
  }

  #planned(): Plan {
    if (this.plan === undefined) throw new TypeError('a test file is read after its training file');
    return this.plan;
  }

  /** The second pass: converts the rows to samples. */
  async #read(layout: Layout, classes: readonly string[] | null): Promise<Dataset | undefined> {
    const plan = this.#planned();
    const { report, reader } = this.#context;
    const limits = limitsOf(reader);
    const width = inputsOf(plan.preparation);
    checkMemory(layout.text.name, layout.rows, [width], 4 * layout.rows * (width + plan.preparation.targetColumns.length), limits);
    const targets =
      plan.preparation.targetKind === 'class'
        ? new ClassCollector(layout.rows, {
            isNumeric: plan.classesAreNumbers,
            decimal: layout.text.decimal,
            mostClasses: limits.classes,
            known: classes,
          })
        : new ValueCollector(plan.preparation.targetColumns, plan.targetKinds, layout.rows, layout.text.decimal);
    const samples = new SampleCollector(layout, plan, targets, report);
    let isFirst = true;
    for await (const row of layout.text.rows(this.#breather, this.#context.reader.onRead)) {
      if (!isFirst || !layout.hasHeader) samples.add(row);
      isFirst = false;
    }
    if (targets instanceof ClassCollector && classes === null) targets.describe(plan.preparation.targetColumns[0], report);
    return samples.finish();
  }
}

const oneColumn = (file: string): DataFormatError =>
  new DataFormatError(
    `${file}: has one column: expected inputs and a column to learn. If another character, such as a blank, separates the columns, send delimiter`,
  );

/**
 * Returns whether a row of a table with several columns has a text in its first field only. In exported spreadsheets, such a row is a title
 * above the table.
 */
const isTitle = ({ fields }: Row, width: number): boolean =>
  width >= 3 && fields[0].trim() !== '' && fields.slice(1).every((field) => field.trim() === '');

interface Survey {
  readonly first: Row;
  readonly columns: readonly ColumnStatistics[];
  /** The number of all rows. Rows with more or fewer fields than `columns` are counted here, but are not in the statistics. */
  readonly rows: number;
}

/**
 * Returns the number of columns. A last column without a name and values is not counted, because it only comes from a delimiter at the end
 * of each row.
 * @returns undefined if the row of names is longer or shorter than the other rows; this is reported as a fault
 */
function usedWidth(file: string, { first, columns }: Survey, hasHeader: boolean, report: UploadReport): number | undefined {
  const named = first.fields.length;
  const isUnnamed = !hasHeader || named === columns.length - 1 || (named === columns.length && first.fields[named - 1].trim() === '');
  if (columns.length >= 3 && columns.at(-1)?.present === 0 && isUnnamed) {
    report.choice('columns', [`!${columns.length}`], 'Every row ends with a delimiter: the empty last column was left out.');
    return columns.length - 1;
  }
  if (!hasHeader || named === columns.length) return columns.length;
  const message = `${file}: row 1 names ${counted(named, 'column')}, but most rows have ${counted(columns.length, 'field')}: give each column a name`;
  report.fault({ part: file, row: 1 }, message, 'invalidRow');
  return undefined;
}

/** Reports one fault with the number of rows that lack values, by column. The faults of the single fields follow it. */
function reportGaps(
  file: string,
  names: readonly string[],
  choice: ColumnChoice,
  statistics: readonly ColumnStatistics[],
  report: UploadReport,
): void {
  const gaps = choice.inputs.filter((column) => statistics[column].counts.missing > 0);
  if (gaps.length === 0) return;
  const shown = gaps.slice(0, 20).map((column) => `${JSON.stringify(names[column])} (${statistics[column].counts.missing})`);
  const more = gaps.length > shown.length ? ` and ${gaps.length - shown.length} more` : '';
  report.fault(
    { part: 'missing' },
    `${file}: values are missing in the columns ${shown.join(', ')}${more}. Send missing=drop to leave such rows out, or missing=mean to fill them`,
    'missingValue',
  );
}

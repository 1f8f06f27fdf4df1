// Where a benchmark's findings go: JSON lines for programs, or text for people. It measures nothing.

export interface Output {
  /** One finding: a line of JSON with --json, else its text. */
  tell(record: object, text: string): void;
  /** What only people want to read: beside the text, or on stderr where stdout is for a program. */
  note(text: string): void;
}

export function outputTo(json: boolean): Output {
  return {
    tell: (record, text) => void process.stdout.write(`${json ? JSON.stringify(record) : text}\n`),
    note: (text) => void (json ? process.stderr : process.stdout).write(`${text}\n`),
  };
}

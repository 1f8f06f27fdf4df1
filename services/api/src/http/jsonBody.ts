// The body parser for application/json. Beyond JSON.parse it refuses what JSON leaves open and would be a silent
// misunderstanding here: bytes that are not UTF-8, a key given twice, `__proto__`, and nesting deep enough to
// exhaust the stack of whoever walks the value.
import { ProblemError } from '../problems.ts';

/** Far above the deepest spec that makes sense, far below what overflows a recursive walk. */
const deepest = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true });

function malformed(detail: string): ProblemError {
  return new ProblemError('malformedJson', detail);
}

/** As numbers, since a text is walked much faster by them than by one-letter texts. */
const code = { '{': 123, '}': 125, '[': 91, ']': 93, ',': 44, '"': 34, '\\': 92 } as const;

/** The end (exclusive) of the JSON string literal that starts at `start`. The text is valid JSON. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === code['\\']) backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** Walks valid JSON once without recursion. A string is a key when the innermost open bracket is an object's and it follows `{` or `,`. */
function refuseAmbiguity(text: string): void {
  const open: (Set<string> | null)[] = [];
  let keyIsNext = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === code['{'] || char === code['[']) {
      open.push(char === code['{'] ? new Set() : null);
      if (open.length > deepest) throw malformed(`The body nests deeper than ${deepest} levels.`);
      keyIsNext = char === code['{'];
    } else if (char === code['}'] || char === code[']']) {
      open.pop();
      keyIsNext = false;
    } else if (char === code[',']) {
      keyIsNext = open.at(-1) instanceof Set;
    } else if (char === code['"']) {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (keyIsNext && keys) {
        const raw = text.slice(at + 1, end - 1);
        const key = raw.includes('\\') ? String(JSON.parse(text.slice(at, end))) : raw;
        if (key === '__proto__') throw malformed('The body has a key "__proto__", which is not allowed.');
        if (keys.has(key)) throw malformed(`The body has the key ${JSON.stringify(key)} twice in one object; give it once.`);
        keys.add(key);
      }
      keyIsNext = false;
      at = end - 1;
    }
  }
}

/** Whether a Content-Type says that its JSON is UTF-8, which JSON has to be (RFC 8259 §8.1). */
export function isUtf8(contentType: string | undefined): boolean {
  const [, charset] = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(contentType ?? '') ?? [];
  return charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset);
}

/** Parses a request body; an empty one is `undefined`. Throws a `ProblemError` (400 malformedJson) that says what is wrong. */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw malformed('The body is not valid UTF-8.');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(error instanceof SyntaxError ? `The body is not valid JSON: ${error.message}.` : 'The body is not valid JSON.');
  }
  refuseAmbiguity(text);
  return value;
}

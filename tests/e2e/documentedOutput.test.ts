// Tests the comparison of a command's output with the output that a document shows.
import { describe, expect, test } from 'vitest';
import { mismatch, withOneNumberChanged } from './fixtures/documentedOutput.ts';

const fits = (printed: string, pattern: string): boolean => mismatch(printed, pattern, new Map()) === null;

describe('the output in a document', () => {
  test.for([
    ['{"loss":0.25,"epoch":3}', '{"loss":0.25,"epoch":3}'],
    ['{"loss":0.25,"epoch":3}', '{"loss": 0.25,\n "epoch": 3}'],
    ['{"loss":0.25,"epoch":3}', '{"loss":0.2…,"epoch":3}'],
    ['{"a":1,"loss":0.25,"epoch":3}', '{…,"epoch":3}'],
    ['{"id":"job_01M85EFJWA"}', '{"id":"job_01ZZZZZZZZ"}'],
    ['{"at":"2026-11-25T19:42:11.035Z","seconds":0.125}', '{"at":"2025-01-01T00:00:00Z","seconds":9}'],
    ['epoch 1  0.9 s  13,190 samples/s', 'epoch 1  1.25 s  9,849 samples/s'],
  ] as const)('matches the output %s with the text %s', ([printed, pattern]) => expect(mismatch(printed, pattern, new Map())).toBeNull());

  test.for([
    ['{"loss":0.25,"epoch":3}', '{"loss":0.26,"epoch":3}'],
    ['{"loss":0.25,"epoch":3}', '{"loss":0.25}'],
    ['{"loss":0.25,"epoch":3}', '{"loss":0.25,"epoch":3},'],
    ['{"loss":0.25,"epoch":3}', '{"loss":0.3…,"epoch":3}'],
    ['{"loss":0.25,"epoch":31}', '{"loss":0.25,"epoch":3}'],
    ['{"id":"ds_01M85EFJWA"}', '{"id":"job_01ZZZZZZZZ"}'],
    ['epoch 2  0.9 s', 'epoch 1  0.9 s'],
  ] as const)('does not match the output %s with the text %s', ([printed, pattern]) => expect(fits(printed, pattern)).toBe(false));

  test('matches only if the same id is printed wherever the document shows the same id', () => {
    const shown = '"job_01AAAAAA" "job_01BBBBBB" "job_01AAAAAA"';
    expect(fits('"job_01CCCCCC" "job_01DDDDDD" "job_01CCCCCC"', shown)).toBe(true);
    expect(fits('"job_01CCCCCC" "job_01DDDDDD" "job_01DDDDDD"', shown)).toBe(false);
    const bindings = new Map<string, string>();
    expect(mismatch('job_01CCCCCC', 'job_01AAAAAA', bindings)).toBeNull();
    expect(mismatch('job_01DDDDDD', 'job_01AAAAAA', bindings)).not.toBeNull();
  });

  test('may omit headers, and every header that it shows must match', () => {
    const printed = 'HTTP/1.1 202 Accepted\r\nx-request-id: 1\r\nlocation: /jobs/1\r\nDate: now\r\n\r\n{"id":1}';
    expect(fits(printed, 'HTTP/1.1 202 Accepted\nlocation: /jobs/1\n\n{"id":1}')).toBe(true);
    expect(fits(printed, 'HTTP/1.1 202 Accepted\nlocation: /jobs/2\n\n{"id":1}')).toBe(false);
    expect(fits(printed, 'HTTP/1.1 202 Accepted\nretry-after: 1\n\n{"id":1}')).toBe(false);
    expect(fits(printed, 'HTTP/1.1 200 OK\n\n{"id":1}')).toBe(false);
  });

  test('has one changed copy for each number that must match', () => {
    expect([...withOneNumberChanged('{"job":"job_01AAAAAA","epoch":3,"loss":0.25,"seconds":1.5}')]).toEqual([
      '{"job":"job_01AAAAAA","epoch":4,"loss":0.25,"seconds":1.5}',
      '{"job":"job_01AAAAAA","epoch":3,"loss":1.25,"seconds":1.5}',
      '{"job":"job_01AAAAAA","epoch":3,"loss":0.35,"seconds":1.5}',
    ]);
  });
});

// Tests the changes between two JSON values. For each trial a sweep stores its changes instead of a whole spec.
import { changesBetween, withChanges } from '@trainyard/jobs';
import { assert, type JsonValue, jsonValue, property } from 'fast-check';
import { expect, test } from 'vitest';

const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('changes turn any JSON value into any other, and do not modify the first one', () => {
  assert(
    property(jsonValue({ maxDepth: 4 }), jsonValue({ maxDepth: 4 }), (from: JsonValue, to: JsonValue) => {
      const before = structuredClone(from);
      const changes = throughJson(changesBetween(from, to)) as ReturnType<typeof changesBetween>;
      expect(throughJson(withChanges(from, changes))).toEqual(throughJson(to));
      expect(from).toEqual(before);
    }),
  );
});

test('changes contain only the differences', () => {
  const from = { a: { b: [1, { c: 2 }], d: 3 }, e: 4 };
  expect(changesBetween(from, structuredClone(from))).toEqual([]);
  expect(changesBetween(from, { a: { b: [1, { c: 5 }], d: 3 }, e: 4 })).toEqual([[['a', 'b', '1', 'c'], 5]]);
  expect(changesBetween(from, { a: { b: [1], f: null }, e: 4 })).toEqual([[['a', 'd']], [['a', 'b'], [1]], [['a', 'f'], null]]);
  expect(withChanges(from, [[['a', 'b', '1', 'c'], 5], [['a', 'd']], [['a', 'b', '0'], 0]])).toEqual({ a: { b: [0, { c: 5 }] }, e: 4 });
});

test('fields may have names that every object inherits, such as toString', () => {
  const from: unknown = JSON.parse('{"a":{"constructor":"x"}}');
  const to: unknown = JSON.parse('{"a":{"__proto__":{"b":1},"toString":"y"}}');
  expect(JSON.stringify(withChanges(from, changesBetween(from, to)))).toBe(JSON.stringify(to));
});

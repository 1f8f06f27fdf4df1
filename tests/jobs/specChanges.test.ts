// The changes between two JSON values: what a sweep stores of each trial.
import { changesBetween, withChanges } from '@trainyard/jobs';
import { assert, type JsonValue, jsonValue, property } from 'fast-check';
import { expect, test } from 'vitest';

const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('changes turn one JSON value into the other, whatever both are, and leave the first as it was', () => {
  assert(
    property(jsonValue({ maxDepth: 4 }), jsonValue({ maxDepth: 4 }), (from: JsonValue, to: JsonValue) => {
      const before = structuredClone(from);
      const changes = throughJson(changesBetween(from, to)) as ReturnType<typeof changesBetween>;
      expect(throughJson(withChanges(from, changes))).toEqual(throughJson(to));
      expect(from).toEqual(before);
    }),
  );
});

test('changes name no more than what differs', () => {
  const from = { a: { b: [1, { c: 2 }], d: 3 }, e: 4 };
  expect(changesBetween(from, structuredClone(from))).toEqual([]);
  expect(changesBetween(from, { a: { b: [1, { c: 5 }], d: 3 }, e: 4 })).toEqual([[['a', 'b', '1', 'c'], 5]]);
  expect(changesBetween(from, { a: { b: [1], f: null }, e: 4 })).toEqual([[['a', 'd']], [['a', 'b'], [1]], [['a', 'f'], null]]);
  expect(withChanges(from, [[['a', 'b', '1', 'c'], 5], [['a', 'd']], [['a', 'b', '0'], 0]])).toEqual({ a: { b: [0, { c: 5 }] }, e: 4 });
});

test('changes may be of names that every object inherits', () => {
  const from: unknown = JSON.parse('{"a":{"constructor":"x"}}');
  const to: unknown = JSON.parse('{"a":{"__proto__":{"b":1},"toString":"y"}}');
  expect(JSON.stringify(withChanges(from, changesBetween(from, to)))).toBe(JSON.stringify(to));
});

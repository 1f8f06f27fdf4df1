// Tests properties that every layer, loss, optimizer, scheduler and transform of the registries must have.
import { optim } from '@trainyard/engine';
import { transformDefinitions } from '@trainyard/engine/data';
import { layerDefinitions, lossDefinitions, schedulerDefinitions } from '@trainyard/engine/spec';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

const registries = {
  layer: layerDefinitions,
  loss: lossDefinitions,
  optimizer: optim.optimizerDefinitions,
  scheduler: schedulerDefinitions,
  transform: transformDefinitions,
};

describe.each(Object.entries(registries))('every %s', (_, definitions) => {
  test('has a unique type', () => {
    const types = definitions.map(({ type }) => type);
    expect(types).not.toEqual([]);
    expect(new Set(types).size).toBe(types.length);
  });

  describe.each(definitions.map(({ type, description, schema }) => ({ type, description, schema })))(
    '$type',
    ({ type, description, schema }) => {
      const json = z.toJSONSchema(schema, { io: 'input' });

      test('has a description, and so has each of its options', () => {
        expect(description).not.toBe('');
        expect(json.description).toBe(description);
        const { type: _, ...options } = json.properties ?? {};
        for (const [name, option] of Object.entries(options)) expect(option, name).toHaveProperty('description');
      });

      test('is named by its type, and refuses a field that it does not have', () => {
        expect(json.properties?.['type']).toMatchObject({ const: type });
        expect(json.additionalProperties).toBe(false);
      });
    },
  );
});

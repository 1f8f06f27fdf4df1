// Form fields that several formats share, and the types of fields. All fields are text.
import { z } from 'zod';
import type { Shape } from '../../shape.ts';

/** A shape as JSON. JSON allows fewer kinds of white space than `\s`. */
export const shapeText = z
  .string()
  .regex(/^\[[ \t\r\n]*[1-9]\d{0,8}([ \t\r\n]*,[ \t\r\n]*[1-9]\d{0,8}){0,7}[ \t\r\n]*\]$/, 'must be a shape such as [1,28,28]')
  .transform((text): Shape => JSON.parse(text) as number[]);

/** The size of an image: one number, or height and width as JSON. */
export const sizeText = z
  .string()
  .regex(
    /^([1-9]\d{0,4}|\[[ \t]*[1-9]\d{0,4}[ \t]*,[ \t]*[1-9]\d{0,4}[ \t]*\])$/,
    'must be height and width such as [224,224], or one number',
  )
  .transform((text): readonly [height: number, width: number] => {
    const size = JSON.parse(text) as number | [number, number];
    return typeof size === 'number' ? [size, size] : size;
  });

const list = z.array(z.string().min(1).max(1000)).min(1);

/** A list of texts as JSON. */
export const textList = (example: string) =>
  z.string().transform((text, context): readonly string[] => {
    const parsed = list.safeParse(jsonOf(text));
    if (parsed.success) return parsed.data;
    context.addIssue({ code: 'custom', message: `must be a list of names such as ${example}`, input: text });
    return z.NEVER;
  });

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const targetKind = z
  .enum(['class', 'value', 'labels'])
  .optional()
  .describe(
    'For a table or arrays: `class` for one class per row, `value` for numbers, `labels` (only for tables) for columns of 0 and 1. Default for tables: `value` for numbers that are not whole or have more than 20 different values, `labels` for several columns of 0 and 1, else `class`. Default for arrays: `class` for whole numbers, text and one-hot rows, else `value`',
  );

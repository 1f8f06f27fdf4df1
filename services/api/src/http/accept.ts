// Chooses the media type of a response by the Accept header (RFC 9110 §12.5.1). Parameters other than q are ignored, because no route
// offers two variants of one media type.

type AcceptedRange = { type: string; quality: number; position: number };

function parseAccept(header: string): AcceptedRange[] {
  return header.split(',').map((entry, position) => {
    const [type = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = weight === undefined ? 1 : Number(weight.slice(2));
    return { type, quality: Number.isFinite(quality) ? quality : 0, position };
  });
}

/** Returns how exactly a range matches a media type: 3 for the type itself, 2 for `type/*`, 1 for any type, 0 for no match. */
function specificity(range: string, type: string): number {
  if (range === type) return 3;
  if (range === `${type.split('/', 1)[0]}/*`) return 2;
  return range === '*/*' ? 1 : 0;
}

/**
 * Returns the offered media type that the client prefers; `undefined` if it accepts none of them. Without a header, or with an empty one,
 * returns the first offer. Of two types with the same q, prefers the type that the header names exactly to a type that matches a wildcard,
 * and otherwise the type that comes first in the header.
 */
export function negotiate<const Type extends string>(accept: string | undefined, offered: readonly [Type, ...Type[]]): Type | undefined {
  if (accept === undefined || accept.trim() === '') return offered[0];
  const ranges = parseAccept(accept);
  const candidates = offered.flatMap((type) => {
    const matches = ranges.map((range) => ({ ...range, rank: specificity(range.type, type) })).filter((range) => range.rank > 0);
    const best = matches.toSorted((a, b) => b.rank - a.rank)[0];
    return best === undefined || best.quality <= 0 ? [] : [{ ...best, offer: type }];
  });
  return candidates.toSorted((a, b) => b.quality - a.quality || b.rank - a.rank || a.position - b.position)[0]?.offer;
}

/** Returns the media type that a client wants for events: JSON for a page, or an event stream; `undefined` if it accepts neither. */
export function eventMediaType({ headers }: { readonly headers: { readonly accept?: string | undefined } }) {
  return negotiate(headers.accept, ['application/json', 'text/event-stream']);
}

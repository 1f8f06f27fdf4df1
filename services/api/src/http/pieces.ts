// Long answers, made and sent in pieces: no piece keeps other requests waiting, and a client that reads slowly keeps one piece in memory.
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

export const jsonType = 'application/json; charset=utf-8';

/** An answer up to this many characters is sent as a whole, with its length. */
const wholeCharacters = 64 * 1024;

/**
 * Sends a text. An error before the first 64 KiB are made is answered like any other; later ones close the connection, so that no client
 * takes a part for the whole. It gives back nothing to await, for each `await` of a reply waits for the end of its answer.
 */
export async function sendPieces(reply: FastifyReply, type: string, pieces: AsyncGenerator<string, void, void>): Promise<void> {
  let text = '';
  void reply.type(type);
  do {
    const { value, done } = await pieces.next();
    if (done === true) {
      void reply.send(Buffer.from(text));
      return;
    }
    text += value;
  } while (text.length < wholeCharacters);
  void reply.send(Readable.from(startingWith(text, pieces), { objectMode: false }));
}

async function* startingWith(text: string, pieces: AsyncGenerator<string, void, void>): AsyncGenerator<string, void, void> {
  yield text;
  yield* pieces;
}

/** The JSON of an object with one more property, a list, whose elements come in pages. */
export async function* jsonWithList(
  head: object,
  name: string,
  pages: AsyncIterable<readonly unknown[]>,
): AsyncGenerator<string, void, void> {
  const start = JSON.stringify(head).slice(0, -1);
  yield `${start}${start === '{' ? '' : ','}${JSON.stringify(name)}:[`;
  let separator = '';
  for await (const page of pages) {
    if (page.length === 0) continue;
    yield separator + JSON.stringify(page).slice(1, -1);
    separator = ',';
  }
  yield ']}';
}

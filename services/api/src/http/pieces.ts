// Writes and sends long responses in pieces. Other requests are handled between two pieces. For a slow client, one piece is in memory.
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

export const jsonType = 'application/json; charset=utf-8';

/** A response with fewer characters is sent as a whole, with a Content-Length. */
const wholeCharacters = 64 * 1024;

/**
 * Sends a text. An error in the first {@link wholeCharacters} is answered with a problem. A later error closes the connection, so that
 * the client notices that the text is incomplete. Does not return the reply, because awaiting a reply waits for the end of its response.
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

/** Yields the JSON of `head` with one more property: the list `name`, which has the elements of all pages. */
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

// Responses that a prediction process renders, as JSON or as a picture.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clientLeft } from '../http/clientLeft.ts';
import { callerOf } from '../plugins/access.ts';
import type { Predictions } from './predictions.ts';
import type { RenderOrder } from './render.ts';

/** Renders the body of a response and sets its status and headers. */
export async function renderedBody(
  predictions: Predictions,
  order: RenderOrder,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Buffer> {
  const body = await predictions.render(order, { key: callerOf(request).name, signal: clientLeft(reply) });
  void reply
    .header('vary', 'accept')
    .code(200)
    .type(order.as === 'image/png' ? order.as : `${order.as}; charset=utf-8`);
  return Buffer.from(body);
}

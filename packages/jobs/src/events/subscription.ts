// One channel of Redis, heard over a connection that may break. Messages sent while it is broken are lost; whoever
// listens is told each time the subscription stands (again) and looks up then what it may have missed.
import type { Redis } from 'ioredis';
import { answeredSoon } from '../redis/connection.ts';

export interface SubscriptionOptions {
  /** A connection with role `subscriber`; several subscriptions may share it. It stays the caller's to close. */
  readonly subscriber: Redis;
  readonly channel: string;
  readonly onMessage: (message: string) => void;
  /** The subscription stands: from now on no message is missed until the connection breaks. */
  readonly onStanding: () => void;
}

/** Pause before the next try after Redis refused the subscription, in ms. */
const retryMs = 1_000;

export class Subscription {
  readonly #options: SubscriptionOptions;
  readonly #hear = (channel: string, message: string): void => {
    if (channel === this.#options.channel) this.#options.onMessage(message);
  };
  readonly #subscribe = (): void => {
    const { subscriber, channel, onStanding } = this.#options;
    clearTimeout(this.#retry);
    if (this.#closed || subscriber.status !== 'ready') return;
    subscriber.subscribe(channel).then(
      () => {
        if (!this.#closed) onStanding();
      },
      (error: unknown) => {
        if (this.#closed) return;
        subscriber.emit('error', error);
        // Redis may allow it later. After a broken connection, the `ready` event subscribes again.
        clearTimeout(this.#retry);
        this.#retry = setTimeout(this.#subscribe, retryMs);
      },
    );
  };
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    options.subscriber.on('message', this.#hear);
    options.subscriber.on('ready', this.#subscribe);
    if (options.subscriber.status === 'ready') this.#subscribe();
  }

  /** Stops listening. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    const { subscriber, channel } = this.#options;
    subscriber.off('message', this.#hear);
    subscriber.off('ready', this.#subscribe);
    if (subscriber.status === 'ready') await answeredSoon(subscriber.unsubscribe(channel)).catch(() => undefined);
  }
}

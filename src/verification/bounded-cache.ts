/**
 * Remembers what was last asked for, as much as fits. Each entry has a weight. In two generations: once the young ones weigh as much as the capacity
 * they are the old ones, and what was old is forgotten unless it has been asked for in the meantime. So at most twice the capacity is held,
 * and nothing is paid for keeping an order.
 */
export class BoundedCache<Value> {
  readonly #capacity: number;
  #young = new Map<string, Entry<Value>>();
  #old = new Map<string, Entry<Value>>();
  #weight = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young.value;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.add(key, old.value, old.weight);
    return old.value;
  }

  /** The key must not be there yet. What is heavier than the whole capacity is not kept. */
  add(key: string, value: Value, weight: number): void {
    if (weight > this.#capacity) return;
    if (this.#weight + weight > this.#capacity) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#weight = 0;
    }
    this.#young.set(key, { value, weight });
    this.#weight += weight;
  }
}

interface Entry<Value> {
  readonly value: Value;
  readonly weight: number;
}

/** Numbers that are appended, eight bytes each: a plain array of millions of them is copied, and takes twice that, whenever it is written to a file. */
export class NumberList {
  #values = new Float64Array(64);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const longer = new Float64Array(2 * this.#length);
      longer.set(this.#values);
      this.#values = longer;
    }
    this.#values[this.#length++] = value;
  }

  /** The numbers so far, not a copy. */
  get values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }
}

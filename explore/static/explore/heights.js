// Where each row of a long list begins. All are as high as is guessed, but for those that were measured; what those are
// higher is summed in a tree (P. Fenwick, A New Data Structure for Cumulative Frequency Tables, 1994).

// A power of two, of rows.
export const CAPACITY = 2 ** 15;
// A power of two, too.
const STEP = 8;

export class Heights {
  #extra = new Float64Array(CAPACITY);
  #sums = new Float64Array(CAPACITY + 1);

  constructor(guess) {
    this.guess = guess;
  }

  clear() {
    this.#extra.fill(0);
    this.#sums.fill(0);
  }

  height(row) {
    return this.guess + this.#extra[row];
  }

  // Returns by how much the row is higher than it was.
  set(row, height) {
    const change = height - this.height(row);
    if (change === 0) return 0;
    this.#extra[row] += change;
    for (let node = row + 1; node <= CAPACITY; node += node & -node) this.#sums[node] += change;
    return change;
  }

  // Where the row begins; with the number of all rows, where the list ends.
  offset(row) {
    let sum = row * this.guess;
    for (let node = row; node > 0; node -= node & -node) sum += this.#sums[node];
    return sum;
  }

  // The row at a height, of so many.
  at(y, count) {
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.offset(middle) <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  // The first and last row between two heights, in whole steps: most of scrolling then changes nothing.
  between(top, bottom, count) {
    return [this.at(top, count) & ~(STEP - 1), Math.min(count - 1, this.at(bottom, count) | (STEP - 1))];
  }
}

// Kernels for the gradients of a linear layer, in addition to matrix products.

/** Computes out[j] = Σ x[i][j] over the rows i, in the order of the rows. Units are blocks of 4 columns. */
export function columnSums(x: usize, out: usize, rows: i32, columns: i32, from: i32, to: i32): void {
  const step = <usize>columns << 2;
  for (let column = 4 * from; column < 4 * to; column += 4) {
    let at = x + (<usize>column << 2);
    const result = out + (<usize>column << 2);
    if (columns - column >= 4) {
      let sums = f32x4.splat(0);
      for (let i = rows; i > 0; i--) {
        sums = f32x4.add(sums, v128.load(at));
        at += step;
      }
      v128.store(result, sums);
    } else {
      for (let j: usize = 0; j < <usize>(columns - column); j++) {
        let sum: f32 = 0;
        for (let i: usize = 0; i < <usize>rows; i++) sum += load<f32>(at + i * step + (j << 2));
        store<f32>(result + (j << 2), sum);
      }
    }
  }
}

/** Computes out[i][j] = a[i] · b[j]. It is a matrix product with one term per result, so nothing is packed. Units are rows. */
export function outerProduct(a: usize, b: usize, out: usize, columns: i32, from: i32, to: i32): void {
  const tail = columns & 3;
  const whole = <usize>(columns - tail) << 2;
  out += (<usize>from * <usize>columns) << 2;
  for (let row = from; row < to; row++) {
    const factor = load<f32>(a + (<usize>row << 2));
    const factors = f32x4.splat(factor);
    for (let j: usize = 0; j < whole; j += 16) v128.store(out + j, f32x4.mul(factors, v128.load(b + j)));
    out += whole;
    for (let j: usize = 0; j < <usize>tail; j++) {
      store<f32>(out, factor * load<f32>(b + whole + (j << 2)));
      out += 4;
    }
  }
}

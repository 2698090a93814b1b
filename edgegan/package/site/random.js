// The numbers that NumPy's default_rng([seed, index]) draws: SeedSequence, PCG64 (O'Neill 2014), the ziggurat of 256
// layers (Marsaglia and Tsang 2000). As float32 they are those of Python.

const MASK32 = 0xffffffffn, MASK64 = (1n << 64n) - 1n, MASK128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const POOL = 4;

// Whole numbers as 32-bit words, the lowest first; 0 is one word.
function words(value) {
  const found = [];
  let left = BigInt(value);
  do {
    found.push(Number(left & MASK32));
    left >>= 32n;
  } while (left > 0n);
  return found;
}

export class SeedSequence {
  constructor(entropy, spawnKey = []) {
    this.entropy = entropy.map(BigInt);
    this.spawnKey = spawnKey;
    this.spawned = 0;
    const own = this.entropy.flatMap(words), key = spawnKey.flatMap(words);
    if (key.length) while (own.length < POOL) own.push(0);
    this.pool = mixed([...own, ...key]);
  }

  spawn() {
    return new SeedSequence(this.entropy, [...this.spawnKey, this.spawned++]);
  }

  // `count` words of 64 bits.
  state(count) {
    let constant = 0x8b51f9dd;
    const halves = Array.from({ length: 2 * count }, (_, i) => {
      let word = this.pool[i % POOL] ^ constant;
      constant = Math.imul(constant, 0x58f38ded);
      word = Math.imul(word, constant);
      return (word ^ word >>> 16) >>> 0;
    });
    return Array.from({ length: count }, (_, i) => BigInt(halves[2 * i]) | BigInt(halves[2 * i + 1]) << 32n);
  }
}

function mixed(entropy) {
  let constant = 0x43b0d7e5;
  const hash = value => {
    let word = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    word = Math.imul(word, constant);
    return word ^ word >>> 16;
  };
  const mix = (x, y) => {
    const word = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y) | 0;
    return word ^ word >>> 16;
  };
  const pool = Array.from({ length: POOL }, (_, i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < POOL; from++)
    for (let to = 0; to < POOL; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  for (const word of entropy.slice(POOL)) for (let to = 0; to < POOL; to++) pool[to] = mix(pool[to], hash(word));
  return pool;
}

const R = 3.6541528853610087963519472518, AREA = 0.0049286732339746519, UNIT = 2 ** 52;
const K = new Float64Array(256), W = new Float64Array(256), F = new Float64Array(256);
{
  let edge = R;
  W[255] = edge / UNIT;
  F[255] = Math.exp(-0.5 * edge * edge);
  K[0] = Math.floor(edge * F[255] / AREA * UNIT);
  W[0] = AREA / F[255] / UNIT;
  F[0] = 1;
  for (let i = 254; i > 0; i--) {
    const next = Math.sqrt(-2 * Math.log(AREA / edge + F[i + 1]));
    K[i + 1] = Math.floor(next / edge * UNIT);
    W[i] = next / UNIT;
    F[i] = Math.exp(-0.5 * next * next);
    edge = next;
  }
  K[1] = 0;
}

export class Random {
  constructor(sequence) {
    this.sequence = sequence;
    const [high, low, sequenceHigh, sequenceLow] = sequence.state(4);
    this.increment = ((sequenceHigh << 64n | sequenceLow) << 1n | 1n) & MASK128;
    this.value = 0n;
    this.#step();
    this.value = this.value + (high << 64n | low) & MASK128;
    this.#step();
    this.half = null;
  }

  #step() {
    this.value = this.value * MULTIPLIER + this.increment & MASK128;
  }

  spawn() {
    return new Random(this.sequence.spawn());
  }

  bits64() {
    this.#step();
    const folded = (this.value >> 64n ^ this.value) & MASK64, turn = this.value >> 122n;
    return (folded >> turn | folded << (64n - turn)) & MASK64;
  }

  bits32() {
    if (this.half !== null) {
      const kept = this.half;
      this.half = null;
      return kept;
    }
    const drawn = this.bits64();
    this.half = Number(drawn >> 32n);
    return Number(drawn & MASK32);
  }

  uniform() {
    return Number(this.bits64() >> 11n) * 2 ** -53;
  }

  normal() {
    for (;;) {
      const drawn = this.bits64(), layer = Number(drawn & 255n), negative = drawn >> 8n & 1n;
      const distance = drawn >> 9n & (1n << 52n) - 1n, size = Number(distance);
      const value = (negative ? -1 : 1) * size * W[layer];
      if (size < K[layer]) return value;
      if (layer === 0) {
        for (;;) {
          const x = -Math.log1p(-this.uniform()) / R, y = -Math.log1p(-this.uniform());
          if (y + y > x * x) return distance >> 8n & 1n ? -(R + x) : R + x;
        }
      }
      if ((F[layer - 1] - F[layer]) * this.uniform() + F[layer] < Math.exp(-0.5 * value * value)) return value;
    }
  }

  // A whole number from 0 to below `count` (Lemire 2019).
  below(count) {
    if (count === 1) return 0;
    const wanted = BigInt(count);
    let product = BigInt(this.bits32()) * wanted, low = product & MASK32;
    if (low < wanted) {
      const least = (MASK32 - (wanted - 1n)) % wanted;
      while (low < least) {
        product = BigInt(this.bits32()) * wanted;
        low = product & MASK32;
      }
    }
    return Number(product >> 32n);
  }
}

// Normal values within +-limit, drawn again beyond; every round draws the whole array from streams of its own.
function truncated(random, size, limit) {
  const values = new Float64Array(size), missing = new Uint8Array(size).fill(1);
  while (missing.some(Boolean)) {
    const proposals = random.spawn(), chances = random.spawn();
    const proposed = Float64Array.from({ length: size }, () => limit < 1 ? -limit + 2 * limit * proposals.uniform() : proposals.normal());
    for (let i = 0; i < size; i++) {
      const accepted = limit < 1 ? chances.uniform() < Math.exp(-(proposed[i] ** 2) / 2) : Math.abs(proposed[i]) <= limit;
      if (missing[i] && accepted) [values[i], missing[i]] = [proposed[i], 0];
    }
  }
  return values;
}

// `count` values of the input that the manifest calls number `index`: Float32Array, or BigInt64Array for classes.
export function drawn(input, count, seed, index) {
  const random = new Random(new SeedSequence([seed, index]));
  const size = count * input.shape.slice(1).reduce((product, side) => product * side, 1);
  if (input.kind === "latent") {
    if (input.truncation) return Float32Array.from(truncated(random, size, input.truncation));
    return Float32Array.from({ length: size }, () => random.normal());
  }
  const classes = Array.from({ length: count }, () => random.below(input.classes));
  if (input.kind === "label") return BigInt64Array.from(classes, BigInt);
  const values = new Float32Array(size);
  classes.forEach((own, sample) => values[sample * input.classes + own] = 1);
  return values;
}

// A compressed generator in the browser. `load(url)` of an artifact whose manifest lies beside it gives a Generator with
// the interface of edgegan.runtime: sample(count, seed), translate(image), run(inputs).

import { open } from "./session.js";
import { drawn } from "./random.js";

export async function load(url, { threads = navigator.hardwareConcurrency || 1 } = {}) {
  const address = new URL(url, document.baseURI);
  const manifest = await (await fetched(`${address}.json`)).json();
  const artifact = new Uint8Array(await (await fetched(address)).arrayBuffer());
  await verify(artifact, manifest.files[0]);
  const session = await open(artifact, manifest, self.crossOriginIsolated ? threads : 1);
  return new Generator(manifest, session);
}

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
  return answer;
}

async function verify(content, entry) {
  if (content.length !== entry.bytes) throw new Error(`${entry.name} is damaged: ${content.length} bytes, the manifest says ${entry.bytes}`);
  if (!self.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const found = [...digest].map(byte => byte.toString(16).padStart(2, "0")).join("");
  if (found !== entry.sha256) throw new Error(`${entry.name} is damaged: its SHA-256 is not the manifest's`);
}

const product = shape => shape.reduce((all, side) => all * side, 1);

export class Generator {
  constructor(manifest, session) {
    this.manifest = manifest;
    this.inputs = manifest.inputs;
    this.output = manifest.outputs[0];
    this.batch = manifest.batch.usual ?? manifest.batch.max;
    this.session = session;
  }

  // Named typed arrays of `batch` samples each in; {name: typed array} out, as the artifact gives it.
  async run(inputs) {
    const arrays = this.inputs.map(input => {
      const array = inputs[input.name];
      if (!array) throw new Error(`input '${input.name}' is missing; this generator takes ${this.inputs.map(i => i.name).join(", ")}`);
      const wanted = this.batch * product(input.shape.slice(1));
      if (array.length !== wanted) throw new Error(`input '${input.name}' has ${array.length} values, ${wanted} are wanted`);
      return array;
    });
    return { [this.output.name]: await this.session.run(arrays) };
  }

  // `count` pictures as ImageData, the same for a seed as Python's; `fixed` sets inputs by name, a class by its number.
  async sample(count = 1, seed = 0, fixed = {}) {
    const values = Object.fromEntries(this.inputs.map((input, index) => [input.name,
      input.name in fixed ? repeated(input, fixed[input.name], count) : drawn(input, count, seed, index)]));
    return this.#pictures(values, count);
  }

  // An ImageData of any size in, one of the artifact's output size out: the middle part of the input's proportions.
  async translate(image, seed = 0) {
    const own = this.inputs.find(input => input.kind === "image");
    if (!own) throw new Error("this generator takes no picture; use sample()");
    const [, channels, height, width] = own.shape;
    const fitted = image.width === width && image.height === height ? image : resized(image, width, height);
    const values = Object.fromEntries(this.inputs.map((input, index) => [input.name,
      input === own ? toFloat(fitted, channels, own.range) : drawn(input, 1, seed, index)]));
    return (await this.#pictures(values, 1))[0];
  }

  async #pictures(values, count) {
    const found = [];
    for (let start = 0; start < count; start += this.batch) {
      const part = Object.fromEntries(this.inputs.map(input => {
        const size = product(input.shape.slice(1)), array = values[input.name];
        const rows = new array.constructor(this.batch * size);
        for (let row = 0; row < this.batch; row++) {
          const from = Math.min(start + row, count - 1) * size;
          rows.set(array.subarray(from, from + size), row * size);
        }
        return [input.name, rows];
      }));
      const given = (await this.run(part))[this.output.name];
      const size = given.length / this.batch;
      for (let row = 0; row < Math.min(this.batch, count - start); row++)
        found.push(toImage(given.subarray(row * size, (row + 1) * size), this.output));
    }
    return found;
  }

  close() {
    this.session.close();
  }
}

function repeated(input, value, count) {
  if (input.kind === "label") return new BigInt64Array(count).fill(BigInt(value));
  const size = product(input.shape.slice(1)), values = new Float32Array(count * size);
  if (input.kind === "onehot" && typeof value === "number") {
    for (let i = 0; i < count; i++) values[i * size + value] = 1;
    return values;
  }
  const one = typeof value === "number" ? [value] : value;
  return values.map((_, i) => one[i % one.length]);
}

function toFloat(image, channels, [low, high]) {
  const places = image.width * image.height, values = new Float32Array(channels * places), scale = Math.fround((high - low) / 255);
  for (let i = 0; i < places; i++) {
    const [red, green, blue] = image.data.subarray(4 * i, 4 * i + 3);
    const shown = channels === 1 ? [Math.round(0.299 * red + 0.587 * green + 0.114 * blue)] : [red, green, blue];
    shown.forEach((value, channel) => values[channel * places + i] = value * scale + low);
  }
  return values;
}

function toImage(values, output) {
  const [height, width, channels] = output.layout === "NHWC" ? output.shape.slice(1) : [output.shape[2], output.shape[3], output.shape[1]];
  const places = height * width, image = new ImageData(width, height), [low, high] = output.range;
  for (let i = 0; i < places; i++) {
    for (let colour = 0; colour < 3; colour++) {
      const channel = channels === 1 ? 0 : colour;
      const value = output.layout === "NHWC" ? values[i * channels + channel] : (values[channel * places + i] - low) * 255 / (high - low);
      image.data[4 * i + colour] = value;
    }
    image.data[4 * i + 3] = 255;
  }
  return image;
}

function resized(image, width, height) {
  const source = new OffscreenCanvas(image.width, image.height);
  source.getContext("2d").putImageData(image, 0, 0);
  const factor = Math.max(width / image.width, height / image.height);
  const target = new OffscreenCanvas(width, height).getContext("2d");
  target.imageSmoothingQuality = "high";
  const [across, down] = [image.width * factor, image.height * factor];
  target.drawImage(source, (width - across) / 2, (height - down) / 2, across, down);
  return target.getImageData(0, 0, width, height);
}

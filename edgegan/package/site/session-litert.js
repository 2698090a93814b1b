// LiteRT.js (WebAssembly, XNNPACK): runs .tflite.

import { loadAndCompile, loadLiteRt, Tensor } from "./vendor/litert/index.js";

let runtime;

export async function open(artifact, manifest, threads) {
  runtime ??= loadLiteRt(new URL("./vendor/litert/wasm/", import.meta.url).href, { threads: threads > 1 });
  await runtime;
  const model = await loadAndCompile(artifact, { accelerator: "wasm" });
  return new Session(model, manifest);
}

class Session {
  constructor(model, manifest) {
    this.model = model;
    // The converter names inputs ..._args_0, ..._args_1 and drops those that nothing reads.
    this.details = model.getInputDetails().map((detail, place) => ({ ...detail, argument: Number(/args_(\d+)/.exec(detail.name)?.[1] ?? place) }));
    this.batch = manifest.batch.max;
  }

  async run(arrays) {
    const tensors = this.details.map(detail => {
      const array = arrays[detail.argument];
      const values = detail.dtype === "int32" ? Int32Array.from(array, Number) : array;
      return new Tensor(values, detail.shape);
    });
    const results = await this.model.run(tensors);
    const values = results[0].toTypedArray().slice();
    [...tensors, ...results].forEach(tensor => tensor.delete());
    return values;
  }

  close() {
    this.model.delete();
  }
}

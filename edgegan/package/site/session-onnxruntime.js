// ONNX Runtime Web (WebAssembly): runs .onnx.

import * as ort from "./vendor/onnxruntime/ort.wasm.min.mjs";

export async function open(artifact, manifest, threads) {
  ort.env.wasm.wasmPaths = new URL("./vendor/onnxruntime/", import.meta.url).href;
  ort.env.wasm.numThreads = threads;
  const session = await ort.InferenceSession.create(artifact, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
  return new Session(session, manifest);
}

class Session {
  constructor(session, manifest) {
    this.session = session;
    this.inputs = manifest.inputs;
    this.batch = manifest.batch.usual ?? manifest.batch.max;
  }

  async run(arrays) {
    const feeds = {};
    this.inputs.forEach((input, index) => {
      if (!this.session.inputNames.includes(input.name)) return;
      const shape = [this.batch, ...input.shape.slice(1)];
      feeds[input.name] = new ort.Tensor(input.dtype, arrays[index], shape);
    });
    const results = await this.session.run(feeds);
    return results[this.session.outputNames[0]].data;
  }

  close() {
    this.session.release();
  }
}

// The page to try it: samples by seed, a picture from a file, the camera.

import { load } from "./edgegan.js";

const byId = id => document.getElementById(id), told = byId("told"), pictures = byId("pictures");
const generator = await load(document.body.dataset.artifact).catch(error => {
  told.textContent = error.message;
  throw error;
});
const takesPicture = generator.inputs.some(input => input.kind === "image");
byId("what").textContent = `${generator.manifest.model}, ${generator.manifest.backend} ${generator.manifest.precision}`;
byId("sample").hidden = takesPicture;
byId("send").hidden = byId("film").hidden = !takesPicture;
document.body.dataset.ready = "true";

function show(images) {
  pictures.replaceChildren(...images.map((image, index) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `picture ${index + 1}`);
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }));
}

async function timed(work) {
  const start = performance.now(), images = await work();
  told.textContent = `${((performance.now() - start) / images.length).toFixed(1)} ms a picture`;
  show(images);
}

byId("sample").addEventListener("submit", event => {
  event.preventDefault();
  timed(() => generator.sample(Number(event.target.count.value), Number(event.target.seed.value)));
});

async function pixels(source, width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

byId("send").addEventListener("change", async event => {
  if (!event.target.files.length) return;
  const bitmap = await createImageBitmap(event.target.files[0]);
  timed(async () => [await generator.translate(await pixels(bitmap, bitmap.width, bitmap.height))]);
});

let filming = false;
byId("film").addEventListener("submit", async event => {
  event.preventDefault();
  filming = !filming;
  if (!filming) return;
  const video = document.createElement("video");
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
  } catch (error) {
    filming = false;
    told.textContent = `there is no camera: ${error.message}`;
    return;
  }
  await video.play();
  while (filming) await timed(async () => [await generator.translate(await pixels(video, video.videoWidth, video.videoHeight))]);
  video.srcObject.getTracks().forEach(track => track.stop());
});

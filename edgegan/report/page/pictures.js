// The same input before and after: one over the other with a slider, and their difference, ten times as strong.

const STRENGTH = 10;

function comparison(before, after) {
  const under = make("img", { src: after, alt: "pictures of the compressed network" });
  const above = make("img", { src: before, alt: "pictures of the original network" });
  const over = make("div", { class: "over" }, above);
  const frame = make("div", { class: "compare" }, under, over);
  const slider = make("input", { type: "range", min: 0, max: 100, value: 50, class: "slide", id: "slider", "aria-label": "how much of the original is shown" });
  const place = () => {
    above.style.width = `${under.clientWidth}px`;
    over.style.width = `${slider.value}%`;
  };
  slider.addEventListener("input", place);
  under.addEventListener("load", place);
  addEventListener("resize", place);
  const canvas = make("canvas", { role: "img", "aria-label": `difference of both, times ${STRENGTH}`, width: 1, height: 1 });
  Promise.all([under.decode(), above.decode()]).then(() => difference(canvas, above, under));
  return make("div", { class: "pictures" },
    make("p", { class: "faint" }, "Left of the line the original, right of it the compressed network, for the same inputs."),
    frame, slider, make("p", { class: "faint" }, `Their difference, times ${STRENGTH}:`), canvas);
}

function difference(canvas, one, other) {
  const [width, height] = [one.naturalWidth, one.naturalHeight], context = canvas.getContext("2d", { willReadFrequently: true });
  [canvas.width, canvas.height] = [width, height];
  const pixels = image => {
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, width, height);
  };
  const first = pixels(one), second = pixels(other);
  for (let i = 0; i < first.data.length; i += 4)
    for (let c = 0; c < 3; c++) first.data[i + c] = STRENGTH * Math.abs(first.data[i + c] - second.data[i + c]);
  context.putImageData(first, 0, 0);
}

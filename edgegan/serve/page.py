"""The page at /: sample with a seed, or send a picture; nothing is fetched from elsewhere."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>EdgeGAN</title>
<link rel="icon" href="data:,">
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto;
         padding: 0 1rem; color: #222; background: #fff }
  fieldset { border: 1px solid #ccc; border-radius: 8px; margin: 1rem 0 }
  input, button { font: inherit; padding: .2rem .5rem }
  input[type=number] { width: 6rem }
  a { color: inherit }
  img { image-rendering: pixelated; min-width: 16rem; max-width: 100%; border: 1px solid #ddd }
  #told { color: #a00; min-height: 1.5em }
  @media (prefers-color-scheme: dark) { body { color: #ddd; background: #161616 } }
</style>
<main>
<h1>EdgeGAN</h1>
<p id="what"></p>
<form id="sample"><fieldset><legend>Sample</legend>
  <label>pictures <input name="count" type="number" min="1" max="256" value="16"></label>
  <label>seed <input name="seed" type="number" min="0" value="0"></label>
  <button>Draw</button>
</fieldset></form>
<form id="send" hidden><fieldset><legend>Send a picture</legend>
  <label>picture <input name="file" type="file" accept="image/*"></label> <button>Translate</button>
</fieldset></form>
<p id="told" role="alert"></p>
<img id="result" alt="" hidden>
<p><a href="docs">every request</a></p>
</main>
<script>
  // A service that asks for a token is opened as /#token=TOKEN, which browsers keep to themselves.
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const told = document.getElementById("told"), result = document.getElementById("result");
  async function show(path, body) {
    told.textContent = "";
    const start = performance.now(), answer = await fetch(path, { method: "POST", headers, body });
    if (!answer.ok) { told.textContent = (await answer.json()).error; return }
    result.src = URL.createObjectURL(await answer.blob());
    result.alt = `pictures, ${Math.round(performance.now() - start)} ms with the way here`;
    result.hidden = false;
  }
  document.getElementById("sample").addEventListener("submit", event => {
    event.preventDefault();
    const form = event.target;
    show("images", JSON.stringify({ count: Number(form.count.value), seed: Number(form.seed.value) }));
  });
  document.getElementById("send").addEventListener("submit", event => {
    event.preventDefault();
    if (event.target.file.files.length) show("image", event.target.file.files[0]);
  });
  fetch("manifest", { headers }).then(async answer => {
    if (!answer.ok) { told.textContent = (await answer.json()).error; return }
    const manifest = await answer.json();
    document.getElementById("what").textContent =
      `${manifest.model}, ${manifest.backend} ${manifest.precision}, for ${manifest.target}`;
    document.getElementById("send").hidden = !manifest.inputs.some(input => input.kind === "image");
  });
</script>
</html>
"""

// The viewer: one picture as large as the window, from which arrow keys lead to its neighbours.

function setUpViewer() {
  const viewer = document.querySelector("dialog");
  const large = viewer.querySelector("img");
  let current = null;

  const show = (tile) => {
    const small = tile.querySelector("img");
    const group = tile.closest(GROUP);
    const groups = [...group.parentElement.querySelectorAll(GROUP)].filter((one) => !one.hidden);
    current = tile;
    large.src = tile.href;
    large.alt = small.alt;
    large.classList.toggle("checkered", tile.classList.contains("checkered"));
    large.style.aspectRatio = `${small.getAttribute("width")} / ${small.getAttribute("height")}`;
    viewer.querySelector("span").textContent = small.alt;
    viewer.querySelector("small").textContent =
      `${groups.indexOf(group) + 1} / ${groups.length} ${group.closest("section").dataset.noun}`;
    if (!viewer.open) viewer.showModal();
  };
  const step = (key) => {
    const next = tileBeside(current, key);
    if (next) show(next);
  };

  document.querySelector("main").addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (!tile || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(tile);
  });
  for (const button of viewer.querySelectorAll("[data-key]")) {
    button.addEventListener("click", () => step(button.dataset.key));
  }
  viewer.addEventListener("click", (event) => {
    if (!event.target.closest("button:not(.close), img")) viewer.close();
  });
  viewer.addEventListener("keydown", (event) => {
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    step(event.key);
  });
  viewer.addEventListener("close", () => focusTile(current));
}

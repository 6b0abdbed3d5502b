// What only a page with its script has, and the keys that work everywhere.

for (const element of document.querySelectorAll(".scripted")) element.hidden = false;
setUpLazyRows();
setUpTiles();
setUpViewer();
setUpPreview();
setUpComparison();
setUpUnitFilter();
setUpMap();

document.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  const filter = document.querySelector("#wanted");
  if (event.key === "Escape") hidePreview();
  if (!filter || document.querySelector("dialog").open) return;
  if (event.key === "Escape" && document.activeElement === filter) {
    filter.value = "";
    filter.dispatchEvent(new Event("input"));
  }
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
  event.preventDefault();
  filter.focus();
});

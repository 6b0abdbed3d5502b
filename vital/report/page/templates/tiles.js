// Tiles, the small pictures, and how one leads to the next. Tiles stand in groups: the rows of
// classes, whose cells are columns, and the cards of units.

const GROUP = ".row, .card";

function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function tilesOf(group) {
  return [...group.querySelectorAll(".tile")].filter((tile) => getComputedStyle(tile).display !== "none");
}

function groupBeside(group, by) {
  let other = group;
  do other = by > 0 ? other.nextElementSibling : other.previousElementSibling;
  while (other && (other.hidden || !other.matches(GROUP)));
  return other;
}

/** The tile to which an arrow key leads from another; null at the end. */
function tileBeside(tile, key) {
  const group = tile.closest(GROUP);
  const by = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const all = tilesOf(group);
    const next = all[all.indexOf(tile) + by];
    if (next) return next;
  }
  const other = groupBeside(group, by);
  if (!other) return null;
  const tiles = tilesOf(other);
  if (key === "ArrowRight") return tiles[0] ?? null;
  if (key === "ArrowLeft") return tiles.at(-1) ?? null;
  return tileBelow(tile, group, other) ?? tiles[0] ?? null;
}

/** The tile at the same place of the same column of another row. */
function tileBelow(tile, row, other) {
  const cell = tile.closest(".cell");
  if (!cell) return null;
  const column = [...row.children].indexOf(cell);
  const place = [...cell.querySelectorAll(".tile")].indexOf(tile);
  const below = [...other.children[column].querySelectorAll(".tile")];
  return below[Math.min(place, below.length - 1)] ?? null;
}

function handleTileKey(event) {
  const tile = event.target.closest?.(".tile");
  if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
  let next = null;
  if (event.key.startsWith("Arrow")) next = tileBeside(tile, event.key);
  else if (event.key === "Home") next = tilesOf(tile.closest(GROUP))[0];
  else if (event.key === "End") next = tilesOf(tile.closest(GROUP)).at(-1);
  else return;
  event.preventDefault();
  focusTile(next ?? tile);
}

/** Of a section's tiles one is a stop of the Tab key: that which had the focus last. */
function focusTile(tile) {
  const stop = tile.closest("section").querySelector('.tile[tabindex="0"]');
  if (stop) stop.tabIndex = -1;
  tile.tabIndex = 0;
  tile.focus();
}

function setUpTiles() {
  for (const section of document.querySelectorAll("section")) {
    section.querySelectorAll(".tile").forEach((tile, place) => (tile.tabIndex = place ? -1 : 0));
  }
  document.querySelector("main").addEventListener("keydown", handleTileKey);
}

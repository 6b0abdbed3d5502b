// Thousands of lazy images cost time in every frame, as the browser looks after each of them. So the
// images of rows out of sight give up their addresses until the browser lays their row out.

const ROWS_AT_ONCE = 10;

function setUpLazyRows() {
  const grid = document.querySelector(".comparison");
  if (!grid || !("oncontentvisibilityautostatechange" in grid)) return;
  const give = (row) => {
    for (const image of row.querySelectorAll("img[data-src]")) {
      image.src = image.dataset.src;
      image.removeAttribute("data-src");
    }
  };
  for (const row of [...grid.querySelectorAll(".row")].slice(ROWS_AT_ONCE)) {
    for (const image of row.querySelectorAll("img")) {
      image.dataset.src = image.getAttribute("src");
      image.removeAttribute("src");
    }
  }
  grid.addEventListener("contentvisibilityautostatechange", (event) => {
    if (!event.skipped) give(event.target);
  }, { capture: true });
  addEventListener("beforeprint", () => give(grid));
}

// The preview: a picture enlarged beside the mouse for as long as it is pointed at.

const PREVIEW_DELAY = 150;
const PREVIEW_GAP = 14;

/** Show a picture beside a box on the screen, on the side that has more room. */
function showPreview(url, words, box, isCheckered = false) {
  const preview = document.querySelector("#preview");
  const image = preview.querySelector("img");
  image.hidden = !url;
  if (url && image.getAttribute("src") !== url) image.src = url;
  image.classList.toggle("checkered", isCheckered);
  preview.querySelector("p").textContent = words;
  preview.hidden = false;
  const { width, height } = preview.getBoundingClientRect();
  const isLeft = box.left > innerWidth - box.right;
  const left = isLeft ? box.left - PREVIEW_GAP - width : box.right + PREVIEW_GAP;
  const top = Math.min(Math.max(box.top, 8), innerHeight - Math.max(height, image.hidden ? 0 : 360) - 8);
  preview.style.translate = `${Math.round(left)}px ${Math.round(Math.max(top, 8))}px`;
}

function hidePreview() {
  document.querySelector("#preview").hidden = true;
}

function setUpPreview() {
  const main = document.querySelector("main");
  let waiting = 0;
  const stop = () => {
    clearTimeout(waiting);
    hidePreview();
  };
  main.addEventListener("pointerover", (event) => {
    const tile = event.pointerType === "mouse" ? event.target.closest(".tile") : null;
    if (!tile) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const box = tile.getBoundingClientRect();
      showPreview(tile.href, tile.querySelector("img").alt, box, tile.classList.contains("checkered"));
    }, PREVIEW_DELAY);
  });
  main.addEventListener("pointerout", (event) => {
    if (event.target.closest(".tile")) stop();
  });
  main.addEventListener("click", stop);
  addEventListener("scroll", hidePreview, { passive: true });
}

"use strict";
// Each timeline: a cursor that follows the sound, and windows that play a part of it.
for (const figure of document.querySelectorAll(".timeline")) {
  const audio = figure.querySelector("audio");
  const picture = figure.querySelector(".time");
  const cursor = figure.querySelector(".cursor");
  const windows = [...figure.querySelectorAll(".window")];
  const duration = Number(figure.dataset.duration);
  let part = null; // the window that is playing

  const stopPart = () => {
    if (part) part.classList.remove("playing");
    part = null;
  };
  const follow = () => {
    const place = `${(100 * Math.min(audio.currentTime, duration)) / duration}%`;
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
    if (part && audio.currentTime >= Number(part.dataset.end)) {
      audio.pause();
      stopPart();
    }
    if (!audio.paused) requestAnimationFrame(follow);
  };
  const play = (window) => {
    stopPart();
    part = window;
    part.classList.add("playing");
    audio.currentTime = Number(part.dataset.start);
    audio.play();
  };

  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) {
      if (other !== audio) other.pause();
    }
    follow();
  });
  audio.addEventListener("seeked", follow);
  audio.addEventListener("pause", () => {
    follow();
    stopPart();
  });
  picture.addEventListener("click", (event) => {
    const window = event.target.closest(".window");
    if (window) {
      play(window);
      return;
    }
    const box = picture.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    stopPart();
    audio.currentTime = share * duration;
  });
  for (const [number, window] of windows.entries()) {
    window.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        if (part === window) audio.pause();
        else play(window);
      } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        const next = windows[number + (event.key === "ArrowRight" ? 1 : -1)];
        if (next) {
          event.preventDefault();
          next.focus();
        }
      }
    });
  }
}

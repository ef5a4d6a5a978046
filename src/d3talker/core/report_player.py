"""The part of a report that plays several videos side by side, in step: its HTML, its style and its script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

MOST_COLUMNS = 5
"""Videos that stand in one row where the page is wide enough."""

PLAYER_STYLE = """
.player { max-width: calc(var(--columns) * 32rem); padding: .75rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--card); }
.player .clips { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, minmax(max(min(100%, 9rem),
  (100% - (var(--columns) - 1) * .75rem) / var(--columns)), 1fr)); }
.player .clip { text-align: center; font-size: .9rem; overflow-wrap: anywhere; }
.player video { width: 100%; height: auto; margin-bottom: .3rem; background: #000; cursor: pointer; }
.player .bar { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem; margin-top: .6rem; }
.player button, .player select { height: 2.1rem; padding: 0 .55rem; border: 1px solid var(--line); border-radius: 6px;
  background: var(--page); color: var(--ink); font: inherit; font-size: .9rem; cursor: pointer; }
.player button:hover, .player select:hover { border-color: var(--accent); }
.player svg { display: block; width: 1rem; height: 1rem; fill: currentColor; stroke: currentColor; }
.player input { flex: 1 1 6rem; min-width: 0; margin: 0 .3rem; accent-color: var(--accent); cursor: pointer; }
.player .time { color: var(--soft); font-size: .9rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.player:focus-visible, .player :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.player.playing .when-paused, .player:not(.playing) .when-playing,
.player.loud .when-muted, .player:not(.loud) .when-loud { display: none; }
@media (max-width: 32rem) { .player input { flex-basis: 100%; order: -1; }
  .player button, .player select { padding: 0 .4rem; } }
"""

PLAYER_SCRIPT = """
(() => {
  "use strict";
  const players = [];
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  const setUp = (figure) => {
    const clips = [...figure.querySelectorAll("video")];
    const [master, ...followers] = clips;
    const part = (name) => figure.querySelector(`[data-part="${name}"]`);
    const [toggle, scrubber, readout, speed, sound] = ["toggle", "scrubber", "readout", "speed", "sound"].map(part);
    const fps = Number(figure.dataset.fps);
    let playing = false;
    let resume = false;
    let tick = 0;

    // Whole frames: the sound of a file may last a few milliseconds longer than its pictures.
    const frames = () => Math.max(1, Math.round((master.duration || 0) * fps));
    const length = () => frames() / fps;
    const frameAt = (time) => Math.floor(time * fps + 0.01);  // 0.01: 1.16 * 25 is 28.999999999999996
    const atEnd = () => master.ended || master.currentTime > length() - 0.5 / fps;

    const show = () => {
      const time = Math.min(master.currentTime, length()).toFixed(2);
      scrubber.max = length();
      scrubber.value = master.currentTime;
      scrubber.setAttribute("aria-valuetext", `${time} of ${length().toFixed(2)} seconds`);
      readout.textContent = `${time} / ${length().toFixed(2)} s`;
    };

    const mark = () => {
      figure.classList.toggle("playing", playing);
      figure.classList.toggle("loud", !master.muted);
      toggle.setAttribute("aria-label", playing ? "Pause" : "Play");
      sound.setAttribute("aria-pressed", String(!master.muted));
    };

    // A little inside the frame: a time rounded down at its very edge would show the frame before.
    const seek = (time) => {
      const exact = time >= length() ? length() : (Math.max(0, frameAt(time)) + 0.02) / fps;
      clips.forEach((clip) => { clip.currentTime = exact; });
      show();
    };

    const halt = () => {
      if (!playing) return;
      playing = false;
      cancelAnimationFrame(tick);
      const time = atEnd() ? length() : master.currentTime;
      clips.forEach((clip) => clip.pause());
      seek(time);
      mark();
    };

    // A refusal matters only if the master stands still: pausing a clip that is about to start is refused too.
    const start = (clip) => clip.play().catch(() => { if (master.paused) halt(); });

    const play = () => {
      players.forEach((player) => player.halt());
      if (atEnd()) seek(0);
      playing = true;
      mark();
      clips.forEach((clip) => { clip.playbackRate = Number(speed.value); });
      clips.forEach(start);
      tick = requestAnimationFrame(keepStep);
    };

    // Small drifts are made up by going a little faster or slower, which is not seen; a seek would be.
    const follow = (clip) => {
      if (clip.error || clip.ended || clip.seeking || master.seeking) return;
      if (clip.paused) start(clip);
      const ahead = clip.currentTime - master.currentTime;
      if (Math.abs(ahead) > 0.5) clip.currentTime = master.currentTime;
      const change = Math.abs(ahead) < 0.25 / fps ? 0 : clamp(-4 * ahead, -0.5, 0.5);
      const rate = master.playbackRate * (1 + change);
      if (clip.playbackRate !== rate) clip.playbackRate = rate;
    };

    const keepStep = () => {
      followers.forEach(follow);
      show();
      tick = requestAnimationFrame(keepStep);
    };

    const change = () => (playing ? halt() : play());

    const step = (by) => {
      halt();
      const last = frames() - 1;
      seek(clamp(Math.min(frameAt(master.currentTime), last) + by, 0, last) / fps);
    };

    const scrub = () => {
      const time = Number(scrubber.value);
      resume = resume || playing;
      halt();
      seek(time);
    };

    const scrubbed = () => {
      if (resume && !atEnd()) play();
      resume = false;
    };

    const press = (event) => {
      const inside = event.target.tagName;
      if (inside === "SELECT" || event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key === " " && inside === "BUTTON") return;  // the button's own key
      const act = { " ": change, ArrowLeft: () => step(-1), ArrowRight: () => step(1) }[event.key];
      if (!act) return;
      event.preventDefault();
      if (event.key !== " " || !event.repeat) act();
    };

    toggle.addEventListener("click", change);
    part("back").addEventListener("click", () => step(-1));
    part("forward").addEventListener("click", () => step(1));
    sound.addEventListener("click", () => { master.muted = !master.muted; mark(); });
    speed.addEventListener("change", () => {
      clips.forEach((clip) => { clip.playbackRate = Number(speed.value); });
    });
    scrubber.addEventListener("input", scrub);
    scrubber.addEventListener("change", scrubbed);
    figure.addEventListener("keydown", press);
    clips.forEach((clip) => clip.addEventListener("click", change));
    // The browser itself may stop or start the master: at its end, or by the media keys of the keyboard.
    ["pause", "ended"].forEach((name) => master.addEventListener(name, () => { if (master.paused) halt(); }));
    master.addEventListener("play", () => { if (!playing && !master.paused) play(); });
    ["loadedmetadata", "durationchange", "seeked"].forEach((name) => master.addEventListener(name, show));
    clips.forEach((clip) => { clip.muted = true; });
    mark();
    show();
    players.push({ halt });
  };

  document.querySelectorAll("figure.player").forEach(setUp);
})();
"""

_SPEAKER = '<path d="M2 6h3l3.5-3v10L5 10H2z"/>'
_ICONS = {
    "play": '<path d="M4 2.5v11l9-5.5z"/>',
    "pause": '<path d="M4 3h2.5v10H4zM9.5 3H12v10H9.5z"/>',
    "back": '<path d="M13 3v10L6.5 8zM3.5 3h1v10h-1z"/>',
    "forward": '<path d="M3 3v10l6.5-5zM11.5 3h1v10h-1z"/>',
    "loud": _SPEAKER + '<path d="M11 5.5a3.5 3.5 0 0 1 0 5M13 3.5a6.4 6.4 0 0 1 0 9" fill="none"/>',
    "muted": _SPEAKER + '<path d="M11 6l4 4M15 6l-4 4" fill="none"/>',
}


def player(videos: Sequence[tuple[str, str]], caption: str, fps: float) -> str:
    """The HTML of one figure; the page needs ``PLAYER_STYLE``, and after all figures ``PLAYER_SCRIPT``, once.

    Args:
        videos: name and source (a data URL) of each; the first is the clock of the others and the only one heard.
        caption: what the figure shows, or "".
        fps: frames a second, for steps of one frame.
    """
    rows = math.ceil(len(videos) / MOST_COLUMNS)
    columns = math.ceil(len(videos) / rows)  # rows as even as can be: six stand as three and three
    label = caption or "Videos side by side: " + ", ".join(name for name, _ in videos)
    below = f"<figcaption>{escape(caption)}</figcaption>\n" if caption else ""
    return (
        f'<figure class="player" data-fps="{fps:.12g}" tabindex="0" role="group" aria-label="{escape(label)}" '
        f'aria-keyshortcuts="Space ArrowLeft ArrowRight" style="--columns: {columns}">\n<div class="clips">\n'
        + "".join(_clip(name, source) for name, source in videos)
        + f"</div>\n{_bar()}{below}</figure>"
    )


def _clip(name: str, source: str) -> str:
    told = escape(name)
    video = f'<video muted playsinline preload="auto" aria-label="{told}" src="{source}"></video>'
    return f'<div class="clip">{video}{told}</div>\n'


def _bar() -> str:
    toggle = _icon("play", "when-paused") + _icon("pause", "when-playing")
    sound = _icon("muted", "when-muted") + _icon("loud", "when-loud")
    speeds = "".join(
        f'<option value="{speed}"{" selected" if speed == "1" else ""}>{speed}x</option>'
        for speed in ("0.25", "0.5", "1")
    )
    return (
        '<div class="bar">\n'
        + _button("toggle", "Play", toggle, "Play or pause (space)")
        + _button("back", "One frame back", _icon("back"), "One frame back (left arrow)")
        + _button("forward", "One frame forward", _icon("forward"), "One frame forward (right arrow)")
        # autocomplete="off": after a reload some browsers would put the old values back
        + '<input data-part="scrubber" type="range" min="0" max="1" step="any" value="0" autocomplete="off"'
        + ' aria-label="Time">\n<span class="time" data-part="readout">0.00 / 0.00 s</span>\n'
        + f'<select data-part="speed" autocomplete="off" aria-label="Speed">{speeds}</select>\n'
        + _button("sound", "Sound", sound, "Sound of the first video")
        + "</div>\n"
    )


def _button(part: str, label: str, icon: str, hint: str) -> str:
    return f'<button type="button" data-part="{part}" aria-label="{label}" title="{hint}">{icon}</button>\n'


def _icon(name: str, kind: str = "") -> str:
    return f'<svg viewBox="0 0 16 16" aria-hidden="true" class="{kind}">{_ICONS[name]}</svg>'

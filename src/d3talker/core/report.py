"""Reports that anyone can open: one HTML file with its pictures, plots and videos inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from d3talker.core.files import atomic_file
from d3talker.core.report_player import PLAYER_SCRIPT, PLAYER_STYLE, player

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST_VIDEO = 20_000_000
"""Bytes of a video that is still put inside a report."""

_STYLE = """
:root { color-scheme: light dark; --page: #fafafa; --card: #fff; --ink: #1c1e21; --soft: #5f6670; --line: #dfe2e6;
  --accent: #2563eb; --alarm: #b45309; --alarm-page: #fef3c7; }
@media (prefers-color-scheme: dark) { :root { --page: #14161a; --card: #1d2025; --ink: #e7e9ec; --soft: #9aa2ad;
  --line: #32373f; --accent: #7aa5ff; --alarm: #fcd34d; --alarm-page: #3a2c0b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2.5rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 1.5rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
p { margin: .75rem 0; max-width: 48rem; white-space: pre-line; }
.warning { padding: .6rem .9rem; border-left: 4px solid var(--alarm); border-radius: 4px;
  background: var(--alarm-page); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; background: var(--card); font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .8rem; border: 1px solid var(--line); text-align: left; }
th { font-weight: 600; color: var(--soft); }
td.number { text-align: right; }
td.strong { font-weight: 700; }
figure { margin: 1.25rem 0; }
figure > img, video { display: block; max-width: 100%; border-radius: 6px; border: 1px solid var(--line); }
figcaption { margin-top: .35rem; color: var(--soft); font-size: .9rem; }
.plot > img { background: #fff; }
.sheet { display: grid; gap: .75rem; margin: 1.25rem 0; }
.sheet figure { margin: 0; }
.sheet img { width: 100%; }
"""


class Report:
    """Collects blocks in the order of the calls; :meth:`write` makes one self-contained file of them.

    The page needs no network and no other files, and follows the reader's light or dark mode. It holds a script only
    where videos stand side by side, to play them in step. All text is escaped.

    Args:
        title: the heading of the page.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._blocks: list[str] = []
        self._has_player = False

    def section(self, title: str) -> None:
        """Opens a section."""
        self._blocks.append(f"<h2>{escape(title)}</h2>")

    def text(self, text: str) -> None:
        """Adds a paragraph; line breaks are kept."""
        self._blocks.append(f"<p>{escape(text)}</p>")

    def warning(self, text: str) -> None:
        """Adds a paragraph that catches the eye."""
        self._blocks.append(f'<p class="warning" role="alert">{escape(text)}</p>')

    def table(
        self, rows: Sequence[Sequence[object]], header: Sequence[str], strong: Collection[tuple[int, int]] = ()
    ) -> None:
        """Adds a table; numbers stand to the right, floats with four significant digits.

        Args:
            rows: of cells.
            header: of the columns.
            strong: row and column of cells to be set in bold.

        Raises:
            ValueError: a row is not as long as the header.
        """
        if any(len(row) != len(header) for row in rows):
            raise ValueError(f"every row of the table must have {len(header)} cells")
        head = "".join(f"<th>{escape(name)}</th>" for name in header)
        body = "".join(
            f"<tr>{''.join(_cell(value, (i, j) in strong) for j, value in enumerate(row))}</tr>\n"
            for i, row in enumerate(rows)
        )
        self._blocks.append(
            f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>'
        )

    def picture(self, picture: np.ndarray, caption: str = "") -> None:
        """Adds one picture, (H, W, 3), (H, W, 4) or (H, W) uint8, without loss."""
        self._blocks.append(_figure(_picture_source(picture), caption))

    def pictures(self, pictures: Sequence[np.ndarray], captions: Sequence[str] = (), columns: int = 4) -> None:
        """Adds a contact sheet of ``columns`` pictures a row.

        Raises:
            ValueError: there are captions, but not one for each picture.
        """
        captions = captions or [""] * len(pictures)
        if len(captions) != len(pictures):
            raise ValueError(f"{len(pictures)} pictures with {len(captions)} captions")
        figures = "\n".join(_figure(_picture_source(p), c) for p, c in zip(pictures, captions, strict=True))
        widths = f"grid-template-columns: repeat({columns}, minmax(0, 1fr))"
        self._blocks.append(f'<div class="sheet" style="{widths}">\n{figures}\n</div>')

    def plot(
        self,
        content: Mapping[str, tuple[Any, Any]] | Callable[[Axes], None],
        caption: str = "",
        x_label: str = "",
        y_label: str = "",
        size: tuple[float, float] = (9.0, 3.2),
    ) -> None:
        """Adds a plot.

        Args:
            content: lines by name, each (x, y), or a function that draws on the matplotlib axes it is given.
            caption: what the plot shows.
            x_label: what runs to the right, with its unit.
            y_label: what runs up, with its unit.
            size: width and height in inches.
        """
        from matplotlib import rc_context
        from matplotlib.figure import Figure  # used without pyplot: no window, no global figures

        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        axes.set(xlabel=x_label, ylabel=y_label)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        if callable(content):
            content(axes)
        else:
            for name, (x, y) in content.items():
                axes.plot(x, y, label=name, linewidth=1.3)
            axes.legend(frameon=False)
        drawn = io.BytesIO()
        with rc_context({"svg.hashsalt": "report"}):  # the same plot gives the same bytes
            figure.savefig(drawn, format="svg", metadata={"Date": None})
        self._blocks.append(_figure(_data("image/svg+xml", drawn.getvalue()), caption, "plot"))

    def video(self, path: Path, caption: str = "") -> None:
        """Adds an mp4 or webm file; of one above ``LARGEST_VIDEO`` bytes only the name and the size are told."""
        source = self._video_source(path, caption or path.name)
        if source is not None:
            self._blocks.append(
                f'<figure><video controls preload="metadata" src="{source}"></video>'
                f"<figcaption>{escape(caption)}</figcaption></figure>"
            )

    def side_by_side(self, videos: Sequence[tuple[str, Path]], caption: str = "", fps: float = 25.0) -> None:
        """Adds mp4 or webm files of the same length next to each other, played in step by one bar of controls.

        Of a file above ``LARGEST_VIDEO`` bytes only the name and the size are told. Sound starts off, and only the
        first video shown is ever heard.

        Args:
            videos: name and file of each.
            caption: what the videos show.
            fps: frames a second, for the buttons that step by one frame.

        Raises:
            ValueError: there is no video, or ``fps`` is not above 0.
        """
        if not videos or not fps > 0:
            raise ValueError(f"{len(videos)} videos at {fps} fps; wanted at least one video and an fps above 0")
        sources = [(name, self._video_source(path, name)) for name, path in videos]
        shown = [(name, source) for name, source in sources if source is not None]
        if shown:
            self._blocks.append(player(shown, caption, fps))
            self._has_player = True

    def _video_source(self, path: Path, name: str) -> str | None:
        size = path.stat().st_size
        if size > LARGEST_VIDEO:
            self.text(f"{name}: {path.name} ({size / 1e6:.0f} MB) is too large to be shown here.")
            return None
        return _data(f"video/{path.suffix.lstrip('.').lower()}", path.read_bytes())

    def write(self, path: Path) -> None:
        """Writes the page, atomically.

        Raises:
            D3Error: the place cannot be written or the disk is full.
        """
        style = _STYLE + (PLAYER_STYLE if self._has_player else "")
        script = f"<script>{PLAYER_SCRIPT}</script>\n" if self._has_player else ""
        page = (
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self._title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
            f"<h1>{escape(self._title)}</h1>\n" + "\n".join(self._blocks) + f"\n{script}</body>\n</html>\n"
        )
        with atomic_file(path) as partial:
            partial.write_text(page, encoding="utf-8")


def _cell(value: object, strong: bool = False) -> str:
    kind = "strong" if strong else ""
    if isinstance(value, bool | np.bool_):
        text = "yes" if value else "no"
    elif isinstance(value, float | np.floating):
        text, kind = f"{value:.4g}", f"number {kind}"
    elif isinstance(value, int | np.integer):
        text, kind = str(value), f"number {kind}"
    else:
        text = escape(str(value))
    return f'<td class="{kind.strip()}">{text}</td>' if kind else f"<td>{text}</td>"


def _figure(source: str, caption: str, kind: str = "picture") -> str:
    told = escape(caption)
    below = f"<figcaption>{told}</figcaption>" if told else ""
    return f'<figure class="{kind}"><img src="{source}" alt="{told}">{below}</figure>'


def _picture_source(picture: np.ndarray) -> str:
    encoded = io.BytesIO()
    Image.fromarray(picture).save(encoded, format="PNG")
    return _data("image/png", encoded.getvalue())


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

"""The positioned picture as JSON, for other programs to draw; docs/drawing.schema.json says what each entry means."""

from __future__ import annotations

import json
import math
from typing import Any

from tensorgrad.viz.layout.scene import Arrow, Outline, Scene
from tensorgrad.viz.layout.splines import Point, Spline
from tensorgrad.viz.layout.themes import Theme
from tensorgrad.viz.picture.summaries import norm

VERSION = 1


def json_text(scene: Scene, theme: Theme, title: str, caption: str) -> str:
    """Return `scene` as JSON: places in points from the upper left corner, y downwards; arrows as cubic Béziers."""
    return json.dumps(_Printer(scene).document(scene, theme, title, caption), ensure_ascii=False, indent=1) + "\n"


class _Printer:
    def __init__(self, scene: Scene) -> None:
        self.left, self.bottom, self.right, self.top = scene.bounds()

    def document(self, scene: Scene, theme: Theme, title: str, caption: str) -> dict[str, Any]:
        """Return the whole as it is written."""
        return {
            "format": "tensorgrad drawing",
            "version": VERSION,
            "title": title,
            "caption": caption,
            "width": round(self.right - self.left, 2),
            "height": round(self.top - self.bottom, 2),
            "colours": theme.colours,
            "font": theme.font,
            "nodes": [self.node(outline) for outline in scene.outlines],
            "arrows": [self.arrow(arrow) for arrow in scene.arrows],
            "frames": [
                {"id": frame.module.id, "label": self.text(frame.module.label, frame.title, frame.size),
                 "boxes": [[*self.at((a, d)), round(c - a, 2), round(d - b, 2)] for a, b, c, d in frame.corners]}
                for frame in scene.frames
            ],
            "texts": [
                {"kind": note.kind, "role": note.role} | self.text(note.text, note.center, note.size)
                for note in scene.notes
            ],
        }  # fmt: skip

    def node(self, outline: Outline) -> dict[str, Any]:
        vertex = outline.vertex
        return {
            "id": vertex.id,
            "kind": vertex.kind,
            "round": outline.round,
            "width": round(2 * outline.half[0], 2),
            "height": round(2 * outline.half[1], 2),
            "shape": None if vertex.shape is None else list(vertex.shape),
            "frames": [module.id for module in vertex.around],
            "about": vertex.tooltip,
            "fault": vertex.fault.told if vertex.fault else None,
            "heat": None if vertex.heat is None else round(vertex.heat, 4),
            "kept": vertex.kept,
        } | self.text(vertex.face, outline.center, outline.size)

    def arrow(self, arrow: Arrow) -> dict[str, Any]:
        edge, back = arrow.edge, arrow.kind == "bwd"
        tail, head = arrow.ends
        numbers = edge.gradient if back else edge.value
        size = math.nan if numbers is None else norm(numbers)
        return {
            "id": arrow.id,
            "direction": "backward" if back else "forward",
            "tail": tail,
            "head": head,
            "name": edge.backward if back else edge.forward,
            "shape": list(edge.shape),
            "dtype": edge.dtype,
            "norm": size if math.isfinite(size) else None,
            "dash": arrow.pen.dash,
            "paths": [self.path(piece) for piece in arrow.pieces],
            "labels": [self.text(arrow.label, center, arrow.size) for center in arrow.centers],
            "fault": edge.fault.told if back and edge.fault else None,
        }

    def path(self, piece: Spline) -> list[list[float]]:
        return [self.at(point) for point in piece]

    def at(self, point: Point) -> list[float]:
        return [round(point[0] - self.left, 2), round(self.top - point[1], 2)]

    def text(self, text: str, center: Point, size: float) -> dict[str, Any]:
        x, y = self.at(center)
        return {"text": text, "x": x, "y": y, "size": round(size, 2)}

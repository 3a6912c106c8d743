"""Leaves that are read everywhere, drawn beside each reader instead of once.

A hundred long edges from one circle show nothing, and cost Graphviz minutes: each crosses every rank between its ends.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from .model import EdgeRecord, Picture, Vertex

MANY = 12


def spread(picture: Picture, many: int = MANY) -> Picture:
    """Return `picture` with a copy for each use of a leaf that is used more than `many` times."""
    uses: dict[str, list[EdgeRecord]] = defaultdict(list)
    for edge in picture.edges:
        uses[edge.tail].append(edge)
    everywhere = {vertex.id for vertex in picture.vertices if vertex.leaf and len(uses[vertex.id]) > many}
    if not everywhere:
        return picture
    around = {vertex.id: vertex.around for vertex in picture.vertices}
    copies: dict[EdgeRecord, EdgeRecord] = {}
    vertices: list[Vertex] = []
    for vertex in picture.vertices:
        if vertex.id not in everywhere:
            vertices.append(vertex)
            continue
        for k, edge in enumerate(uses[vertex.id]):
            copies[edge] = replace(edge, tail=f"{vertex.id}_{k}")
            vertices.append(replace(vertex, id=f"{vertex.id}_{k}", around=around[edge.head]))
    return Picture(vertices, [copies.get(edge, edge) for edge in picture.edges], picture.caption)

"""Draws a picture for a demo product: a few shapes in its own colours, the same on every run.

`python -m catalog.demo.drawing` reads requests from its standard input until that ends, and writes the pictures to its
standard output (see catalog.demo.pictures). It imports no Django.
"""

import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO

from PIL import Image, ImageColor, ImageDraw, ImageFilter

from catalog.images.protocol import receive, send

SIDE = 1000
# Shapes are drawn larger and scaled down, because Pillow does not smooth edges.
SCALE = 2
Colour = tuple[int, int, int]
Pen = ImageDraw.ImageDraw


def draw(*, seed: str, subject: str, colour: str) -> bytes:
    """A square JPEG that `seed` varies. `subject` is a key of SUBJECTS (else vases); `colour` is a CSS colour or ""."""
    dice = _Dice(seed)
    hue = dice.below(360)
    main: Colour = ImageColor.getrgb(colour or f"hsl({hue}, 38%, 52%)")[:3]
    ground = _mix(main, (250, 246, 240), 0.86)
    side = SIDE * SCALE
    image = Image.new("RGB", (side, side), ground)
    pen = ImageDraw.Draw(image)
    floor = side * (66 + dice.below(8)) // 100
    pen.rectangle((0, floor, side, side), fill=_mix(ground, (120, 100, 80), 0.18))
    _shadow(image, floor)
    SUBJECTS.get(subject, _vases)(ImageDraw.Draw(image), dice, main, side, floor + side // 12)
    out = BytesIO()
    image.resize((SIDE, SIDE), Image.Resampling.BOX).save(out, "JPEG", quality=90)
    return out.getvalue()


class _Dice:
    """Random numbers that depend on the seed alone, so they are the same on every machine."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed, 0

    def below(self, limit: int) -> int:
        """From 0 to limit - 1."""
        self._count += 1
        digest = hashlib.sha256(f"{self._seed}:{self._count}".encode()).digest()
        return int.from_bytes(digest[:4], "big") % limit


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _dark(colour: Colour, share: float = 0.3) -> Colour:
    return _mix(colour, (30, 26, 24), share)


def _light(colour: Colour, share: float = 0.4) -> Colour:
    return _mix(colour, (255, 252, 246), share)


def _shadow(image: Image.Image, floor: int) -> None:
    side = image.width
    mask = Image.new("L", (side // 8, side // 8), 0)
    ImageDraw.Draw(mask).ellipse((side // 40, floor // 8, side // 10, floor // 8 + side // 48), fill=70)
    mask = mask.filter(ImageFilter.GaussianBlur(side / 400)).resize(image.size)
    image.paste((40, 32, 26), mask=mask)


def _lamp(pen: Pen, dice: _Dice, main: Colour, side: int, base: int) -> None:
    u, middle = side // 100, side // 2
    top, spread = (14 + dice.below(8)) * u, (16 + dice.below(8)) * u
    pen.rectangle((middle - u, top + 20 * u, middle + u, base - 2 * u), fill=_dark(main, 0.55))
    pen.ellipse((middle - 13 * u, base - 5 * u, middle + 13 * u, base), fill=_dark(main, 0.5))
    narrow = spread * (4 + dice.below(5)) // 10
    shade = [(middle - narrow, top), (middle + narrow, top), (middle + spread, top + 24 * u)]
    pen.polygon([*shade, (middle - spread, top + 24 * u)], fill=main)
    pen.polygon([(middle - narrow, top), (middle, top), (middle - spread // 3, top + 24 * u),
                 (middle - spread, top + 24 * u)], fill=_light(main, 0.2))  # fmt: skip
    pen.ellipse((middle - spread, top + 22 * u, middle + spread, top + 26 * u), fill=_light((255, 226, 160), 0.3))


def _seat(pen: Pen, dice: _Dice, main: Colour, side: int, base: int) -> None:
    u, middle = side // 100, side // 2
    half = (20 + dice.below(14)) * u
    seat = base - 22 * u
    for x in (middle - half + 3 * u, middle + half - 5 * u):
        pen.rectangle((x, seat, x + 2 * u, base), fill=_dark(main, 0.65))
    pen.rounded_rectangle((middle - half, seat - 30 * u, middle + half, seat + 4 * u), 6 * u, fill=_dark(main, 0.12))
    cushions = 1 + half // (14 * u)
    step = 2 * (half - 2 * u) // cushions
    for n in range(cushions):
        x = middle - half + 2 * u + n * step
        pen.rounded_rectangle(
            (x + u // 2, seat - 28 * u, x + step - u // 2, seat - 5 * u), 4 * u, fill=_light(main, 0.12)
        )
    pen.rounded_rectangle((middle - half - 3 * u, seat - 6 * u, middle + half + 3 * u, seat + 7 * u), 4 * u, fill=main)


def _table(pen: Pen, dice: _Dice, main: Colour, side: int, base: int) -> None:
    u, middle = side // 100, side // 2
    half, top = (26 + dice.below(10)) * u, base - (30 + dice.below(12)) * u
    lean = dice.below(6) * u
    for sign in (-1, 1):
        foot = middle + sign * (half - 4 * u + lean)
        head = middle + sign * (half - 8 * u)
        pen.polygon([(head - u, top), (head + u, top), (foot + u, base), (foot - u, base)], fill=_dark(main, 0.4))
    pen.rounded_rectangle((middle - half, top - 2 * u, middle + half, top + 2 * u), 2 * u, fill=main)
    x = middle - half // 2 + dice.below(max(1, half))
    pen.rounded_rectangle((x - 4 * u, top - 14 * u, x + 4 * u, top - 2 * u), 3 * u, fill=_light(main, 0.5))
    pen.line((x, top - 13 * u, x + 3 * u, top - 26 * u), fill=_dark((90, 130, 90), 0.1), width=u)
    pen.ellipse((x + u, top - 32 * u, x + 6 * u, top - 24 * u), fill=(124, 150, 118))


def _shelf(pen: Pen, dice: _Dice, main: Colour, side: int, base: int) -> None:
    u, middle = side // 100, side // 2
    half, top, boards = (18 + dice.below(8)) * u, 16 * u, 3 + dice.below(2)
    pen.rectangle((middle - half, top, middle + half, base), fill=_dark(main, 0.35))
    height = (base - top - 2 * u) // boards
    for board in range(boards):
        y = top + 2 * u + board * height
        pen.rectangle((middle - half + 2 * u, y, middle + half - 2 * u, y + height - 2 * u), fill=_light(main, 0.55))
        x = middle - half + 4 * u
        while x < middle + half - 8 * u:
            wide, tall = (2 + dice.below(4)) * u, height * (45 + dice.below(40)) // 100
            shade = _mix(main, [(200, 120, 90), (90, 120, 140), (240, 230, 210), (90, 100, 80)][dice.below(4)], 0.6)
            pen.rectangle((x, y + height - 2 * u - tall, x + wide, y + height - 2 * u), fill=shade)
            x += wide + (u // 2 if dice.below(4) else 5 * u)


def _textile(pen: Pen, dice: _Dice, main: Colour, side: int, base: int) -> None:
    u, middle = side // 100, side // 2
    half, top = (26 + dice.below(8)) * u, base - (52 + dice.below(8)) * u
    pen.rounded_rectangle((middle - half, top, middle + half, base), 7 * u, fill=main)
    stripes, kind = 3 + dice.below(6), dice.below(3)
    step = (base - top - 12 * u) // stripes
    for n in range(stripes):
        y = top + 6 * u + n * step
        if kind == 0:
            pen.rectangle((middle - half, y, middle + half, y + step // 3), fill=_light(main, 0.35))
        elif kind == 1:
            for x in range(middle - half + 6 * u, middle + half - 6 * u, 8 * u):
                pen.ellipse((x, y, x + 4 * u, y + 4 * u), fill=_light(main, 0.45))
        else:
            points = [(middle - half + k * half // 5, y + (k % 2) * step // 2) for k in range(11)]
            pen.line(points, fill=_dark(main, 0.25), width=u, joint="curve")


def _vessel(pen: Pen, dice: _Dice, main: Colour, side: int, base: int) -> None:
    u, middle = side // 100, side // 2
    half, tall = (13 + dice.below(9)) * u, (24 + dice.below(12)) * u
    pen.arc((middle + half - 5 * u, base - tall * 8 // 10, middle + half + 10 * u, base - tall // 4), -90, 90,
            fill=_dark(main), width=3 * u)  # fmt: skip
    pen.rounded_rectangle((middle - half, base - tall, middle + half, base), (3 + dice.below(8)) * u, fill=main)
    pen.rectangle((middle - half, base - tall, middle + half, base - tall + 6 * u), fill=main)
    pen.ellipse((middle - half, base - tall - 3 * u, middle + half, base - tall + 3 * u), fill=_dark(main, 0.35))
    pen.rounded_rectangle((middle - half + 3 * u, base - tall + 8 * u, middle - half + 6 * u, base - 8 * u), u,
                          fill=_light(main, 0.35))  # fmt: skip


def _vases(pen: Pen, dice: _Dice, main: Colour, side: int, base: int) -> None:
    u = side // 100
    for n in range(2 + dice.below(2)):
        x, wide, tall = (32 + 18 * n + dice.below(6)) * u, (7 + dice.below(5)) * u, (22 + dice.below(22)) * u
        shade = _mix(main, [(245, 235, 220), (60, 60, 70), (190, 120, 90)][n % 3], 0.35 * (n > 0))
        pen.rectangle((x - wide // 3, base - tall - 8 * u, x + wide // 3, base - tall + 6 * u), fill=_dark(shade, 0.2))
        pen.ellipse((x - wide, base - tall, x + wide, base), fill=shade)
        pen.rectangle((x - wide // 2, base - 4 * u, x + wide // 2, base), fill=shade)


def _frame(pen: Pen, dice: _Dice, main: Colour, side: int, base: int) -> None:
    u, middle = side // 100, side // 2
    half, top = (22 + dice.below(8)) * u, 14 * u
    bottom = top + 56 * u
    pen.rectangle((middle - half, top, middle + half, bottom), fill=_dark(main, 0.5))
    pen.rectangle((middle - half + 2 * u, top + 2 * u, middle + half - 2 * u, bottom - 2 * u), fill=_light(main, 0.75))
    for _ in range(3 + dice.below(3)):
        size = (6 + dice.below(12)) * u
        x = middle - half + 4 * u + dice.below(max(1, 2 * half - size - 8 * u))
        y = top + 4 * u + dice.below(max(1, 52 * u - size - 4 * u))
        pen.ellipse((x, y, x + size, y + size), fill=_mix(main, (220, 150, 110), dice.below(10) / 10))


SUBJECTS: dict[str, Callable[[Pen, _Dice, Colour, int, int], None]] = {
    "lamp": _lamp,
    "seat": _seat,
    "table": _table,
    "shelf": _shelf,
    "textile": _textile,
    "vessel": _vessel,
    "vases": _vases,
    "frame": _frame,
}


def main() -> None:
    """Answers each message that holds the arguments of `draw` with the picture."""
    os.nice(10)
    with suppress(EOFError):
        while True:
            arguments, _ = receive(sys.stdin.buffer, max_bytes=0)
            send(sys.stdout.buffer, {}, [draw(**arguments)])


if __name__ == "__main__":
    main()

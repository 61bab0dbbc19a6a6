"""Chooses the picture of a demo product: the shape by its category, the colour by a word of its name."""

from catalog.text import fold

# The first subject with a word of the category's name is chosen, else with one of the product's name. Words match by
# their beginnings. The keys are those of catalog.demo.drawing.SUBJECTS.
WORDS_BY_SUBJECT = {
    "vases": ("vase", "jar", "candle", "soap", "cutlery", "planter"),
    "lamp": ("lamp", "pendant", "light", "lantern"),
    "shelf": ("shel", "bookcase", "cabinet", "sideboard", "tv", "wardrobe"),
    "table": ("table", "desk", "board"),
    "seat": ("sofa", "chair", "armchair", "bed", "bench"),
    "textile": ("rug", "cushion", "throw", "duvet", "sheet", "pillow", "curtain", "towel", "mat", "apron"),
    "frame": ("mirror", "clock", "poster", "print"),
    "vessel": ("mug", "cup", "pot", "pan", "kettle", "bowl", "plate", "glass", "tea", "coffee", "casserole", "bakeware",
               "basket", "can"),
}  # fmt: skip
COLOUR_BY_WORD = {
    "brass": "#b5924c", "bronze": "#7d5a3c", "copper": "#b0704a", "gold": "#c39b4e", "steel": "#8e959b",
    "black": "#3a3836", "charcoal": "#4a4a4d", "graphite": "#55585c", "slate": "#66717c", "smoke": "#8a8580",
    "grey": "#9a9a96", "dove": "#b3aea6", "white": "#d9d2c5", "chalk": "#dcd6ca", "cream": "#dfd0b0",
    "ivory": "#dccfb2", "oatmeal": "#cbb897", "sand": "#cdb288", "linen": "#c9b795", "natural": "#c4a77d",
    "oak": "#b98f5a", "walnut": "#75513a", "ash": "#c7b392", "beech": "#c99b67", "acacia": "#8d5d38",
    "teak": "#95673d", "pine": "#cda56c", "bamboo": "#bfa468", "sage": "#93a487", "forest": "#3f5c48",
    "olive": "#78793f", "moss": "#6f7f4b", "green": "#5f8363", "celadon": "#9dbaa6", "ink": "#2f3e5c",
    "indigo": "#39457a", "petrol": "#2f5f6b", "navy": "#2f4062", "blue": "#4f749c", "sky": "#8fb1cc",
    "terracotta": "#b8664a", "rust": "#a4502f", "brick": "#98503d", "red": "#a8433c", "amber": "#c98a3c",
    "ochre": "#c08f3a", "mustard": "#c29a37", "saffron": "#d19a2f", "blush": "#d3a296", "rose": "#c58a8a",
    "plum": "#6f4560", "aubergine": "#553a52", "lilac": "#a793bd",
}  # fmt: skip


def subject_of(category: str, name: str) -> str:
    """The key of SUBJECTS that draws this product; "" when no word matches."""
    for text in (fold(category), fold(name)):
        for subject, beginnings in WORDS_BY_SUBJECT.items():
            if any(word.startswith(beginnings) for word in text.split()):
                return subject
    return ""


def colour_of(name: str) -> str:
    """The CSS colour of the last colour word in the name; "" when there is none."""
    words = fold(name).replace(",", " ").replace("-", " ").split()
    return next((COLOUR_BY_WORD[word] for word in reversed(words) if word in COLOUR_BY_WORD), "")

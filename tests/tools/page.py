"""Reads a page that --report wrote: its elements, its numbers, and whether it is what it should be."""

import json
import re
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}
# Attributes that make a browser load or go somewhere.
LOADS = {"src", "srcset", "href", "xlink:href", "action", "formaction", "data", "poster", "background", "ping"}


class Page(HTMLParser):
    """Raises ValueError where a tag is not closed by its own."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.source = text
        self.elements = []  # (tag, attributes), in order
        self.texts = {}  # by id: all the text inside
        self.tooltips = []
        self.references = []
        self.stack = []
        self.feed(text)
        self.close()
        if self.stack:
            raise ValueError(f"left open: {[tag for tag, _ in self.stack]}")

    def handle_starttag(self, tag, attributes, closed=False):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        self.references += [attributes[name] for name in LOADS & attributes.keys()]
        self.references += re.findall(r"url\(([^)]*)\)", attributes.get("style", ""))
        if any(name.startswith("on") for name in attributes):
            raise ValueError(f"a handler in {tag}: {attributes}")
        if tag not in VOID and not closed:
            self.stack.append((tag, attributes.get("id")))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes, closed=True)

    def handle_endtag(self, tag):
        if not self.stack or self.stack[-1][0] != tag:
            raise ValueError(f"</{tag}> inside of {self.stack}")
        self.stack.pop()

    def handle_data(self, text):
        for _, name in self.stack:
            if name is not None:
                self.texts[name] = self.texts.get(name, "") + text
        if len(self.stack) > 1 and self.stack[-1][0] == "title" and self.stack[-2][0] == "path":
            self.tooltips.append(text)

    @property
    def data(self):
        return json.loads(self.texts["data"])

    @property
    def run(self):
        return json.loads(self.texts["run-data"])

    def ids(self):
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def scripts(self):
        return [attributes for tag, attributes in self.elements if tag == "script"]

    def without_run(self):
        """All that must not differ from run to run."""
        return re.sub(r'<section id="run">.*?</section>', "", self.source, flags=re.DOTALL)


def bins(binning):
    """The first position of each bin, for np.add.reduceat and the like."""
    return range(0, binning["count"], binning["width"])

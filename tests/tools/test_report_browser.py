"""Pages of --report as a browser shows them: Chromium without a screen, on a desk and in a hand, light and dark."""

import html
import json
import shutil
import struct
import subprocess
import unittest
import zlib

import numpy as np

from command import DATA, CommandTest
from page import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DESK, HAND = (1280, 1600), (390, 844)
# Asks the page, once it is laid out, and leaves the answers where --dump-dom finds them. The page is in a frame:
# a window cannot be as narrow as a telephone.
PROBE = """<script>addEventListener("load", () => {
  document.querySelectorAll("details").forEach(d => { d.open = true; });
  const wide = [...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll, svg")
    && e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 80));
  const plots = [...document.querySelectorAll(".plot svg")].map(e => e.getBoundingClientRect());
  const small = [...document.querySelectorAll(".frame span, td, p")].filter(e =>
    parseFloat(getComputedStyle(e).fontSize) < 11).length;
  const answers = { title: document.title, width: innerWidth, scroll: document.documentElement.scrollWidth, wide, small,
    requests: performance.getEntriesByType("resource").length,
    plots: plots.map(r => [r.width, r.height]), dark: matchMedia("(prefers-color-scheme: dark)").matches,
    background: getComputedStyle(document.body).backgroundColor, text: getComputedStyle(document.body).color,
    size: document.querySelector(".sizes dd span")?.innerText, height: document.documentElement.scrollHeight,
    figures: [...document.querySelectorAll(".figures b")].map(e => e.innerText) };
  top.document.getElementById("answers").textContent = JSON.stringify(answers); });</script>"""
FRAME = """<!DOCTYPE html><script type="application/json" id="answers"></script>
<iframe width="{}" height="{}" style="border:0" srcdoc="{}"></iframe>"""


def png(path):
    """[height, width, 3] of an 8-bit RGB or RGBA file without interlacing."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    packed, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", data[at + 8 : at + 21])
        if kind == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += 12 + length
    assert depth == 8 and interlace == 0
    channels = {2: 3, 6: 4}[colour]
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    before = np.zeros((width, channels), np.uint8)
    image = np.empty((height, width, channels), np.uint8)
    for y in range(height):
        image[y] = before = unfilter(rows[y, 0], rows[y, 1:].reshape(width, channels), before)
    return image[:, :, :3]


def unfilter(kind, row, above):
    if kind == 0:
        return row
    if kind == 2:
        return row + above
    if kind == 1:
        return np.cumsum(row, axis=0, dtype=np.uint8)
    out = np.zeros((len(row) + 1, row.shape[1]), np.int64)
    upper = np.vstack([np.zeros((1, row.shape[1]), np.int64), above.astype(np.int64)])
    for x in range(len(row)):
        left, up, corner = out[x], upper[x + 1], upper[x]
        if kind == 3:
            guess = (left + up) // 2
        else:
            p = left + up - corner
            a, b, c = abs(p - left), abs(p - up), abs(p - corner)
            guess = np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))
        out[x + 1] = (row[x] + guess) % 256
    return out[1:].astype(np.uint8)


def luminance(colour):
    linear = [(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4) for v in np.asarray(colour) / 255]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def contrast(a, b):
    light, dark = sorted([luminance(a), luminance(b)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


def rgb(text):
    return [int(part) for part in text[text.index("(") + 1 : -1].split(",")[:3]]


@unittest.skipUnless(CHROMIUM, "Chromium is not installed (Debian: chromium)")
class BrowserTest(CommandTest):
    def chromium(self, page, size, dark, *arguments):
        scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
        done = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-background-networking", f"--user-data-dir={self.path('profile')}", *scheme,
             f"--window-size={size[0]},{size[1]}", *arguments, f"file://{self.path(page)}"],
            capture_output=True, timeout=120, cwd=self.folder,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace"))
        return done.stdout.decode()

    def ask(self, page, size, dark=False):
        """Of a copy of the page that may run the probe."""
        text = (self.folder / page).read_text()
        start = text.index('<meta http-equiv="Content-Security-Policy"')
        text = text[:start] + text[text.index("\n", start) :]
        probed = html.escape(text.replace("</body>", PROBE + "</body>"))
        (self.folder / "probe.html").write_text(FRAME.format(*size, probed))
        dumped = self.chromium("probe.html", DESK, dark, "--dump-dom")
        start = dumped.index('id="answers">') + len('id="answers">')
        return json.loads(dumped[start : dumped.index("</script>", start)])

    def shot(self, page, size, dark=False):
        self.chromium(page, size, dark, f"--screenshot={self.path('shot.png')}")
        return png(self.folder / "shot.png")

    def find(self, *arguments):
        self.succeed("find", *arguments, "--report", "page.html", "--quiet")
        return Page((self.folder / "page.html").read_text()).data

    def stream(self):
        return self.find("--keys", DATA / "stream_keys.npy", "--queries", DATA / "stream_queries.npy",
                         "--tokens", DATA / "stream.tokens.txt", "--epsilon", 0.002)  # fmt: skip

    def heads(self):
        tensors = DATA / "heads.safetensors"
        return self.find("--keys", f"{tensors}:k", "--queries", f"{tensors}:q", "--causal",
                         "--tokens", DATA / "heads.tokens.txt", "--epsilon", 0.05)  # fmt: skip

    def check_layout(self, size, dark, plots):
        answers = self.ask("page.html", size, dark)
        self.assertEqual(answers["width"], size[0])
        self.assertLessEqual(answers["scroll"], size[0])
        self.assertEqual(answers["wide"], [])
        self.assertEqual(answers["small"], 0)
        self.assertEqual(answers["requests"], 0)
        self.assertEqual(answers["dark"], dark)
        self.assertEqual(luminance(rgb(answers["background"])) < 0.05, dark)
        self.assertGreater(contrast(rgb(answers["background"]), rgb(answers["text"])), 10)
        self.assertEqual(len(answers["plots"]), plots)
        for width, height in answers["plots"]:
            self.assertGreater(width, 0.7 * min(size[0], 450) - 60)
            self.assertGreater(height, 200)
        return answers

    def test_one_long_head(self):
        data = self.stream()
        for size in (DESK, HAND):
            for dark in (False, True):
                with self.subTest(size=size, dark=dark):
                    answers = self.check_layout(size, dark, 4)
                    head = data["heads"][0]
                    self.assertTrue(answers["size"].startswith(f"{head['size']:,} keys"), answers["size"])
                    self.assertEqual(answers["figures"][:3],
                                     [f"{head['n']:,}", f"{head['size']:,}", f"{head['entries']:,}"])  # fmt: skip

    def test_many_heads(self):
        data = self.heads()
        for size in (DESK, HAND):
            with self.subTest(size=size):
                answers = self.check_layout(size, False, 4 * 12)
                total = sum(head["entries"] for head in data["heads"])
                self.assertEqual(answers["figures"][3], f"{total:,}")

    def test_the_page_as_it_is(self):
        """With its policy, which lets nothing run: the browser's document has the numbers of the file."""
        data = self.stream()
        dumped = Page(self.chromium("page.html", DESK, False, "--dump-dom").replace("<!DOCTYPE html>", "", 1))
        self.assertEqual(dumped.data, data)
        self.assertIn(f"{data['heads'][0]['size']:,} keys", dumped.texts["head-0"])

    def test_pictures(self):
        self.stream()
        for dark, page, bars in [(False, 0xFFFFFF, 0x1F6FB2), (True, 0x14171B, 0x62AEF0)]:
            for size in (DESK, HAND):
                with self.subTest(dark=dark, size=size):
                    image = self.shot("page.html", size, dark).astype(np.int64)
                    self.assertEqual(image.shape, (size[1], size[0], 3))
                    colours = image @ [65536, 256, 1]
                    self.assertGreater((colours == page).mean(), 0.4)
                    self.assertGreater((colours == bars).mean(), 0.003)

    def test_hostile_tokens_do_not_run(self):
        self.save("k.npy", np.eye(4))
        attack = "<script>document.title='taken'</script>\n<img src=x onerror=\"document.title='taken'\">\n"
        (self.folder / "t.txt").write_text(attack + "</title></svg><svg onload=\"document.title='taken'\">\n'\"\n")
        self.find("--keys", "k.npy", "--queries", "k.npy", "--epsilon", 0.5, "--tokens", "t.txt")
        # Without the policy to fall back on.
        self.assertEqual(self.ask("page.html", DESK)["title"], "Heavy attention in k.npy")


if __name__ == "__main__":
    unittest.main()

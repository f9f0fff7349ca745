"""--report: the page says what NumPy and summary.json say, is one file that loads nothing, and stays small."""

import io
import json
import re
import unittest
from html import unescape

import numpy as np

from command import DATA, CommandTest
from page import Page, bins
from reference import gridded, leverage, spiked_keys, weights

EPSILON = 0.05
LIMIT = 2_000_000  # bytes
HOSTILE = [
    b"</script><script>alert(1)</script>",
    b"<img src=x onerror=alert(1)>",
    b"a & b &lt; \"c\" 'd'",
    b"\xff\xfe\xc0\xaf broken \xed\xa0\x80",
    b"bell\x07 esc\x1b[31m nul\x00",
    "\u202eesrever \u2066 \u0085 \ufeff".encode(),
    "in\u200bvi\u2060si\u00adble \U000e0041".encode(),
    b"]]> --> <!-- <svg onload=alert(1)>",
    "wörd 語 🙂".encode(),
]


class ReportTest(CommandTest):
    def page(self, *arguments, name="page.html", stdin=b""):
        self.succeed(*arguments, "--report", name, "--quiet", stdin=stdin)
        return self.read(name)

    def read(self, name):
        page = Page((self.folder / name).read_bytes().decode("utf-8"))
        self.check_page(page)
        return page

    def check_page(self, page):
        """What holds for every page."""
        self.assertLess(len(page.source.encode()), LIMIT)
        self.assertTrue(page.source.startswith("<!DOCTYPE html>\n<html lang=\"en\">"))
        for reference in page.references:
            self.assertTrue(reference.startswith("#") and reference[1:] in page.ids(), reference)
        self.assertNotIn("@import", page.source)
        self.assertNotIn("url(", page.source)
        self.assertEqual(len(page.ids()), len(set(page.ids())))
        self.assertEqual({script["type"] for script in page.scripts()}, {"application/json"})
        tags = [tag for tag, _ in page.elements]
        self.assertFalse({"link", "img", "iframe", "object", "embed", "base", "form"} & set(tags))
        self.assertEqual((tags.count("h1"), tags.count("main")), (1, 1))
        meta = {a.get("name") or a.get("http-equiv"): a["content"] for t, a in page.elements if "content" in a}
        self.assertIn("default-src 'none'", meta["Content-Security-Policy"])
        self.assertIn("width=device-width", meta["viewport"])
        self.assertEqual(meta["generator"], "heavykeys " + page.data["heavykeys"])
        for tag, attributes in page.elements:  # every chart says what it shows
            if tag == "svg" and "aria-hidden" not in attributes:
                self.assertEqual(attributes["role"], "img")
                self.assertGreater(len(attributes["aria-label"]), 20)

    def inputs(self, n=3000, d=8, m=50, dtype=np.float32):
        self.keys = spiked_keys(self.rng, n, d, dtype)
        self.queries = (self.keys[self.rng.choice(n, m)] + self.rng.standard_normal((m, d))).astype(dtype)
        return ["--keys", self.save("k.npy", self.keys), "--queries", self.save("q.npy", self.queries)]


class NumbersTest(ReportTest):
    def setUp(self):
        super().setUp()
        self.arguments = ["find", *self.inputs(), "--epsilon", EPSILON, "--out", "r"]
        self.found = self.page(*self.arguments)
        self.head = self.found.data["shown"][0]
        self.summary = json.loads((self.folder / "r" / "summary.json").read_text())
        self.weights = weights(self.queries, gridded(self.keys, 24))

    def test_sizes_are_those_of_the_summary(self):
        listed = self.found.data["heads"][0]
        self.assertEqual(listed["size"], self.summary["universal_set"]["size"])
        self.assertEqual(listed["bound"], self.summary["universal_set"]["bound"])
        self.assertEqual((listed["n"], listed["rank"]), (3000, self.summary["rank"]))
        self.assertEqual(listed["entries"], self.summary["heavy_entries"]["entries"])
        for name in ["verb", "keys", "queries", "score", "epsilon", "causal", "d", "mode", "route"]:
            self.assertEqual(self.found.data[name], self.summary[name])
        text = " ".join(self.found.texts["head-0"].split())
        self.assertIn(f"{listed['size']} keys (", text)
        self.assertIn("Rank 8 of 8 columns", text)
        self.assertIn("3,000 keys with 8 columns", self.found.texts["question"])

    def test_leverage_bins_hold_the_greatest(self):
        tau = leverage(gridded(self.keys, 24))
        shown = self.head["leverage"]
        members = tau >= EPSILON
        self.assertLessEqual(shown["rows"]["bins"], 256)
        starts = list(bins(shown["rows"]))
        counts = np.add.reduceat(members.astype(int), starts)
        greatest = np.maximum.reduceat(np.where(members, tau, 0), starts)
        found = {index: (keys, value, row) for index, keys, value, row in shown["bins"]}
        self.assertEqual(sorted(found), list(np.flatnonzero(counts)))
        for index, (keys, value, row) in found.items():
            self.assertEqual(keys, counts[index])
            self.assertAlmostEqual(value, greatest[index], delta=1e-7)
            self.assertAlmostEqual(tau[row], value, delta=1e-7)
        self.assertTrue(any("greatest leverage" in text for text in self.found.tooltips))

    def test_the_map_has_every_entry(self):
        queries, keys = np.nonzero(self.weights >= EPSILON)
        shown = self.head["map"]
        rows, columns = queries // shown["queries"]["width"], keys // shown["keys"]["width"]
        want = {}
        for row, column, weight in zip(rows, columns, self.weights[queries, keys]):
            count, greatest = want.get((row, column), (0, 0))
            want[row, column] = (count + 1, max(greatest, weight))
        found = {(q, k): (count, greatest) for q, k, count, greatest in shown["cells"]}
        self.assertGreater(len(found), 20)
        self.assertEqual({k: c for k, (c, _) in found.items()}, {k: c for k, (c, _) in want.items()})
        for cell, (_, greatest) in found.items():
            self.assertAlmostEqual(greatest, want[cell][1], delta=1e-4)

    def test_histograms(self):
        heavy = self.weights[self.weights >= EPSILON]
        shown = self.head["weights"]
        counts, _ = np.histogram(self.result("r", "heavy_weights"), bins=shown["edges"])
        np.testing.assert_array_equal(shown["counts"], counts)
        self.assertEqual(sum(shown["counts"]), len(heavy))
        self.assertLessEqual(len(shown["counts"]), 24)

        shares = np.where(self.weights >= EPSILON, self.weights, 0).sum(axis=1)
        share = self.head["share"]
        self.assertAlmostEqual(share["mean"], shares.mean(), delta=1e-7)
        self.assertAlmostEqual(share["median"], np.median(shares), delta=1e-7)
        self.assertLessEqual(share["mean_lower"], share["mean"])
        self.assertLessEqual(share["mean"], share["mean_upper"])
        self.assertEqual(share["queries_with_entries"], (shares > 0).sum())
        self.assertEqual(sum(share["histogram"]["counts"]), 50)

    def test_the_attention_on_all_of_the_universal_set(self):
        members = leverage(gridded(self.keys, 24)) >= EPSILON
        mass = self.weights[:, members].sum(axis=1)
        shown = self.head["share"]["universal_set"]
        self.assertEqual(shown["queries"], 50)
        self.assertAlmostEqual(shown["mean"], mass.mean(), delta=1e-7)
        counts, _ = np.histogram(mass, bins=shown["histogram"]["edges"])
        np.testing.assert_array_equal(shown["histogram"]["counts"], counts)

    def test_key_tables(self):
        heavy = self.weights >= EPSILON
        counts = heavy.sum(axis=0)
        totals = np.where(heavy, self.weights, 0).sum(axis=0)
        order = sorted(np.flatnonzero(counts), key=lambda j: (-counts[j], -totals[j], j))[:10]
        shown = self.head["by_queries"]
        self.assertEqual([key["key"] for key in shown], order)
        self.assertEqual(self.head["heavy_keys"], (counts > 0).sum())
        for key in shown:
            column = self.weights[:, key["key"]]
            self.assertEqual(key["queries"], counts[key["key"]])
            self.assertEqual(key["query"], column.argmax())
            self.assertAlmostEqual(key["greatest"], column.max(), delta=1e-7)
            self.assertAlmostEqual(key["weight"], totals[key["key"]], delta=1e-6)
        top = self.summary["universal_set"]["top"]
        shown = self.head["by_leverage"]
        self.assertEqual([k["key"] for k in shown], [k["key"] for k in top])
        self.assertEqual([k["leverage"] for k in shown], [k["leverage"] for k in top])

    def test_where_it_differs_from_run_to_run(self):
        for engine in json.loads(self.succeed("engines", "--json"))["engines"]:
            for threads in [1, 3] if engine["name"] != "streaming" else [1]:
                extra = ["--engine", engine["name"], "--threads", threads]
                other = self.page(*self.arguments, *extra, name="other.html")
                self.assertEqual(other.without_run(), self.found.without_run(), extra)
                self.assertEqual((other.run["engine"], other.run["threads"]), (engine["name"], threads))
                self.assertGreater(other.run["peak_memory_bytes"], 1 << 20)
        summary = json.loads((self.folder / "r" / "summary.json").read_text())
        self.assertEqual(other.run, summary["run"])


class KindsTest(ReportTest):
    def test_a_find_without_queries(self):
        self.inputs()
        found = self.page("find", "--keys", "k.npy", "--epsilon", EPSILON)
        self.assertEqual(set(found.data["shown"][0]), {"head", "leverage", "by_leverage"})
        self.assertIn("h0-leverage", found.ids())
        self.assertNotIn("h0-map", found.ids())

    def test_a_scan_with_an_audit(self):
        inputs = self.inputs()
        self.succeed("find", "--keys", "k.npy", "--epsilon", EPSILON, "--out", "set", "--quiet")
        scan = ["scan", *inputs, "--epsilon", EPSILON, "--score", "softmax:0.01", "--audit", "set", "--out", "r"]
        found = self.page(*scan)
        summary = json.loads((self.folder / "r" / "summary.json").read_text())
        listed = found.data["heads"][0]
        self.assertEqual(listed["entries"], summary["heavy_entries"]["entries"])
        self.assertGreater(listed["entries"], 0)
        self.assertEqual(listed["audit_share"], summary["audit"]["share"])
        self.assertEqual(listed["audit_weight_share"], summary["audit"]["weight_share"])
        shares = self.result("r", "audit_share")
        shown = found.data["shown"][0]["audit"]
        np.testing.assert_array_equal(shown["counts"], np.histogram(shares, bins=shown["edges"])[0])
        self.assertIn("h0-audit", found.ids())
        for absent in ["h0-leverage", "h0-size"]:
            self.assertNotIn(absent, found.ids())
        self.assertNotIn("size", listed)

    def test_scores_with_bounds(self):
        for score in ["expressive", "power:1", "power:4", "polynomial:0,1,1"]:
            with self.subTest(score=score):
                found = self.page("find", *self.inputs(n=300, d=3), "--epsilon", 0.2, "--score", score)
                share = found.data["shown"][0]["share"]
                exact = found.data["route"] in ("exact", "lift") and score != "power:1"
                self.assertEqual("universal_set" in share, exact)
                self.assertLessEqual(share["mean_lower"], share["mean_upper"] + 1e-15)

    def test_undecided_weights_are_not_called_heavy(self):
        """Ten equal keys a little below epsilon, or a little above, and weights known as intervals only."""
        keys = (0.3 * self.rng.standard_normal((6000, 3))).astype(np.float32)
        keys[:600:60] = [6, 0, 0]
        queries = (np.array([[1, 0, 0]]) + 0.01 * self.rng.standard_normal((50, 3))).astype(np.float32)
        f = np.abs(queries.astype(float) @ keys.T.astype(float)) ** 3
        ten = (f / f.sum(axis=1, keepdims=True))[:, :600:60]
        arguments = ["find", "--keys", self.save("k.npy", keys), "--queries", self.save("q.npy", queries)]
        arguments += ["--score", "power:3", "--sample-rows", 16]

        found = self.page(*arguments, "--epsilon", repr(1.002 * ten.max()))
        self.assertEqual(found.data["heads"][0]["entries"], 500)  # none of them heavy
        text = self.visible(found)
        self.assertIn("attention is on its possibly heavy entries", text)
        self.assertIn("Weights of the possibly heavy entries", text)
        for wrong in ["its heavy entries", "the heavy entries", "500 heavy", "are heavy for"]:
            self.assertNotIn(wrong, text)

        likely = [*arguments, "--epsilon", repr(0.998 * ten.min()), "--mode", "no-false-positives"]
        found = self.page(*likely)
        self.assertEqual(found.data["heads"][0]["entries"], 0)  # all 500 are heavy
        text = self.visible(found)
        self.assertIn("None of 50 queries is certain to give any key a weight of ε or more.", text)
        self.assertIn("attention is on its certainly heavy entries", text)
        self.assertNotIn("gives any key", text)
        self.assertIn("likely heavy entries", self.visible(self.page(*likely, "--confidence", 0.01)))
        verified = self.visible(self.page(*likely[:-2], "--verify"))
        self.assertIn("500 heavy entries", verified)
        self.assertNotIn("possibly", verified)

    def test_a_causal_query_may_look_outside_of_the_universal_set(self):
        keys = self.rng.standard_normal((1000, 8)).astype(np.float32)
        keys[:20] *= 0.01
        arguments = ["find", "--keys", self.save("k.npy", keys), "--queries", "k.npy", "--epsilon", 0.1]
        found = self.page(*arguments, "--causal")
        self.assertEqual(found.data["heads"][0]["size"], 0)
        self.assertGreater(found.data["heads"][0]["entries"], 100)
        text = self.visible(found)
        self.assertIn("U is empty: no query that sees all keys can give any key", text)
        self.assertIn("can any query that sees them all give", text)
        self.assertIn("A query that sees fewer keys can give such a weight to others of them, too.", text)
        text = self.visible(self.page(*arguments[:-1], 0.01, "--causal"))
        self.assertIn("greatest weight that any query which sees all keys could give it", text)
        self.assertIn("theirs is too small for a weight of ε from a query that sees all keys.", text)
        self.assertNotIn("sees", self.visible(self.page(*arguments)).replace("sees all keys", ""))

    def visible(self, page):
        """What a person reads."""
        text = re.sub(r"<(style|script)\b.*?</\1>", "", page.source, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]*>", "", text)).split())

    def test_finalize(self):
        inputs = self.inputs()
        found = self.page("find", *inputs, "--epsilon", EPSILON)
        self.succeed("sketch", "--keys", "k.npy", "--epsilon", EPSILON, "--out", "s.hks", "--quiet")
        again = self.page("finalize", "s.hks", "--queries", "q.npy", name="again.html")
        self.assertEqual(again.data["shown"], found.data["shown"])

    def test_streams_lie_over_one_another(self):
        self.inputs(n=1000)
        for stream in (0, 3):
            self.succeed("sketch", "--keys", "k.npy", "--epsilon", EPSILON, "--stream", stream, "--quiet",
                         "--out", f"{stream}.hks")  # fmt: skip
        self.succeed("merge", "0.hks", "3.hks", "--out", "s.hks")
        found = self.page("finalize", "s.hks", "--queries", "q.npy")
        shown = found.data["shown"][0]
        self.assertEqual(sum(b[1] for b in shown["leverage"]["bins"]), found.data["heads"][0]["size"])
        self.assertEqual(sum(c[2] for c in shown["map"]["cells"]), found.data["heads"][0]["entries"])
        self.assertEqual({k["stream"] for k in shown["by_leverage"]}, {0, 3})
        self.assertIn("3:", found.texts["head-0"])

    def test_nothing_found(self):
        keys = self.save("k.npy", np.zeros((7, 3)))
        queries = self.save("q.npy", np.ones((2, 3)))
        found = self.page("find", "--keys", keys, "--queries", queries, "--epsilon", EPSILON)
        self.assertEqual(found.data["heads"][0]["size"], 0)
        self.assertIn("U is empty: no query", found.texts["head-0"])
        self.assertNotIn("h0-leverage", found.ids())
        self.assertIn("None of 2 queries gives any key", " ".join(found.texts["head-0"].split()))
        one = self.save("one.npy", np.ones((1, 1)))
        found = self.page("find", "--keys", one, "--queries", one, "--epsilon", 1)
        self.assertEqual(found.data["shown"][0]["map"]["cells"], [[0, 0, 1, 1.0]])

    def test_weights_that_differ_in_their_last_bits(self):
        keys = self.save("k.npy", np.array([[2.67]], np.float16))
        queries = self.save("q.npy", self.rng.standard_normal((64, 1)).astype(np.float16))
        scan = ["scan", "--keys", keys, "--queries", queries, "--epsilon", 0.001, "--score", "softmax:0.3"]
        found = self.page(*scan)
        self.assertEqual(sum(found.data["shown"][0]["weights"]["counts"]), 64)

    def test_heads(self):
        tensors = DATA / "heads.safetensors"
        inputs = ["--keys", f"{tensors}:k", "--queries", f"{tensors}:q", "--tokens", DATA / "heads.tokens.txt"]
        found = self.page("find", *inputs, "--epsilon", EPSILON, "--causal", "--out", "r")
        summary = json.loads((self.folder / "r" / "summary.json").read_text())
        self.assertEqual([h["head"] for h in found.data["heads"]], list(range(12)))
        for listed, head, shown in zip(found.data["heads"], summary["heads"], found.data["shown"]):
            self.assertEqual(listed["size"], head["universal_set"]["size"])
            self.assertEqual(listed["entries"], head["heavy_entries"]["entries"])
            self.assertEqual(sum(c[2] for c in shown["map"]["cells"]), listed["entries"])
            self.assertEqual(sum(shown["weights"]["counts"]), listed["entries"])
            self.assertNotIn("universal_set", shown["share"])  # a causal query has its own sum over keys
        self.assertIn("[CLS]", found.texts["head-0"])
        self.assertEqual(found.source.count("<details class=\"head\""), 12)


class TokensTest(ReportTest):
    def test_hostile_tokens_are_inert(self):
        keys = np.eye(len(HOSTILE))
        self.save("k.npy", keys)
        (self.folder / "t<b>.txt").write_bytes(b"\n".join(HOSTILE) + b"\n")
        arguments = ["--keys", "k.npy", "--queries", "k.npy", "--epsilon", 0.5, "--tokens", "t<b>.txt"]
        found = self.page("find", *arguments)
        text = found.texts["head-0"]
        self.assertIn("</script><script>alert(1…", text)
        self.assertIn("a & b &lt; \"c\" 'd'", text)
        self.assertIn("bell␇ esc␛[31m nul␀", text)
        self.assertIn("��", text)
        self.assertIn("wörd 語 🙂", text)
        for c in "\u200b\u2060\u00ad\U000e0041\u202e\u2066\u0085\ufeff\x07\x1b\x00":
            self.assertNotIn(c, found.source)
        self.assertEqual(len([s for s in found.scripts()]), 2)

    def test_hostile_file_names(self):
        name = "k</script><b>&\"'.npy"
        name = name.replace("/", "")
        np.save(self.folder / name, np.eye(4))
        found = self.page("find", "--keys", name, "--epsilon", 0.5)
        self.assertNotIn("b", [tag for tag, _ in found.elements if tag == "b"][3:])
        self.assertEqual(found.data["keys"], name)
        self.assertIn(name, found.texts["question"])

    def test_only_tokens_that_are_shown_are_kept(self):
        self.inputs(n=2000)
        tokens = [f"tok{i}" for i in range(2000)]
        (self.folder / "t.txt").write_text("\n".join(tokens) + "\n")
        plain = self.find_json("--keys", "k.npy", "--epsilon", EPSILON, "--tokens", "t.txt")
        both = self.find_json("--keys", "k.npy", "--epsilon", EPSILON, "--tokens", "t.txt", "--report", "p.html")
        for summary in (plain, both):
            summary.pop("run")
        self.assertEqual(both, plain)
        found = self.read("p.html")
        for _, _, _, row in found.data["shown"][0]["leverage"]["bins"]:
            self.assertTrue(any(f"“tok{row}”" in tip for tip in found.tooltips))


class SizeTest(ReportTest):
    def stream(self, shape, array):
        """An .npy as it would come on stdin."""
        head = io.BytesIO()
        header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(head, header)
        return head.getvalue() + array.tobytes()

    def test_ten_million_keys(self):
        n = 10_000_000
        keys = self.rng.standard_normal((n, 2)).astype(np.float16)
        keys[::500_000] *= 500
        queries = self.save("q.npy", self.rng.standard_normal((300, 2)).astype(np.float16))
        stdin = self.stream(keys.shape, keys)
        found = self.page("find", "--keys", "-", "--queries", queries, "--epsilon", 0.01, stdin=stdin)
        self.assertEqual(found.data["heads"][0]["n"], n)
        self.assertGreater(found.data["heads"][0]["size"], 10)
        entries = found.data["heads"][0]["entries"]
        self.assertGreater(entries, 1000)
        self.assertEqual(sum(c[2] for c in found.data["shown"][0]["map"]["cells"]), entries)

    def test_a_full_map(self):
        """Every query attends to every key, in all heads that are shown, with long tokens of what must be escaped."""
        keys = np.sign(self.rng.standard_normal((20, 300, 2))).astype(np.float32)
        name = self.save("k.npy", keys)
        (self.folder / "t.txt").write_text(("'\"<&>" * 30 + "\n") * 300)
        arguments = ["--keys", name, "--queries", name, "--tokens", "t.txt", "--top", 1000]
        found = self.page("scan", *arguments, "--score", "power:2", "--epsilon", 0.001)
        self.assertEqual(len(found.data["shown"]), 16)
        for shown, listed in zip(found.data["shown"], found.data["heads"]):
            self.assertGreater(listed["entries"], 30000)
        found = self.page("find", *arguments, "--epsilon", 0.001)
        self.assertEqual(len(found.data["shown"]), 16)

    def test_a_thousand_heads_and_more(self):
        keys = self.rng.standard_normal((1500, 32, 4)).astype(np.float32)
        keys[700] = 0
        name = self.save("k.npy", keys)
        queries = self.save("q.npy", keys[:, :4])
        found = self.page("find", "--keys", name, "--queries", queries, "--epsilon", 0.05)
        self.assertEqual(found.data["head_count"], 1500)
        self.assertEqual(len(found.data["heads"]), 1024)
        self.assertEqual(len(found.data["shown"]), 16)
        self.assertNotIn(700, [h["head"] for h in found.data["heads"]])
        text = " ".join(found.texts["heads"].split())
        self.assertIn("Listed are the 1,024 with most heavy entries; 476 heads with fewer are left out.", text)
        self.assertIn("Charts follow for the 16 heads", text)
        entries = [h["entries"] for h in found.data["heads"]]
        shown = [h["head"] for h in found.data["shown"]]
        least = min(h["entries"] for h in found.data["heads"] if h["head"] in shown)
        self.assertGreaterEqual(least, sorted(entries)[-16])

    def test_many_heads_with_tokens_of_quotes(self):
        keys = self.rng.standard_normal((1100, 200, 4)).astype(np.float32)
        queries = self.save("q.npy", keys[:, ::2] + 0.5)
        (self.folder / "t.txt").write_text(('"' * 30 + "\n") * 200)
        for epsilon in [0.003, 1e-6]:
            self.page("find", "--keys", self.save("k.npy", keys), "--queries", queries, "--tokens", "t.txt",
                      "--top", 50, "--epsilon", epsilon)  # fmt: skip

    def test_the_weighing_of_the_set_is_bounded(self):
        """By what a query costs: its normaliser over 528 coordinates is six times its products with U."""
        keys = self.rng.standard_normal((1500, 32))
        keys[::300] *= 40
        arguments = ["--keys", self.save("k.npy", keys), "--queries", self.save("q.npy", keys[:1].repeat(2500, 0))]
        found = self.page("find", *arguments, "--epsilon", 0.15, "--score", "power:4")
        size = found.data["heads"][0]["size"]
        asked = 2**29 // (size * 32 + 528**2 + 1)
        self.assertLess(asked, 2500)
        self.assertIn(f"over {asked:,} queries evenly spread", " ".join(found.texts["head-0"].split()))


class RefusalTest(ReportTest):
    def test_before_the_pass(self):
        """No keys are read: there are none on stdin, and that is not what the error is about."""
        self.inputs()
        self.succeed("find", "--keys", "k.npy", "--epsilon", EPSILON, "--out", "r", "--quiet")
        (self.folder / "folder").mkdir()
        (self.folder / "old.html").write_text("old")
        for name, words in [
            ("none/page.html", ["none/page.html", "no folder"]),
            ("folder", ["folder", "directory"]),
            ("/dev/null", ["/dev/null", "not a regular file"]),
            ("-", ["--report -"]),
            ("q.npy", ["q.npy", "input"]),
            ("r/page.html", ["r/page.html", "inside --out r"]),
            ("./folder/../r/head-000/p.html", ["there is no folder"]),
        ]:
            with self.subTest(name=name):
                arguments = ["--queries", "q.npy", "--epsilon", EPSILON, "--out", "r", "--report", name]
                self.fail_with("find", "--keys", "-", *arguments, words=words)
                self.fail_with("scan", "--keys", "-", *arguments, "--score", "power:2", words=words)
        self.fail_with("find", "--keys", "k.npy", "--epsilon", EPSILON, "--report", "./k.npy", words=["input"])
        self.fail_with("finalize", "k.npy", "--report", "none/p.html", words=["no folder"])

    def test_an_error_leaves_the_old_page(self):
        self.inputs()
        (self.folder / "old.html").write_text("old")
        keys = self.keys.copy()
        keys[2000, 3] = np.nan
        bad = self.save("bad.npy", keys)
        for name in ["old.html", "new.html"]:
            self.fail_with("find", "--keys", bad, "--epsilon", EPSILON, "--report", name, words=["row 2000"])

    def test_help_speaks_of_it(self):
        for verb in ["find", "scan", "finalize"]:
            self.assertIn("--report F.html", self.succeed(verb, "--help"))


if __name__ == "__main__":
    unittest.main()

"""Asks the app for a page and for every asset that the page names."""

import os
import re
import unittest
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

BASE = os.environ.get("TW_RUN_URL") or os.environ.get("BASE_URL") or "http://127.0.0.1:5000"


def get(path):
    with urlopen(BASE.rstrip("/") + path, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def assets():
    _, html = get("/")
    return re.findall(r'(?:href|src)="([^"]+)"', html)


class Page(unittest.TestCase):
    def test_names_one_compiled_file_of_each_kind(self):
        css, js = assets()
        self.assertRegex(css, r"^/static/CACHE/css/output\.[0-9a-f]{12}\.css$")
        self.assertRegex(js, r"^/static/CACHE/js/output\.[0-9a-f]{12}\.js$")

    def test_names_the_same_files_whichever_process_answers(self):
        with ThreadPoolExecutor(8) as pool:
            pages = list(pool.map(lambda _: assets(), range(24)))
        self.assertEqual(pages, [pages[0]] * 24)

    def test_whatever_it_names_is_there(self):
        for _ in range(6):
            css, js = assets()
            kind, text = get(css)
            self.assertEqual(kind, "text/css")
            self.assertIn("max-width:40rem", text)
            self.assertNotIn("/*", text)
            kind, text = get(js)
            self.assertIn("javascript", kind)
            self.assertIn("good morning", text)
            self.assertNotIn("// Says", text)


unittest.main()
